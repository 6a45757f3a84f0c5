"""One call of the runner: what is left, how long it takes, what happened, and what to do next."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from benchmarks.executors.interface import Executor, Job
from benchmarks.experiment import Experiment
from benchmarks.plan import Seconds, experiments_of, plan_jobs
from benchmarks.progress import TimeLeft, in_words
from benchmarks.result import FAILURE_FILE, RESULT_FILE, Failure, read_failure, to_text
from benchmarks.runner import Event, Tally, run_jobs
from benchmarks.storage import Storage, open_storage
from benchmarks.work import Places, tidy

Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Left:
    """What a session has to do."""

    experiments: tuple[Experiment, ...]
    """All that are wanted, with the processors that they need."""

    done: tuple[Experiment, ...]
    """Those of them that have a result."""

    jobs: tuple[Job, ...]
    """What is left of them, and the data sets that they need."""


def look(
    experiments: Sequence[Experiment], places: Places, *, together: int = 1, seconds: Seconds = lambda _: 1.0
) -> Left:
    """Compare what is wanted with what is there; arguments as of `plan_jobs`."""
    finished = open_storage(places.results).names(RESULT_FILE)
    jobs = plan_jobs(experiments, places, finished=finished, together=together, seconds=seconds)
    done = tuple(experiment for experiment in experiments if experiment.result_name in finished)
    return Left(experiments=tuple(experiments), done=done, jobs=tuple(jobs))


def run_session(
    left: Left,
    places: Places,
    executor: Executor,
    *,
    attempts: int = 2,
    limit: float | None = None,
    say: Say = print,
) -> Tally:
    """Do what is left, and say how it goes.

    Args:
        left: what `look` returned.
        places: where everything lies.
        executor: runs the jobs; is stopped at the end, however that comes.
        attempts: how often each experiment is tried.
        limit: seconds after which an experiment that does not end has failed; None waits as long as it takes.
        say: prints a line.

    Returns:
        What came of it; failures stand beside the results, too.
    """
    tidy(left.done, places)
    witness = _Witness(left, open_storage(places.results), executor.num_slots, say)
    with executor:
        tally = run_jobs(left.jobs, executor, attempts=attempts, limit=limit, on_event=witness)
    witness.sum_up(tally)
    return tally


class _Witness:
    """Tells what happens, and writes failures down."""

    def __init__(self, left: Left, results: Storage, num_slots: int, say: Say) -> None:
        self._left, self._results, self._say = left, results, say
        self._start = time.perf_counter()
        self._kinds = {job.name: _kind(job) for job in left.jobs for job in (job, *job.parts)}
        predicted = {job.name: job.seconds for job in left.jobs}
        self._time_left = TimeLeft(predicted, self._kinds.__getitem__, num_slots)
        self._done = len(left.done)

    def __call__(self, event: Event) -> None:
        """Take an event."""
        if event.outcome.error is None:
            self._time_left.done(event.job.name, event.outcome.seconds)
            self._succeeded(event)
        else:
            if event.final or event.job.parts:
                self._time_left.done(event.job.name)
            self._failed(event)

    def sum_up(self, tally: Tally) -> None:
        """Say what came of it all."""
        spent = in_words(time.perf_counter() - self._start)
        self._say(f"{self._done} of {len(self._left.experiments)} results are there, after {spent}")
        if not tally.failed:
            return
        blocked = f", and {len(tally.blocked)} need what failed" if tally.blocked else ""
        self._say(f"{len(tally.failed)} failed{blocked}:")
        for name, error in tally.failed.items():
            self._say(f"  {name}: {error.splitlines()[0]}")
        self._say(f"Where they failed stands in {FAILURE_FILE} in these folders of {self._results.url}.")
        self._say("The same command tries them again, and repeats nothing that is done.")

    def _succeeded(self, event: Event) -> None:
        experiments = experiments_of(event.job)
        if not experiments:
            name = _failure_name(event.job.name)
            self._noting(name, lambda: self._results.remove(name))
            self._line(f"{event.job.name}: {in_words(event.outcome.seconds)}")
            return
        for experiment, said in zip(experiments, event.outcome.value, strict=True):
            self._done += 1
            self._line(f"{experiment.id}: {said}")

    def _failed(self, event: Event) -> None:
        error = event.outcome.error or ""
        if event.job.parts:
            self._line(f"{event.job.name}: {error.splitlines()[0]}; trying them one by one")
            return
        what = "given up" if event.final else "trying again later"
        self._line(f"{event.job.name}: {error.splitlines()[0]}; {what} after attempt {event.attempts}")
        name = _failure_name(event.job.name)
        self._noting(name, lambda: self._write_failure(name, event.job, error, event.outcome.traceback))

    def _noting(self, name: str, note: Callable[[], None]) -> None:
        """Write down or remove a failure; where the storage refuses, say so and go on."""
        try:
            note()
        # What lies behind URLs raises errors of many libraries, and no note is worth the jobs that are running.
        except Exception as error:  # noqa: BLE001
            said = f"{type(error).__name__}: {error}".splitlines()[0]
            self._say(f"  {name} is not up to date: {said}")

    def _write_failure(self, name: str, job: Job, error: str, traceback: str) -> None:
        before = self._attempts_in(name)
        named, _, key = job.name.rpartition("-")
        failure = Failure(id=named, key=key, error=error, traceback=traceback, attempts=before + 1)
        self._results.write(name, to_text(failure).encode())

    def _attempts_in(self, name: str) -> int:
        if not self._results.exists(name):
            return 0
        try:
            return read_failure(self._results.read(name), where=name).attempts
        except ValueError:  # damaged: a count is not worth the session
            return 0

    def _line(self, text: str) -> None:
        done, wanted = self._done, len(self._left.experiments)
        self._say(f"[{done}/{wanted}] {text}{self._rest()}")

    def _rest(self) -> str:
        if not self._time_left.num_jobs:
            return ""
        seconds = self._time_left.seconds()
        end = datetime.now() + timedelta(seconds=seconds)
        clock = f"{end:%H:%M}" if seconds < 43_200 else f"{end:%a %d %b, %H:%M}"
        return f"; about {in_words(seconds)} left, until {clock}"


def _kind(job: Job) -> str:
    """Name what jobs have in common whose predictions are wrong by the same factor."""
    experiments = experiments_of(job)
    return f"{experiments[0].kind} {experiments[0].arm}" if experiments else "data"


def _failure_name(job_name: str) -> str:
    return f"{job_name}/{FAILURE_FILE}"
