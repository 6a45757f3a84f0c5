"""Trains what is planned, one after the other; what fails is written down and does not end the rest."""

from __future__ import annotations

import resource
import time
import traceback
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.control.plan import Planned
from rmr_gym.documents import exclusive
from rmr_gym.errors import BusyFolderError
from rmr_gym.pipeline.stage import write_json
from rmr_gym.sb3.training import AgentConfig, read_evaluations, train_agent

RESULT_FILE, FAILURE_FILE, AGENT_FOLDER = "result.json", "failure.json", "agent"

Train = Callable[[AgentConfig, Path], Mapping[str, Any]]
"""Trains an agent in a folder and returns its result."""


@dataclass(slots=True)
class Tally:
    """What a sweep did."""

    trained: int = 0
    """Trainings that were finished."""

    there: int = 0
    """Trainings that had been finished before."""

    failed: int = 0
    """Trainings that ended with an error; the next sweep tries them again."""

    elsewhere: int = 0
    """Trainings that another process was at."""


def sweep(planned: Sequence[Planned], out: Path, *, train: Train = train_agent, say: Callable[[str], None]) -> Tally:
    """Train what is not there yet.

    Every training has a folder of its own under a key of its settings, and its result is written last. So a sweep that
    was killed goes on where it was, and several processes can share one folder.

    Args:
        planned: the trainings, in order.
        out: folder of the comparison.
        train: replaces the training, for tests.
        say: prints a line.
    """
    tally, left = Tally(), TimeLeft(planned)
    for number, one in enumerate(planned, start=1):
        folder, start = one.folder(out), time.perf_counter()
        said = _attempt(one, folder, train, tally)
        left.done(one, time.perf_counter() - start if said.startswith("trained") else 0.0)
        say(f"[{number}/{len(planned)}] {one.name}: {said}; {left.text()}")
    return tally


class TimeLeft:
    """Guesses how long the rest of a sweep takes, from what equal and other trainings took in it."""

    def __init__(self, planned: Sequence[Planned]) -> None:
        self._ahead = list(planned)
        self._seconds: dict[tuple[str, str], list[float]] = defaultdict(list)

    def done(self, one: Planned, seconds: float) -> None:
        """Take a training off the list, with what it took, or 0 if it was not trained."""
        self._ahead.remove(one)
        if seconds:
            self._seconds[_sort(one)].append(seconds)

    def text(self) -> str:
        """Say how long it takes."""
        every = [value for values in self._seconds.values() for value in values]
        if not self._ahead or not every:
            return f"{len(self._ahead)} left"
        means = {sort: sum(values) / len(values) for sort, values in self._seconds.items()}
        other = sum(every) / len(every)
        return f"about {sum(means.get(_sort(one), other) for one in self._ahead) / 60:.0f} min left"


def _sort(one: Planned) -> tuple[str, str]:
    return one.config.task, one.arm


def _attempt(one: Planned, folder: Path, train: Train, tally: Tally) -> str:
    if (folder / RESULT_FILE).exists():
        tally.there += 1
        return "is there"
    try:
        with exclusive(folder):
            return _train_and_record(one, folder, train, tally)
    except BusyFolderError:
        tally.elsewhere += 1
        return "another process is at it"


def _train_and_record(one: Planned, folder: Path, train: Train, tally: Tally) -> str:
    try:
        result = _result(one, folder / AGENT_FOLDER, train)
    except Exception as error:  # noqa: BLE001 - whatever it is, the other trainings are to go on
        tally.failed += 1
        write_json(folder / FAILURE_FILE, {"error": str(error), "traceback": traceback.format_exc()})
        return f"failed: {type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
    write_json(folder / RESULT_FILE, result)
    (folder / FAILURE_FILE).unlink(missing_ok=True)
    tally.trained += 1
    last = result["evaluations"][-1]
    return f"trained in {result['wall_seconds']:.0f} s to a return of {last['mean_return']:.2f}"


def _result(one: Planned, agent: Path, train: Train) -> dict[str, Any]:
    wall, cpu = time.perf_counter(), _processor_seconds()
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
        "wall_seconds": round(time.perf_counter() - wall, 3),
        "processor_seconds": round(_processor_seconds() - cpu, 3),
        "evaluations": [
            {name: record[name] for name in ("env_steps", "mean_return", "returns")}
            for record in read_evaluations(agent)
        ],
    }


def _processor_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime
