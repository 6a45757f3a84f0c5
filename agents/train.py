"""Train an agent: `python -m agents.train --help` tells the rest."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console

from agents.options import Train, parse
from rmr_gym.pipeline.progress import OnProgress, Reporter
from rmr_gym.program import run_program
from rmr_gym.sb3.training import read_evaluations, train_agent

_LINES = 20
"""Lines of progress where there is no terminal to show a bar."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the script and return its exit status."""
    words = sys.argv[1:] if arguments is None else arguments
    return run_program("agents.train", lambda: _work(parse(words), Console()))


def _work(options: Train, console: Console) -> None:
    folder, config = options.folder, options.config
    console.print(f"Training in {folder}", highlight=False, soft_wrap=True)
    with _progress(console, f"{config.task}, {options.algo}, {options.features}") as on_progress:
        result = train_agent(config, folder, device=options.device, threads=options.threads, on_progress=on_progress)
    last, first = result["evaluation"], read_evaluations(folder)[0]
    console.print(
        f"{result['env_steps']:,} steps at {result['steps_per_second']:.0f} per second. Mean return of "
        f"{len(last['returns'])} episodes: {last['mean_return']:.2f} (before training: {first['mean_return']:.2f}).",
        highlight=False,
    )
    console.print(f"Let it play: python -m agents.evaluate {folder}", highlight=False, soft_wrap=True)


@contextmanager
def _progress(console: Console, title: str) -> Iterator[OnProgress]:
    """Show a bar with the time left on a terminal, and lines anywhere else."""
    if console.is_terminal:
        with Reporter(console).task(title) as on_progress:
            yield on_progress
        return
    start: list[tuple[float, int]] = []
    shown = [0]

    def line(done: int, total: int) -> None:
        if not start:
            start.append((time.perf_counter(), done))
        if done * _LINES // total <= shown[0]:
            return
        shown[0] = done * _LINES // total
        began, begun_at = start[0]
        seconds = (time.perf_counter() - began) * (total - done) / max(1, done - begun_at)
        console.print(f"{title}: {done:,} of {total:,} steps, about {seconds / 60:.1f} minutes left", highlight=False)

    yield line


if __name__ == "__main__":
    sys.exit(main())
