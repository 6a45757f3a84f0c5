"""From experiments to jobs."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.arms import ENCODER_ARMS
from benchmarks.plan import experiments_of, plan_jobs
from benchmarks.work import collect_data, run_experiments
from tests.benchmarks.settings import natural, places


def names(experiments: list, tmp_path: Path, **options: object) -> list[tuple[str, ...]]:  # type: ignore[type-arg]
    jobs = plan_jobs(experiments, places(tmp_path), **options)  # type: ignore[arg-type]
    return [(job.name, *job.needs) for job in jobs]


def test_data_and_processor_are_jobs_of_their_own_that_others_wait_for(tmp_path: Path) -> None:
    processor, rmr, c_swm = natural("rmr", "c_swm")
    data = rmr.settings.data.name
    assert names([processor, rmr, c_swm], tmp_path) == [
        (data,),
        (processor.folder, data),
        (rmr.folder, data, processor.folder),
        (c_swm.folder, data),
    ]
    functions = [job.function for job in plan_jobs([processor, rmr], places(tmp_path))]
    assert functions == [collect_data, run_experiments, run_experiments]


def test_what_is_finished_is_no_job_and_nothing_waits_for_it(tmp_path: Path) -> None:
    processor, rmr = natural("rmr")
    data = rmr.settings.data.name
    assert names([processor, rmr], tmp_path, finished={processor.result_name}) == [(data,), (rmr.folder, data)]
    assert names([processor, rmr], tmp_path, finished={processor.result_name, rmr.result_name}) == []


def test_ensembles_hold_seeds_and_arms_of_equal_settings(tmp_path: Path) -> None:
    experiments = natural("rmr", "fine_tuned", "c_swm", "frozen_random", "supervised", seeds=(0, 1, 2))
    jobs = plan_jobs(experiments, places(tmp_path), together=4)
    groups = [[one.id.removeprefix("natural/pong/") for one in experiments_of(job)] for job in jobs[2:]]
    assert [len(group) for group in groups] == [4, 4, 3, 2, 2]
    assert groups[2] == [f"supervised/width-4/seed-{seed}" for seed in (0, 1, 2)]
    assert all(len(job.parts) == len(group) for job, group in zip(jobs[2:], groups, strict=True))
    assert sorted(part.name for job in jobs[2:] for part in job.parts) == sorted(one.folder for one in experiments[1:])


def test_arms_that_are_one_and_the_same_are_in_different_ensembles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(ENCODER_ARMS._parts, "twin", ENCODER_ARMS["rmr"])
    jobs = plan_jobs(natural("rmr", "twin", seeds=(0, 1)), places(tmp_path), together=20)
    arms = [[(one.arm, one.seed) for one in experiments_of(job)] for job in jobs[2:]]
    assert all(len({seed for _, seed in group}) == len(group) for group in arms)
    assert sorted(member for group in arms for member in group) == [
        ("rmr", 0),
        ("rmr", 1),
        ("twin", 0),
        ("twin", 1),
    ]
