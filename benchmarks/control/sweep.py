"""Trains what is planned, several agents at a time; what fails is written down and does not end the rest."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from benchmarks.control.plan import Planned
from benchmarks.executors.interface import Executor, Job
from benchmarks.progress import TimeLeft, in_words
from benchmarks.runner import Event, Tally, run_jobs
from rmr_gym.documents import exclusive, write_json
from rmr_gym.errors import BusyFolderError
from rmr_gym.sb3.training import AgentConfig, read_evaluations, train_agent

RESULT_FILE, FAILURE_FILE, AGENT_FOLDER = "result.json", "failure.json", "agent"

Train = Callable[[AgentConfig, Path], Mapping[str, Any]]
"""Trains an agent in a folder and returns its result."""

_SECONDS_PER_STEP = 0.01  # a guess, corrected by the first trainings


def sweep(
    planned: Sequence[Planned],
    out: Path,
    executor: Executor,
    *,
    train: Train = train_agent,
    attempts: int = 2,
    say: Callable[[str], None],
) -> Tally:
    """Train what is not there yet.

    Every training has a folder of its own under a key of its settings, and its result is written last. So a sweep that
    was killed goes on where it was, and several sweeps can share one folder: each waits for what others are at.

    Args:
        planned: the trainings, in order.
        out: folder of the comparison.
        executor: runs them; is stopped at the end, however that comes.
        train: replaces the training, for tests.
        attempts: how often a training is tried.
        say: prints a line.

    Returns:
        What came of it, by the names of the trainings.
    """
    left = [one for one in planned if not (one.folder(out) / RESULT_FILE).exists()]
    say(f"{len(planned) - len(left)} of {len(planned)} trainings are there")
    jobs = [
        Job(
            name=one.name,
            function=train_and_record,
            arguments=(one, out, train),
            seconds=_SECONDS_PER_STEP * one.config.steps,
        )
        for one in left
    ]
    witness = _Witness(left, jobs, out, executor.num_slots, len(planned) - len(left), say)
    with executor:
        return run_jobs(jobs, executor, attempts=attempts, on_event=witness)


def train_and_record(one: Planned, out: Path, train: Train) -> str:
    """Train an agent unless that has been done, and write its result.

    Returns:
        A few words.

    Raises:
        BusyFolderError: when another process is at it.
    """
    folder = one.folder(out)
    with exclusive(folder):
        if (folder / RESULT_FILE).exists():
            return "was trained elsewhere"
        start = time.perf_counter()
        result = _result(one, folder / AGENT_FOLDER, train)
        write_json(folder / RESULT_FILE, result)
        (folder / FAILURE_FILE).unlink(missing_ok=True)
    last = result["evaluations"][-1]
    return f"trained in {in_words(time.perf_counter() - start)} to a return of {last['mean_return']:.2f}"


class _Witness:
    """Tells what happens, and writes failures down."""

    def __init__(
        self,
        left: Sequence[Planned],
        jobs: Sequence[Job],
        out: Path,
        num_slots: int,
        done: int,
        say: Callable[[str], None],
    ) -> None:
        self._planned = {one.name: one for one in left}
        self._out, self._say = out, say
        self._done, self._wanted = done, done + len(left)
        predicted = {job.name: job.seconds for job in jobs}
        self._time_left = TimeLeft(predicted, lambda name: self._sort(self._planned[name]), num_slots)

    def __call__(self, event: Event) -> None:
        """Take an event."""
        name, error = event.job.name, event.outcome.error
        if error is None:
            self._done += 1
            self._time_left.done(name, event.outcome.seconds)
            self._line(f"{name}: {event.outcome.value}")
            return
        if event.final:
            self._time_left.done(name)
        folder = self._planned[name].folder(self._out)
        with suppress(BusyFolderError), exclusive(folder):  # what another sweep makes of it by now counts
            if not (folder / RESULT_FILE).exists():
                write_json(folder / FAILURE_FILE, {"error": error, "traceback": event.outcome.traceback})
        what = "given up" if event.final else "trying again later"
        self._line(f"{name}: {error.splitlines()[0]}; {what} after attempt {event.attempts}")

    def _line(self, text: str) -> None:
        seconds = self._time_left.seconds()
        rest = f"; about {in_words(seconds)} left" if self._time_left.num_jobs else ""
        self._say(f"[{self._done}/{self._wanted}] {text}{rest}")

    @staticmethod
    def _sort(one: Planned) -> str:
        return f"{one.config.task} {one.arm}"


def _result(one: Planned, agent: Path, train: Train) -> dict[str, Any]:
    trained = train(one.config, agent)
    return {
        "task": one.config.task,
        "arm": one.arm,
        "seed": one.config.seed,
        "key": one.key,
        "encoder": one.encoder,
        "settings": one.settings,
        "env_steps": trained["env_steps"],
        "parameters": trained["parameters"],
        "training_seconds": trained["training_seconds"],
        "threads": trained["threads"],
        # Of all sessions; unknown where an earlier version of the package began the training.
        "wall_seconds": trained.get("wall_seconds"),
        "processor_seconds": trained.get("processor_seconds"),
        "evaluations": [
            {name: record[name] for name in ("env_steps", "mean_return", "returns")}
            for record in read_evaluations(agent)
        ],
    }
