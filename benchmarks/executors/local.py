"""Runs jobs on the cores or GPUs of this machine, in processes that may die without harm to the others."""

from __future__ import annotations

import contextlib
import dataclasses
import multiprocessing
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

from benchmarks.executors.interface import Executor, Job, Outcome
from benchmarks.executors.worker import serve
from rmr_gym.errors import explain

_PATIENCE = 5.0  # seconds that a worker is given to end by itself


class LocalExecutor(Executor):
    """A pool of spawned processes; one that dies costs the job that it was at and is replaced.

    `concurrent.futures` and joblib give up all jobs when one process is killed.

    Args:
        environments: variables of each worker, and so their number.

    Raises:
        ValueError: when there is no worker.
    """

    def __init__(self, environments: Sequence[Mapping[str, str]]) -> None:
        if not environments:
            raise ValueError(explain(expected="at least one worker", got="none", fix="Pass --workers 1."))
        self._workers = [_Worker(environment) for environment in environments]

    @property
    def num_slots(self) -> int:
        """Number of workers."""
        return len(self._workers)

    @property
    def process_ids(self) -> list[int]:
        """Of the workers that were started."""
        return [worker.process.pid or 0 for worker in self._workers if worker.process is not None]

    def submit(self, job: Job) -> None:
        """Give the job to a worker without one."""
        next(worker for worker in self._workers if worker.job is None).give(job)

    def wait(self, timeout: float | None = None) -> list[Outcome]:
        """Wait for outcomes and deaths."""
        busy = [worker for worker in self._workers if worker.job is not None]
        if not busy:
            time.sleep(timeout or 0)
            return []
        ready = wait([worker.connection for worker in busy], timeout)
        return [worker.take() for worker in busy if worker.connection in ready]

    def abandon(self, name: str) -> None:
        """Kill the worker that is at the job; another one takes its place."""
        worker = next(worker for worker in self._workers if worker.job is not None and worker.job.name == name)
        worker.job = None
        worker.end()

    def stop(self) -> None:
        """End all workers."""
        for worker in self._workers:
            worker.end()


@contextlib.contextmanager
def _added_to_environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Set variables while a process is started: it imports the main script, and PyTorch with it, before all else."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


class _Worker:
    """One process, started when there is something to do."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = dict(environment)
        self.job: Job | None = None
        self.process: BaseProcess | None = None
        self.connection: Connection[Any, Any]

    def give(self, job: Job) -> None:
        """Start a job."""
        if self.process is None or not self.process.is_alive():
            self._start()
        self.job = job
        try:
            self.connection.send(job)
        except (BrokenPipeError, ConnectionResetError):  # it died while it was idle
            self._start()
            self.connection.send(job)

    def take(self) -> Outcome:
        """Return how the job ended; the connection has something to say, or is closed because the process died."""
        assert self.job is not None
        assert self.process is not None
        name, self.job = self.job.name, None
        try:
            outcome: Outcome = self.connection.recv()
        except (EOFError, ConnectionResetError):
            self.process.join(_PATIENCE)
            code, self.process = self.process.exitcode, None
            return Outcome(name=name, error=f"the process died: {describe_exit(code)}")
        return dataclasses.replace(outcome, name=name)

    def end(self) -> None:
        """Kill the process; what it was at is resumed another time."""
        if self.process is not None:
            self.process.kill()
            self.process.join(_PATIENCE)
            self.process = None

    def _start(self) -> None:
        self.end()
        context = multiprocessing.get_context("spawn")  # forked children of a process with threads can hang
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=serve, args=(theirs,), daemon=True)
        with _added_to_environment(self._environment):
            self.process.start()
        theirs.close()  # or the death of the worker would not close the connection


def describe_exit(code: int | None) -> str:
    """Say how a process ended.

    Example:
        >>> describe_exit(-9)
        'signal 9, as when it is killed or the memory is full'
    """
    if code is None or code >= 0:
        return f"exit status {code}"
    why = ", as when it is killed or the memory is full" if code == -9 else ""
    return f"signal {-code}{why}"
