"""Runs jobs in this process, one after the other: for debuggers, and for results in the memory of the process."""

from __future__ import annotations

from benchmarks.executors.attempt import attempt
from benchmarks.executors.interface import Executor, Job, Outcome


class SerialExecutor(Executor):
    """Does a job when it is waited for."""

    def __init__(self) -> None:
        self._job: Job | None = None

    @property
    def num_slots(self) -> int:
        """One."""
        return 1

    def submit(self, job: Job) -> None:
        """Take the job."""
        self._job = job

    def wait(self, timeout: float | None = None) -> list[Outcome]:
        """Do the job that was taken."""
        del timeout
        job, self._job = self._job, None
        return [] if job is None else [attempt(job)]

    def abandon(self, name: str) -> None:
        """Forget the job; never while it runs, since this process is at it."""
        del name
        self._job = None

    def stop(self) -> None:
        """Forget the job."""
        self._job = None
