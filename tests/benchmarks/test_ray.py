"""The same experiments on a cluster of two nodes of this machine, whose processes and nodes are killed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.executors.choosing import Resources
from benchmarks.executors.choosing import ray as start
from benchmarks.executors.interface import Job
from benchmarks.executors.serial import SerialExecutor
from benchmarks.result import without_circumstances
from benchmarks.runner import run_jobs
from benchmarks.session import look, run_session
from tests.benchmarks import jobs
from tests.benchmarks.settings import natural, places, read

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.filterwarnings("ignore"),  # Ray leaves sockets and files to the garbage collector
]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A head and another node, with one core each; the last test kills the second one."""
    pytest.importorskip("ray", reason="the extra `ray` is not installed")
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    made.add_node(num_cpus=1)
    yield made
    made.shutdown()


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    path = tmp_path / "journal"
    path.touch()
    return path


def test_cluster_gives_the_results_of_this_process(cluster: Any, tmp_path: Path) -> None:
    experiments = natural("rmr", seeds=(0, 1))
    here, there = (places(tmp_path / name, tmp_path / "data") for name in ("here", "there"))
    run_session(look(experiments, here), here, SerialExecutor(), say=lambda _: None)
    tally = run_session(look(experiments, there), there, start(Resources(address=cluster.address)), say=lambda _: None)
    assert not tally.failed
    for experiment in experiments:
        assert without_circumstances(read(experiment, there)) == without_circumstances(read(experiment, here))


def test_killed_workers_and_errors_stay_alone(cluster: Any, journal: Path) -> None:
    planned = [
        Job(name="killed twice", function=jobs.die, arguments=("twice", journal, 2)),
        Job(name="raises", function=jobs.fail, arguments=("raises", journal)),
        Job(name="fine", function=jobs.note, arguments=("fine", journal)),
        Job(name="behind", function=jobs.note, arguments=("behind", journal), needs=("killed twice",)),
    ]
    with start(Resources(address=cluster.address)) as executor:
        assert executor.num_slots == 2
        tally = run_jobs(planned, executor, attempts=1)
    assert sorted(tally.succeeded) == ["behind", "fine", "killed twice"]
    assert tally.failed == {"raises": "RuntimeError: raises is broken"}
    assert journal.read_text().split().count("twice") == 3


def test_job_that_always_dies_is_given_up(cluster: Any, journal: Path) -> None:
    job = Job(name="dies", function=jobs.die, arguments=("dies", journal))
    with start(Resources(address=cluster.address)) as executor:
        tally = run_jobs([job], executor, attempts=1)
    assert tally.failed["dies"].startswith("the process died 4 times: WorkerCrashedError")


def test_job_that_is_abandoned_is_ended_and_not_begun_anew(cluster: Any, journal: Path) -> None:
    with start(Resources(address=cluster.address)) as executor:
        executor.submit(Job(name="a", function=jobs.sleep, arguments=("a", journal)))
        deadline = time.monotonic() + 60
        while not journal.read_text().endswith("\n"):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        worker = Path("/proc", journal.read_text().strip().split(":")[1])
        executor.abandon("a")
        while worker.exists():
            assert time.monotonic() < deadline, "the worker lives on"
            time.sleep(0.05)
        executor.submit(Job(name="b", function=jobs.note, arguments=("b", journal)))
        assert [outcome.value for outcome in executor.wait()] == ["B"]
    assert len(journal.read_text().split()) == 2


def test_cluster_that_is_not_there_is_an_error_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    ray = pytest.importorskip("ray", reason="the extra `ray` is not installed")

    def refuse(**_: object) -> None:
        """As `ray.init` does where no cluster runs; asking it would find that of the other tests."""
        raise ConnectionError("Could not find any running Ray instance.")

    monkeypatch.setattr(ray, "init", refuse)
    with pytest.raises(ValueError, match="ray start --head"):
        start(Resources(address="auto"))


def test_jobs_of_a_killed_node_are_done_on_the_other(cluster: Any, journal: Path) -> None:
    planned = [Job(name=name, function=jobs.sleep, arguments=(name, journal, 3.0)) for name in ("a", "b", "c", "d")]
    with start(Resources(address=cluster.address)) as executor:
        for job in planned[:2]:
            executor.submit(job)
        deadline = time.monotonic() + 600
        while journal.read_text().count("\n") < 2:  # one runs on each node
            assert time.monotonic() < deadline
            time.sleep(0.1)
        (lost,) = cluster.worker_nodes
        cluster.remove_node(lost, allow_graceful=False)
        ended = [outcome for _ in range(2) for outcome in executor.wait()]
        tally = run_jobs(planned[2:], executor)
    assert [outcome.error for outcome in ended] == [None, None]
    assert tally.succeeded == ["c", "d"]
    assert journal.read_text().count("\n") == 5, "the one job of the lost node was done again"
