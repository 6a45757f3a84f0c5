"""What a user sees while a run is going on: bars on a terminal, one line per finished stage anywhere else."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

OnProgress = Callable[[int, int], None]
"""Told `(done, all)` after every step of a task."""


class Reporter:
    """Shows progress on a console.

    Bars appear on a terminal only and vanish when their task ends; lines are printed everywhere, so that a log file
    shows what was done and when.

    Args:
        console: where to print; None prints nothing, for use as a library.

    Attributes:
        num_lines: lines that were reported.
    """

    def __init__(self, console: Console | None = None) -> None:
        self._console = console
        self.num_lines = 0

    @contextmanager
    def task(self, title: str) -> Iterator[OnProgress]:
        """Show a bar while the block runs; the block is given the function to call with `(done, all)`."""
        if self._console is None or not self._console.is_terminal:
            yield lambda done, total: None
            return
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=self._console, transient=True) as progress:
            task = progress.add_task(title, total=None)
            yield lambda done, total: progress.update(task, completed=done, total=total)

    def line(self, text: str) -> None:
        """Print a line that stays."""
        self.num_lines += 1
        if self._console is not None:
            self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    def close(self, folder: Path) -> None:
        """Say that nothing was left to do, if no line has been reported."""
        if not self.num_lines:
            self.line(f"{folder} is finished; nothing was left to do.")


def spent(record: Mapping[str, Any]) -> str:
    """Say in brackets what a finished step has cost."""
    timing = record["timing"]
    return f" ({timing['wall_seconds']:.1f} s, {timing['cpu_seconds']:.1f} s of processor time)"
