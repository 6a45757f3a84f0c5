"""The order of jobs, failures, and what waits for them."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmarks.executors.interface import Executor, Job, Outcome
from benchmarks.executors.serial import SerialExecutor
from benchmarks.runner import Event, run_jobs
from tests.benchmarks import jobs


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    path = tmp_path / "journal"
    path.touch()
    return path


def job(name: str, journal: Path, *, needs: Sequence[str] = (), parts: Sequence[Job] = ()) -> Job:
    return Job(name=name, function=jobs.note, arguments=(name, journal), needs=tuple(needs), parts=tuple(parts))


def test_jobs_run_in_their_order_and_behind_what_they_need(journal: Path) -> None:
    planned = [job("a", journal), job("b", journal, needs="a"), job("c", journal), job("d", journal, needs="bc")]
    tally = run_jobs(planned, SerialExecutor())
    assert journal.read_text().split() == ["a", "b", "c", "d"] == tally.succeeded


def test_failing_job_is_tried_a_bounded_number_of_times_behind_the_others(journal: Path) -> None:
    broken = Job(name="x", function=jobs.fail, arguments=("x", journal))
    events: list[Event] = []
    tally = run_jobs(
        [broken, job("a", journal), job("b", journal)], SerialExecutor(), attempts=3, on_event=events.append
    )
    assert journal.read_text().split() == ["x", "a", "b", "x", "x"]
    assert tally.failed == {"x": "RuntimeError: x is broken"}
    assert [(event.attempts, event.final) for event in events if event.job is broken] == [
        (1, False),
        (2, False),
        (3, True),
    ]
    assert "jobs.py" in events[0].outcome.traceback


def test_job_that_succeeds_when_it_is_tried_again_has_not_failed(journal: Path) -> None:
    flaky = Job(name="x", function=jobs.fail, arguments=("x", journal, 1))
    tally = run_jobs([flaky, job("a", journal, needs="x")], SerialExecutor())
    assert tally.succeeded == ["x", "a"]
    assert not tally.failed


def test_jobs_behind_a_failed_one_are_left_and_all_others_run(journal: Path) -> None:
    broken = Job(name="x", function=jobs.fail, arguments=("x", journal))
    planned = [broken, job("y", journal, needs="x"), job("z", journal, needs="y"), job("a", journal)]
    tally = run_jobs(planned, SerialExecutor(), attempts=1)
    assert tally.blocked == {"y": "x", "z": "x"}
    assert tally.succeeded == ["a"]


def test_job_of_another_process_is_looked_at_again_without_counting_as_an_attempt(journal: Path) -> None:
    theirs = Job(name="x", function=jobs.elsewhere, arguments=("x", journal, 3))
    tally = run_jobs([theirs, job("a", journal)], SerialExecutor(), attempts=1, look_again_after=0.01)
    assert journal.read_text().split() == ["x", "a", "x", "x", "x"]
    assert tally.succeeded == ["a", "x"]


def test_ensemble_that_fails_is_tried_in_parts(journal: Path) -> None:
    parts = [job("p", journal), Job(name="q", function=jobs.fail, arguments=("q", journal))]
    together = Job(name="pq", function=jobs.fail, arguments=("pq", journal), parts=tuple(parts))
    tally = run_jobs([together], SerialExecutor(), attempts=2)
    assert journal.read_text().split() == ["pq", "p", "q", "q"]
    assert (tally.succeeded, list(tally.failed)) == (["p"], ["q"])


@pytest.mark.parametrize("bad", ["twice", "before"])
def test_plan_that_cannot_be_run_is_refused(bad: str, journal: Path) -> None:
    planned = [job("a", journal), job("a", journal)] if bad == "twice" else [job("a", journal, needs="b")]
    with pytest.raises(ValueError, match=f"a {bad}"):
        run_jobs(planned, SerialExecutor())
    assert not journal.read_text()


class Shuffled(Executor):
    """Ends what runs in any order, fails some of it, and checks that no job begins before what it needs."""

    def __init__(self, chance: random.Random) -> None:
        self._chance, self._running, self.done = chance, list[Job](), list[str]()

    @property
    def num_slots(self) -> int:
        return 3

    def submit(self, job: Job) -> None:
        assert set(job.needs) <= set(self.done)
        self._running.append(job)
        assert len(self._running) <= self.num_slots

    def wait(self, timeout: float | None = None) -> list[Outcome]:
        self._chance.shuffle(self._running)
        job = self._running.pop()
        if self._chance.random() < 0.2:
            return [Outcome(name=job.name, error="bad luck")]
        self.done.append(job.name)
        return [Outcome(name=job.name)]

    def abandon(self, name: str) -> None:
        raise AssertionError("nothing has a limit")

    def stop(self) -> None:
        assert not self._running


class Hanging(Executor):
    """Never comes to an end with jobs that are called so."""

    def __init__(self) -> None:
        self._running, self.abandoned = list[Job](), list[str]()

    @property
    def num_slots(self) -> int:
        return 2

    def submit(self, job: Job) -> None:
        self._running.append(job)

    def wait(self, timeout: float | None = None) -> list[Outcome]:
        done = [job for job in self._running if not job.name.startswith("hangs")]
        if not done:
            assert timeout is not None, "it would wait for ever"
            time.sleep(timeout)
        self._running = [job for job in self._running if job not in done]
        return [Outcome(name=job.name) for job in done]

    def abandon(self, name: str) -> None:
        (job,) = (job for job in self._running if job.name == name)
        self._running.remove(job)
        self.abandoned.append(name)

    def stop(self) -> None:
        assert not self._running


def test_job_that_hangs_is_ended_tried_again_and_given_up(journal: Path) -> None:
    planned = [job("hangs", journal), *(job(name, journal) for name in "abc"), job("behind", journal, needs=["hangs"])]
    with Hanging() as executor:
        tally = run_jobs(planned, executor, limit=0.36)
    assert executor.abandoned == ["hangs", "hangs"]
    assert tally.succeeded == ["a", "b", "c"]
    assert tally.failed == {"hangs": "no end after 0.0001 h"}
    assert tally.blocked == {"behind": "hangs"}


def test_job_of_several_parts_has_the_time_of_all_and_its_parts_have_theirs(journal: Path) -> None:
    whole = job("hangs", journal, parts=[job("hangs 1", journal), job("fine", journal)])
    begun = time.monotonic()
    with Hanging() as executor:
        tally = run_jobs([whole], executor, attempts=1, limit=0.18)
    assert time.monotonic() - begun >= 3 * 0.18
    assert executor.abandoned == ["hangs", "hangs 1"]
    assert tally.succeeded == ["fine"]
    assert list(tally.failed) == ["hangs 1"]


@pytest.mark.parametrize("seed", range(20))
def test_every_job_of_a_random_plan_ends_in_exactly_one_way(seed: int) -> None:
    chance = random.Random(seed)
    planned = [
        Job(name=str(place), function=print, needs=tuple({str(chance.randrange(place)) for _ in range(place % 3)}))
        for place in range(40)
    ]
    with Shuffled(chance) as executor:
        tally = run_jobs(planned, executor)
    ends = [*tally.succeeded, *tally.failed, *tally.blocked]
    assert sorted(ends) == sorted(job.name for job in planned)
    assert tally.succeeded == executor.done
    for job in planned:
        assert (job.name in tally.blocked) == bool(set(job.needs) & {*tally.failed, *tally.blocked})
