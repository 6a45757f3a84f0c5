"""What all episodes of one call of `collect` share, and which of them are missing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rmr_gym.counts import as_seed
from rmr_gym.data.metadata import EpisodeMetadata
from rmr_gym.data.recording import record_episode
from rmr_gym.data.store import EpisodeStore
from rmr_gym.envs.console import Console, ConsoleConfig
from rmr_gym.errors import explain
from rmr_gym.players import Player


@dataclass(frozen=True, kw_only=True, slots=True)
class Session:
    """Everything that decides an episode but its number; sent as it is to the processes that record."""

    directory: Path
    """Where the episodes go."""

    console: ConsoleConfig
    """Game and preprocessing."""

    players: tuple[Player, ...]
    """Episode i is played by player i modulo their number."""

    seed: int
    """Seed of the collection."""

    max_steps: int
    """Most stored transitions of an episode."""

    def __post_init__(self) -> None:
        """Refuse a seed that is no integer, and anything but players of different names, whose skills are in 0..1."""
        object.__setattr__(self, "seed", as_seed(self.seed))
        given: tuple[object, ...] = self.players
        names = [player.name for player in given if isinstance(player, Player)]
        if not names or len(names) < len(given) or len(set(names)) < len(names):
            raise ValueError(
                explain(
                    expected="at least one rmr_gym.players.Player, all of different names",
                    got=[getattr(player, "name", player) for player in given],
                    fix="Pass players=None for the default, or give each player a name of its own.",
                )
            )

        for player in self.players:
            if not 0 <= float(player.skill) <= 1:
                got = f"{player.skill} of {player.name}"
                raise ValueError(explain(expected="players of a skill in 0..1", got=got, fix="Divide by the highest."))

    def player(self, index: int) -> Player:
        """Return the player of an episode."""
        return self.players[index % len(self.players)]

    def record(self, console: Console, index: int) -> EpisodeMetadata:
        """Play and write an episode; when this returns, it is safe on the disk."""
        return record_episode(
            console,
            self.player(index),
            self.directory,
            seed=self.seed,
            episode_index=index,
            max_steps=self.max_steps,
        )

    def missing(self, num_episodes: int) -> list[int]:
        """List the numbers of the episodes to be played, after a look at those that are there.

        Raises:
            ValueError: when the directory holds another game, other preprocessing or, under the same seed, episodes of
                other players or another length.
            CorruptFileError: when an episode in the directory is damaged.
        """
        store = EpisodeStore(self.directory)
        console = store.origin.get("console")
        if len(store) and console != self.console:
            raise ValueError(
                explain(
                    expected=f"a new directory, or one with episodes of {self.console}",
                    got=f"{self.directory} with {console or store.origin}",
                    fix="Collect into another directory.",
                )
            )
        games = [meta for meta in store.episodes if isinstance(meta, EpisodeMetadata)]
        present = {meta.episode_index: meta for meta in games if meta.seed == self.seed}
        for index, meta in present.items():
            expected, got = (self.player(index).name, self.max_steps), (meta.player, meta.max_steps)
            if expected != got:
                raise ValueError(
                    explain(
                        expected=f"episode {index} of seed {self.seed} by {expected[0]} of at most {expected[1]} steps",
                        got=f"{got[0]} and {got[1]} steps in {self.directory}",
                        fix="Pass another seed to add to this directory, or collect into another one.",
                    )
                )
        return [index for index in range(num_episodes) if index not in present]
