"""How jobs are counted on a Ray cluster that changes, without one."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks.executors import ray_cluster
from benchmarks.executors.interface import Job
from benchmarks.executors.ray_cluster import RayExecutor

JOB = Job(name="a", function=print)


class Cluster:
    """Stands in for Ray and the clock: waiting takes no time, and jobs end when the test says so."""

    def __init__(self) -> None:
        self.resources = {"CPU": 64.0, "GPU": 1.0}
        self.now, self.ends, self.joins = 1_000.0, float("inf"), float("inf")
        self.asked: dict[str, float] = {}
        self.looks = 0

    def module(self) -> SimpleNamespace:
        return SimpleNamespace(
            **{name: lambda *_, **__: None for name in ("init", "cancel", "shutdown")},
            remote=self.remote,
            wait=self.wait,
            get=lambda reference: reference,
            cluster_resources=lambda: self.resources,
            exceptions=SimpleNamespace(RayError=RuntimeError),
        )

    def remote(self, **options: float) -> Any:
        self.asked = options
        return lambda _: SimpleNamespace(remote=lambda job: job.name)

    def wait(self, references: list[str], *, num_returns: int, timeout: float | None) -> tuple[list[str], list[str]]:
        self.looks += 1
        end = self.ends if timeout is None else min(self.ends, self.now + timeout)
        self.now = max(self.now, end)
        if self.now >= self.joins:
            self.resources = {name: 2 * amount for name, amount in self.resources.items()}
            self.joins = float("inf")
        return (references[:num_returns], []) if self.now >= self.ends else ([], references)


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    made = Cluster()
    monkeypatch.setitem(sys.modules, "ray", made.module())
    monkeypatch.setattr(ray_cluster, "time", SimpleNamespace(monotonic=lambda: made.now, sleep=lambda _: None))
    return made


def test_slots_are_counted_by_the_share_that_jobs_ask_for_when_gpus_join(cluster: Cluster) -> None:
    executor = RayExecutor(device="cuda", workers=8)
    assert (cluster.asked["num_gpus"], executor.num_slots) == (1 / 8, 8)
    cluster.resources["GPU"], cluster.now = 4.0, 1_060.0
    assert executor.num_slots == 8  # workers, of the 32 that there is room for
    cluster.resources["GPU"], cluster.now = 0.5, 1_120.0
    assert executor.num_slots == 4


def test_gpus_that_join_later_are_not_shared_by_jobs_that_ask_for_a_whole_one(cluster: Cluster) -> None:
    cluster.resources["GPU"] = 0.0
    executor = RayExecutor(device="cuda", workers=8)
    assert (cluster.asked["num_gpus"], executor.num_slots) == (1.0, 1)
    cluster.resources["GPU"], cluster.now = 4.0, 1_060.0
    assert executor.num_slots == 4


@pytest.mark.parametrize(("gpus", "workers"), [(2, 3), (1, 6), (3, 7), (8, 4), (5, 11)])
def test_jobs_fit_on_the_gpus_without_one_that_lies_across_two(cluster: Cluster, gpus: int, workers: int) -> None:
    cluster.resources["GPU"] = float(gpus)
    executor = RayExecutor(device="cuda", workers=workers)
    on_each = 10_000 // round(10_000 * cluster.asked["num_gpus"])  # Ray counts in parts of ten thousand
    assert executor.num_slots == workers <= gpus * on_each


def test_waiting_ends_when_a_machine_joins(cluster: Cluster) -> None:
    executor = RayExecutor()
    assert executor.num_slots == 64
    executor.submit(JOB)
    cluster.joins, cluster.ends = 3_600.0, 7_200.0
    assert executor.wait() == []
    assert 3_600 <= cluster.now <= 3_610
    assert executor.num_slots == 128
    assert executor.wait() == ["a"]
    assert cluster.now == 7_200


def test_waiting_lasts_as_long_as_it_was_asked_to(cluster: Cluster) -> None:
    executor = RayExecutor()
    executor.submit(JOB)
    assert executor.wait(25.0) == []
    assert (cluster.now, cluster.looks) == (1_025.0, 3)
    assert executor.wait(0.0) == []
    assert (cluster.now, cluster.looks) == (1_025.0, 4)
