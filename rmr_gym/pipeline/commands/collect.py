"""`rmr-gym collect`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro
from rich.console import Console

from rmr_gym.counts import as_count
from rmr_gym.data.collect_games import rom_ids_of
from rmr_gym.envs.games import get_game
from rmr_gym.pipeline.commands.options import UNPREFIXED, Start
from rmr_gym.pipeline.config import DataConfig, RunConfig
from rmr_gym.pipeline.data_collection import DiskLimits, collect_several, plan_games, plan_table
from rmr_gym.pipeline.progress import Reporter
from rmr_gym.pipeline.stages import collect


@dataclass(frozen=True, kw_only=True, slots=True)
class Collect:
    """Play a game and record pixels and RAM as pairs.

    Seeded random players of graded persistence take turns, or players that look ahead, or trained agents, or all.
    Repeat a call that was interrupted and it continues.
    Example: rmr-gym collect ms_pacman --out data/ms_pacman --data.num-episodes 32
    Example: rmr-gym collect pong --out data/paper --players paper
    Example: rmr-gym collect pong --out data/better --players graded sb3:runs/agent
    Example: rmr-gym collect --games all --out data --dry-run
    """

    game: tyro.conf.Positional[str]
    """Game to play, by rom id (ms_pacman) or any other of its names."""

    games: tuple[str, ...] | None = None
    """Play these games, or all 24 with `all`, each into a folder of its own in --out; takes the place of GAME."""

    out: Path
    """Folder of the data set; made if it does not exist."""

    dry_run: bool = False
    """Say what is there, and about how much disk and time the rest takes, and stop."""

    workers: int | None = None
    """Episodes that are played at once; without it as many as there are usable cores."""

    seed: int
    """Seed of everything random in the data."""

    players: tuple[str, ...]
    """Who takes turns: graded (random players), paper (32 players, of which 22 look ahead: better data in more time),
    sb3:FOLDER (checkpoints of `python -m agents.train`), or several."""

    start: Annotated[Start, UNPREFIXED]
    data: DataConfig
    limits: Annotated[DiskLimits, UNPREFIXED]

    @staticmethod
    def defaults(base: RunConfig) -> dict[str, Any]:
        """Return the options that are not required, with their values in a profile."""
        return {
            "game": base.game,
            "seed": base.seed,
            "players": base.players,
            "data": base.data,
            "limits": DiskLimits(),
        }

    def execute(self, console: Console) -> None:
        """Record one game, or plan and record several."""
        reporter = Reporter(console)
        workers = None if self.workers is None else as_count("workers", self.workers)
        several = () if self.games is None else rom_ids_of(self.games)
        if several or self.dry_run:
            folders = {game: self.out / game for game in several} or {get_game(self.game).rom_id: self.out}
            plans = plan_games(folders, self.data, seed=self.seed, sources=self.players, reporter=reporter)
            console.print(plan_table(plans, self.out, self.limits, num_workers=workers))
        if self.dry_run:
            return
        if several:
            collect_several(
                several,
                self.out,
                self.data,
                seed=self.seed,
                sources=self.players,
                limits=self.limits,
                num_workers=workers,
                reporter=reporter,
            )
            reporter.close(self.out)
            return
        collect(
            self.game,
            self.out,
            self.data,
            seed=self.seed,
            sources=self.players,
            num_workers=workers,
            watch=self.limits.watch(self.out, workers),
            reporter=reporter,
        )
        reporter.close(self.out)
