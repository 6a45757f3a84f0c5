"""What runs jobs: it is given some, tells how they ended, and remembers nothing, since results are files."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """A call of an importable function with arguments that can be pickled."""

    name: str
    """Different from that of every other job."""

    function: Callable[..., Any]
    """Does the work and leaves its result in a file; what it returns is for progress."""

    arguments: tuple[Any, ...] = ()
    """What it is called with."""

    needs: tuple[str, ...] = ()
    """Names of jobs that have to succeed before."""

    seconds: float = 1.0
    """How long it is expected to take."""

    parts: tuple[Job, ...] = ()
    """Jobs that do the same one by one, for when it fails as a whole."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """How a job ended."""

    name: str
    """Name of the job."""

    value: Any = None
    """What its function returned."""

    error: str | None = None
    """Kind and message of what it raised, or how its process died; None when it succeeded."""

    traceback: str = ""
    """Where it was raised; empty for a process that died."""

    seconds: float = 0.0
    """How long it took."""


class Executor(ABC):
    """Runs jobs, several at a time. Used as a context, at whose end everything that still runs is stopped."""

    @property
    @abstractmethod
    def num_slots(self) -> int:
        """How many jobs it can take at a time; may change while it runs."""

    @abstractmethod
    def submit(self, job: Job) -> None:
        """Start a job; called only while fewer than `num_slots` of them run."""

    @abstractmethod
    def wait(self, timeout: float | None = None) -> list[Outcome]:
        """Return the outcomes that have come since the last call.

        There is at least one, unless the time is over or there is room for more jobs than before.

        Args:
            timeout: seconds; None waits as long as it takes.
        """

    @abstractmethod
    def abandon(self, name: str) -> None:
        """End one job that runs; nothing more is heard of it.

        Args:
            name: of the job.
        """

    @abstractmethod
    def stop(self) -> None:
        """End everything that runs."""

    def __enter__(self) -> Executor:
        """Begin."""
        return self

    def __exit__(self, *_: object) -> None:
        """End everything that runs."""
        self.stop()
