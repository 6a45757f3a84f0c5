"""`measure` plays, `speed` times recording, `report` makes the record, the table and the figure."""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from benchmarks.marks import place_of
from benchmarks.players.episodes import Line, match_size, measure
from benchmarks.players.figure import draw
from benchmarks.players.order import items
from benchmarks.players.report import make_record
from benchmarks.players.speed import measure_speed
from benchmarks.players.table import FIGURE, markdown
from rmr_gym.data.collect_games import rom_ids_of
from rmr_gym.documents import read_json, write_json
from rmr_gym.program import run_program


@dataclass(frozen=True, kw_only=True, slots=True)
class Measure:
    """Play what is not there yet; a later call continues, and several calls can work in one folder."""

    out: Path
    """Folder of the measurement."""

    games: tuple[str, ...] = ("all",)
    """Names of games, or `all`."""

    max_steps: int = 1_500
    """Steps after which an episode is left if the game is not over."""

    episodes: int = 1
    """Episodes of each player that looks ahead in each game."""

    random_episodes: int = 3
    """Episodes of each player that does not."""

    match_size: bool = False
    """At last let the players that do not look ahead go on in each game until they have as many steps as all players
    together: what a data set covers is then held beside random play of its whole size, and not of a part of it."""

    minutes: float | None = None
    """No episode is begun after so many minutes."""

    seed: int = 0
    """Seed of everything random."""

    def run(self) -> int:
        """Run and return the exit status."""
        games, begun = rom_ids_of(self.games), time.monotonic()
        for item in items(games, episodes=self.episodes, random_episodes=self.random_episodes):
            if self.minutes is not None and time.monotonic() - begun > 60 * self.minutes:
                print("The time is over; the same call goes on.")
                return 0
            line = measure(item, self.out, max_steps=self.max_steps, seed=self.seed)
            if line is not None:
                _tell(line)
        if self.match_size:
            rounds, settings = self.random_episodes, {"max_steps": self.max_steps, "seed": self.seed}
            for line in itertools.chain(*(match_size(game, self.out, first=rounds, **settings) for game in games)):
                _tell(line)
        return 0


def _tell(line: Line) -> None:
    what = f"{line['score']:g} points in {line['steps']} steps, {line['processor_seconds']:.1f} s"
    print(f"{line['game']} {line['player']} episode {line['episode']}: {what}", flush=True)


@dataclass(frozen=True, kw_only=True, slots=True)
class Speed:
    """Time the recording of all 32 players. Nothing else should run on the machine."""

    out: Path
    """Folder of the measurement."""

    games: tuple[str, ...] = ("breakout", "ms_pacman", "pong", "qbert")
    """Names of games, or `all`."""

    num_steps: int = 60
    """Stored steps of each player."""

    def run(self) -> int:
        """Run and return the exit status."""
        for game in rom_ids_of(self.games):
            found = measure_speed(game, self.out, num_steps=self.num_steps)
            print(f"{game}: {found['recorded_steps_per_second']:.0f} recorded steps per second", flush=True)
        return 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """Make the record of what is there, and its table and figure."""

    out: Path
    """Folder of the measurement."""

    record: Path = Path("benchmarks/results/players.json")
    """The record, JSON."""

    earlier: Path | None = None
    """A record of an earlier, equal call of `measure`, whose games are kept where the folder has none of theirs.
    Length, seed and players are compared, how much was played is not."""

    page: Path | None = Path("docs/data.md")
    """Page with a place for the table; the figure goes into the folder images beside it."""

    def run(self) -> int:
        """Run and return the exit status."""
        record = make_record(self.out, None if self.earlier is None else read_json(self.earlier))
        write_json(self.record, record)
        if self.page is not None:
            place_of("players.json").fill_file(self.page, markdown(read_json(self.record)))
            images = self.page.parent / "images"
            images.mkdir(exist_ok=True)
            draw(record, images / FIGURE)
        print(f"Wrote {self.record}")
        return 0


Command = (
    Annotated[Measure, tyro.conf.subcommand("measure")]
    | Annotated[Speed, tyro.conf.subcommand("speed")]
    | Annotated[Report, tyro.conf.subcommand("report")]
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return the exit status."""
    command: Measure | Speed | Report = tyro.cli(Command, args=arguments, description=__doc__)
    return run_program("python -m benchmarks.players", command.run)


if __name__ == "__main__":
    sys.exit(main())
