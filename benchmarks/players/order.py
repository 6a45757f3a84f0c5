"""What is played first: whatever is finished when time ends is a balanced part of all games and players."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rmr_gym.players import Player, lookahead_steps, paper_heads


@dataclass(frozen=True, slots=True)
class Item:
    """An episode to be played."""

    game: str
    """Rom id."""

    player: Player
    """One of `paper_heads`."""

    rank: int
    """Place of the player by skill, 0 to 31."""

    episode: int
    """Number of the player's episode in this game."""


def items(games: Sequence[str], *, episodes: int, random_episodes: int) -> Iterator[Item]:
    """List all episodes in the order in which they are played.

    First the strongest player and the blind ones in all games, then the others, one in all games after the other, in
    the mixed order of `paper_heads`; then all of it again for the next episode.

    Args:
        games: rom ids.
        episodes: of each player that looks ahead in each game.
        random_episodes: of each that does not; they take little time.
    """
    for episode in range(max(episodes, random_episodes)):
        for turn in range(32):
            for game in games:
                player = _turns(game)[turn]
                if episode < (episodes if lookahead_steps(player) else random_episodes):
                    yield Item(game, player, ranking(game).index(player.name), episode)


def blind_round(game: str, episode: int) -> list[Item]:
    """List one episode of each player that does not look ahead."""
    return [item for item in items([game], episodes=0, random_episodes=episode + 1) if item.episode == episode]


def ranking(game: str) -> list[str]:
    """Return the names of the players, the weakest first."""
    return [player.name for player in sorted(paper_heads(game), key=lambda player: player.skill)]


def _turns(game: str) -> list[Player]:
    players = paper_heads(game)
    strongest = max(players, key=lambda player: player.skill)
    blind = [player for player in players if not lookahead_steps(player)]
    first = [strongest, *blind]
    return first + [player for player in players if player not in first]
