"""Guesses of how long the rest takes."""

from __future__ import annotations

import pytest

from benchmarks.executors.interface import Job
from benchmarks.progress import TimeLeft, makespan


def test_time_left_is_the_prediction_before_anything_is_known() -> None:
    left = TimeLeft({"a 1": 100.0, "a 2": 300.0}, lambda name: name[0], num_slots=2)
    assert left.seconds() == pytest.approx(300.0), "the longest job bounds it"


def test_time_left_follows_what_equal_jobs_took() -> None:
    left = TimeLeft({**{f"a {n}": 1_000.0 for n in range(11)}, "b": 1_000.0}, lambda name: name[0])
    for number in range(10):
        left.done(f"a {number}", 2_000.0)
    assert left.num_jobs == 2
    assert left.seconds() == pytest.approx(2 * 2_000.0, rel=0.01), "b, of which nothing is known, goes by all others"


def test_failed_jobs_say_nothing_about_the_others() -> None:
    left = TimeLeft({"a": 50.0, "b": 50.0}, lambda name: name)
    left.done("a")
    assert left.seconds() == pytest.approx(50.0)


def test_makespan_waits_for_needs() -> None:
    chain = [
        Job(name=str(place), function=print, needs=(str(place - 1),) if place else (), seconds=2.0)
        for place in range(4)
    ]
    others = [Job(name=f"other {place}", function=print, seconds=1.0) for place in range(8)]
    assert makespan(chain, 5) == 8.0
    assert makespan([*chain, *others], 2) == 8.0
    assert makespan(others, 3) == 3.0
    assert makespan([], 3) == 0.0
