"""Runs jobs in the order of their needs; what fails is tried again a bounded number of times and holds up no other."""

from __future__ import annotations

import heapq
import itertools
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from benchmarks.executors.interface import Executor, Job, Outcome
from rmr_gym.errors import BusyFolderError, explain

_ELSEWHERE = f"{BusyFolderError.__name__}:"  # another process is at this job: look at it again later
_LOOK_AGAIN_AFTER = 5.0  # seconds


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """What happened to a job."""

    job: Job
    """The job."""

    outcome: Outcome
    """How it ended this time."""

    attempts: int
    """How often it was tried in this session."""

    final: bool
    """Whether it is not tried again."""


@dataclass(slots=True)
class Tally:
    """What came of all jobs."""

    succeeded: list[str] = field(default_factory=list)
    """Names of jobs that are done."""

    failed: dict[str, str] = field(default_factory=dict)
    """Errors of jobs that were given up, by name."""

    blocked: dict[str, str] = field(default_factory=dict)
    """Jobs that could not be started, each with the failed job that it needs."""


def run_jobs(
    jobs: Sequence[Job],
    executor: Executor,
    *,
    attempts: int = 2,
    limit: float | None = None,
    on_event: Callable[[Event], None] = lambda _: None,
    look_again_after: float = _LOOK_AGAIN_AFTER,
) -> Tally:
    """Run jobs as soon as what they need is done, in their order otherwise.

    Args:
        jobs: in any order that puts a job behind those that it needs.
        executor: runs them.
        attempts: how often a job is tried before it is given up.
        limit: seconds after which a job that does not end has failed, times the number of its parts; None waits as long
            as it takes. A job in this process cannot be ended.
        on_event: told of every end of a job.
        look_again_after: seconds until a job that another process was at is tried again; this is no failed attempt.

    Raises:
        ValueError: when a name stands twice or a job needs one that does not stand before it.
    """
    _check(jobs)
    return _Run(jobs, executor, attempts, limit, on_event, look_again_after).all()


class _Run:
    def __init__(
        self,
        jobs: Sequence[Job],
        executor: Executor,
        attempts: int,
        limit: float | None,
        on_event: Callable[[Event], None],
        look_again_after: float,
    ) -> None:
        self._executor, self._attempts, self._on_event = executor, attempts, on_event
        self._limit = math.inf if limit is None else limit
        self._look_again_after = look_again_after
        self._tally = Tally()
        self._jobs = {job.name: job for job in jobs}
        self._missing = {job.name: set(job.needs) for job in jobs}
        self._needed_by: dict[str, list[str]] = {}
        for job in jobs:
            for name in job.needs:
                self._needed_by.setdefault(name, []).append(job.name)
        self._next_place = itertools.count()
        self._places = {name: next(self._next_place) for name in self._jobs}
        self._ready = [(self._places[name], name) for name, missing in self._missing.items() if not missing]
        self._later: list[tuple[float, str]] = []
        self._running: dict[str, float] = {}  # with the time at which each has to be done
        self._tries: dict[str, int] = {}

    def all(self) -> Tally:
        """Run everything that can be run."""
        while self._ready or self._running or self._later:
            self._wake()
            while self._ready and len(self._running) < self._executor.num_slots:
                _, name = heapq.heappop(self._ready)
                job = self._jobs[name]
                self._running[name] = time.monotonic() + self._limit * max(1, len(job.parts))
                self._executor.submit(job)
            next_time = min([*self._running.values(), *(when for when, _ in self._later[:1])], default=0.0)
            timeout = None if next_time == math.inf else max(0.0, next_time - time.monotonic())
            if not self._running:
                time.sleep(timeout or 0.0)
                continue
            for outcome in self._executor.wait(timeout):
                self._take(outcome)
            self._end_what_hangs()
        return self._tally

    def _end_what_hangs(self) -> None:
        now = time.monotonic()
        for name in [name for name, until in self._running.items() if until <= now]:
            self._executor.abandon(name)
            given = self._limit * max(1, len(self._jobs[name].parts))
            self._take(Outcome(name=name, error=f"no end after {given / 3600:.3g} h", seconds=given))

    def _wake(self) -> None:
        """Make ready what was put off."""
        now = time.monotonic()
        for when, name in self._later:
            if when <= now:
                self._make_ready(name)
        self._later = [(when, name) for when, name in self._later if when > now]

    def _make_ready(self, name: str, *, last: bool = False) -> None:
        if last:
            self._places[name] = next(self._next_place)
        heapq.heappush(self._ready, (self._places[name], name))

    def _take(self, outcome: Outcome) -> None:
        job = self._jobs[outcome.name]
        del self._running[job.name]
        if outcome.error is not None and outcome.error.startswith(_ELSEWHERE):
            self._later.append((time.monotonic() + self._look_again_after, job.name))
            self._later.sort()
            return
        tries = self._tries[job.name] = self._tries.get(job.name, 0) + 1
        final = outcome.error is None or (tries >= self._attempts and not job.parts)
        self._on_event(Event(job=job, outcome=outcome, attempts=tries, final=final))
        if outcome.error is None:
            self._succeed(job.name)
        elif job.parts:
            self._split(job)
        elif final:
            self._tally.failed[job.name] = outcome.error
            self._block(job.name, job.name)
        else:
            self._make_ready(job.name, last=True)

    def _succeed(self, name: str) -> None:
        self._tally.succeeded.append(name)
        for other in self._needed_by.get(name, ()):
            self._missing[other].discard(name)
            if not self._missing[other]:
                self._make_ready(other)

    def _split(self, job: Job) -> None:
        """Try the parts of a job that failed as a whole."""
        self._jobs |= {part.name: part for part in job.parts}
        for part in job.parts:
            self._make_ready(part.name, last=True)

    def _block(self, name: str, culprit: str) -> None:
        """Give up all that needs a failed job, directly or not."""
        for other in self._needed_by.get(name, ()):
            if other not in self._tally.blocked:
                self._tally.blocked[other] = culprit
                self._block(other, culprit)


def _check(jobs: Sequence[Job]) -> None:
    before: set[str] = set()
    for job in jobs:
        unknown = set(job.needs) - before
        if job.name in before or unknown:
            got = f"{job.name} twice" if job.name in before else f"{job.name} before {', '.join(sorted(unknown))}"
            raise ValueError(explain(expected="each job once, behind what it needs", got=got, fix="Mend the plan."))
        before.add(job.name)
