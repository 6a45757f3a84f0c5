"""`python -m benchmarks.control run` trains, `python -m benchmarks.control report` makes record, figure and table."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

import tyro

from benchmarks.control.arms import ARMS
from benchmarks.control.figure import draw
from benchmarks.control.plan import plan
from benchmarks.control.report import make_record
from benchmarks.control.sweep import RESULT_FILE, sweep
from benchmarks.control.table import markdown
from benchmarks.executors.choosing import EXECUTORS, Resources
from benchmarks.marks import place_of
from rmr_gym.documents import write_json
from rmr_gym.program import FAILED, run_program
from rmr_gym.sb3.training import BALLS_PUSH

PROGRAM = "python -m benchmarks.control"

if TYPE_CHECKING:
    ExecutorName: TypeAlias = str
else:  # the choices of the command line are the names in the registry
    ExecutorName = Literal[tuple(EXECUTORS)]


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """Train every task, arm and seed that is not there yet, one on each core."""

    out: Path
    """Folder of the comparison; a later call continues, and several calls can work in it at once: each waits
    for what the others are at."""

    encoders: Path | None = None
    """Folder with one folder per task, as `rmr-gym run TASK --out DIR/TASK` and `rmr-gym balls` fill it."""

    num_encoders: int = 3
    """Encoders of each arm: the agent of seed k takes that of seed k modulo this number."""

    tasks: tuple[str, ...] = ("pong", "boxing", BALLS_PUSH)
    """Names of games, or balls_push."""

    seeds: tuple[int, ...] = (0, 1, 2)
    """Seeds of the agents."""

    arms: tuple[str, ...] = ()
    """Names of arms; none takes all that there are on a task."""

    steps: int | None = None
    """Environment steps of each training; None takes the default of the task."""

    executor: ExecutorName = "local"
    """local: processes of this machine. serial: this process alone, for debuggers. ray: a Ray cluster, which needs the
    folders on a disk that all machines share."""

    address: str | None = None
    """Ray: the head of the cluster, as host:6379, or auto; without it one of this machine alone."""

    workers: int | None = None
    """Trainings at a time; None takes one per core."""

    threads: int = 1
    """Threads of each."""

    attempts: int = 2
    """How often a training is tried before it is given up."""

    dry_run: bool = False
    """List the trainings and what is there of them, and train none."""

    def run(self) -> int:
        """Run and return the exit status."""
        for arm in self.arms:
            ARMS[arm]  # refuses unknown names
        planned = plan(
            self.tasks,
            self.seeds,
            arms=self.arms or None,
            encoders=self.encoders,
            num_encoders=self.num_encoders,
            steps=self.steps,
        )
        if self.dry_run:
            for one in planned:
                state = "is there" if (one.folder(self.out) / RESULT_FILE).exists() else f"{one.config.steps:,} steps"
                print(f"{one.name:40} {one.encoder or '':28} {one.key}  {state}")
            print(f"{len(planned)} trainings")
            return 0
        resources = Resources(workers=self.workers, threads=self.threads, address=self.address)
        tally = sweep(
            planned,
            self.out.absolute(),
            EXECUTORS[self.executor](resources),
            attempts=self.attempts,
            say=lambda line: print(line, flush=True),
        )
        return FAILED if tally.failed else 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """Compare what is there: a record, and from it a figure, tables, and the place for them in a page."""

    out: tuple[Path, ...]
    """Folders of the comparison; trainings of all of them go into one record."""

    record: Path
    """JSON file to be written."""

    figure: Path | None = None
    """PNG file to be written; None draws nothing."""

    page: Path | None = None
    """Markdown file with marks for the tables, docs/agents.md; None writes none."""

    random_episodes: int = 20
    """Episodes of random play on each task."""

    def run(self) -> int:
        """Run and return the exit status."""
        names = " ".join(folder.name for folder in self.out)
        command = f"python -m benchmarks.control report --out {names} --record {self.record.name}"
        record = {"command": command, **make_record(*self.out, random_episodes=self.random_episodes)}
        self.record.parent.mkdir(parents=True, exist_ok=True)
        write_json(self.record, record)
        if self.figure is not None:
            draw(record, self.figure)
        if self.page is not None:
            place_of("control.json").fill_file(self.page, markdown(record))
        print(markdown(record))
        return 0


Command = Annotated[Run, tyro.conf.subcommand("run")] | Annotated[Report, tyro.conf.subcommand("report")]


def main(arguments: list[str] | None = None) -> int:
    """Run from the command line."""
    command: Run | Report = tyro.cli(Command, args=arguments, prog=PROGRAM, description=__doc__)
    return run_program(PROGRAM, command.run)


if __name__ == "__main__":
    sys.exit(main())
