"""`rmr-gym collect`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro
from rich.console import Console

from rmr_gym.pipeline.commands.options import UNPREFIXED, Start
from rmr_gym.pipeline.config import DataConfig, RunConfig
from rmr_gym.pipeline.players import GRADED
from rmr_gym.pipeline.progress import Reporter
from rmr_gym.pipeline.stages import collect


@dataclass(frozen=True, kw_only=True, slots=True)
class Collect:
    """Play a game and record pixels and RAM as pairs.

    Seeded random players of graded persistence take turns, or trained agents, or both. Repeat a call that was
    interrupted and it continues.
    Example: rmr-gym collect ms_pacman --out data/ms_pacman --data.num-episodes 32
    Example: rmr-gym collect pong --out data/better --players graded sb3:runs/agent
    """

    game: tyro.conf.Positional[str]
    """Game to play, by rom id (ms_pacman) or any other of its names."""

    out: Path
    """Folder of the data set; made if it does not exist."""

    seed: int
    """Seed of everything random in the data."""

    players: tuple[str, ...]
    """Who takes turns: graded (random players), sb3:FOLDER (checkpoints of `python -m agents.train`), or several."""

    start: Annotated[Start, UNPREFIXED]
    data: DataConfig

    @staticmethod
    def defaults(base: RunConfig) -> dict[str, Any]:
        """Return the options that are not required, with their values in a profile."""
        return {"game": base.game, "seed": base.seed, "players": (GRADED,), "data": base.data}

    def execute(self, console: Console) -> None:
        """Record."""
        collect(self.game, self.out, self.data, seed=self.seed, sources=self.players, reporter=Reporter(console))
