"""The 32 players that stand in for the 32 policies of the paper, from bungling to strong."""

from __future__ import annotations

from rmr_gym.envs.games import Game
from rmr_gym.players.lookahead import LookaheadPlayer
from rmr_gym.players.lookahead_config import LookaheadConfig
from rmr_gym.players.places import PlaceBytes, place_bytes
from rmr_gym.players.protocol import Player
from rmr_gym.players.random_player import RandomPlayer, RandomPlayerConfig

_RANDOM = (
    RandomPlayerConfig(persistence=0.0),
    RandomPlayerConfig(persistence=0.0, bias=0.8, num_favorites=4),
    RandomPlayerConfig(persistence=0.5),
    RandomPlayerConfig(persistence=0.5, fire_burst=0.2),
    RandomPlayerConfig(persistence=0.7, bias=0.8, num_favorites=3),
    RandomPlayerConfig(persistence=0.8),
    RandomPlayerConfig(persistence=0.8, bias=0.4, fire_burst=0.2),
    RandomPlayerConfig(persistence=0.9, bias=0.6),
    RandomPlayerConfig(persistence=0.9, fire_burst=0.2),
    RandomPlayerConfig(persistence=0.95),
)
"""Players that do not look: twitching and holding ones, with favourites, with bursts of FIRE (ours)."""

_NUM_LOOKING = 22
_LEAST, _MOST = 2.0, 80.0
_MOST_NOISE = 0.4
_PERSISTENCES = (0.0, 0.6, 0.9)
_OPENING = 16
_GOLDEN = 0.6180339887498949  # its multiples modulo 1 are spread evenly, however many of them are taken


def paper_heads(game: str | Game) -> list[Player]:
    """Make the default 32 players: ten random ones, and 22 that look ahead, ever further and with ever less noise.

    The budget grows from 2 to 80 steps tried out per step played, by the same factor from player to player; the share
    of random holds falls from 0.4 to 0; the time that these last goes up and down. They begin with 16 random steps, so
    that episodes of one start do not go on alike. In games of many rooms they know which bytes tell where they are,
    and where no score is in sight look for places that they have not been to (`place_bytes`). All 32 come in an order
    in which the first few already range over all skills.

    Source: ours. The paper records 32 policies of Agent57, which are not public (section 5, appendix B). These need no
    training; `benchmarks/results/players.json` says how they score.

    Args:
        game: any name of the game that they are to play.

    Returns:
        Players with different names and skills, from 0 to 1 in equal steps.

    Raises:
        ValueError: when the game is unknown.

    Example:
        >>> players = paper_heads("pong")
        >>> len(players), min(players, key=lambda player: player.skill).name
        (32, 'random-p0-k6-b0-f0.05x4')
    """
    place = place_bytes(game)
    count = len(_RANDOM) + _NUM_LOOKING
    grades = [round(rank / (count - 1), 4) for rank in range(count)]
    ranked: list[Player] = [RandomPlayer(config, skill=skill) for config, skill in zip(_RANDOM, grades, strict=False)]
    ranked += [LookaheadPlayer(_looking(k, place), skill=grades[len(_RANDOM) + k]) for k in range(_NUM_LOOKING)]
    return [ranked[k] for k in sorted(range(count), key=lambda k: k * _GOLDEN % 1.0)]


def _looking(k: int, place: PlaceBytes | None) -> LookaheadConfig:
    """Return the config of the player of grade k out of those that look ahead."""
    share = k / (_NUM_LOOKING - 1)
    return LookaheadConfig(
        budget=float(f"{_LEAST * (_MOST / _LEAST) ** share:.2g}"),
        epsilon=round(_MOST_NOISE * (1 - share) ** 2, 3),
        persistence=_PERSISTENCES[k % len(_PERSISTENCES)],
        opening=_OPENING,
        place=place,
    )
