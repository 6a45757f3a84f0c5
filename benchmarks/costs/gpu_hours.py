"""What the suites of the profile `paper` would take on GPUs, as a table for docs/scaling.md."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmarks.commands.run import parse_run
from benchmarks.costs.prediction import seconds_of
from benchmarks.costs.units import UnitCosts
from benchmarks.executors.interface import Job
from benchmarks.markdown import table_lines
from benchmarks.plan import experiments_of
from benchmarks.progress import makespan
from benchmarks.session import look
from benchmarks.suites import SUITES

MANY = {"1 GPU": 1, "8 GPUs": 8, "100 nodes of 8": 800}
"""Jobs at a time."""

_COLUMNS = ("suite of the profile `paper`", "experiments", "GPU hours", "at the limits", *MANY)


def markdown(expected: UnitCosts, least: UnitCosts, *, together: int, suites: Iterable[str] = tuple(SUITES)) -> str:
    """Format the hours of suites.

    Args:
        expected: unit costs with guesses of what kernels reach; the hours by the clock are by these.
        least: unit costs at the limits of the device.
        together: encoders in an ensemble.
        suites: their names.
    """
    return "\n".join([*table_lines(_COLUMNS, [_row(suite, expected, least, together) for suite in suites]), ""])


def _row(suite: str, expected: UnitCosts, least: UnitCosts, together: int) -> list[str]:
    jobs, limit = (_jobs(suite, costs, together) for costs in (expected, least))
    count = sum(len(experiments_of(job)) for job in jobs)
    clock = [_hours(makespan(jobs, number)) for number in MANY.values()]
    return [f"`{suite}`", f"{count:,}", _hours(_of_networks(jobs)), _hours(_of_networks(limit)), *clock]


def _jobs(suite: str, costs: UnitCosts, together: int) -> Sequence[Job]:
    with tempfile.TemporaryDirectory() as folder:
        command = parse_run([suite, "--profile", "paper", "--device", "cuda", "--out", str(Path(folder, "out"))])
        found = look(command.experiments(), command.places(), together=together, seconds=lambda o: seconds_of(o, costs))
    return found.jobs


def _of_networks(jobs: Sequence[Job]) -> float:
    """Add up what is no playing of games, which no GPU does."""
    return sum(job.seconds for job in jobs if experiments_of(job))


def _hours(seconds: float) -> str:
    hours = seconds / 3600
    return f"{hours:,.0f}" if hours >= 10 else f"{hours:.1f}"
