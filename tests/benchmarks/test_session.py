"""Experiments from end to end: once is enough, one broken does not matter, and a kill changes nothing."""

from __future__ import annotations

import dataclasses
import os
import random
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest

from benchmarks import work
from benchmarks.arms import ENCODER_ARMS, Recipe
from benchmarks.executors.serial import SerialExecutor
from benchmarks.experiment import Experiment
from benchmarks.result import Result, read_failure, without_circumstances
from benchmarks.runner import Tally
from benchmarks.session import look, run_session
from benchmarks.storage import FolderStorage, open_storage
from benchmarks.work import Places
from rmr_gym.documents import exclusive
from rmr_gym.errors import BusyFolderError
from rmr_gym.evaluation.statistics import compare_paired
from rmr_gym.models import load_encoder
from rmr_gym.pipeline import stages
from rmr_gym.pipeline.config import RunConfig
from rmr_gym.pipeline.run import run
from tests.benchmarks.settings import TINY, natural, places, read

SEEDS = (0, 1, 2)


def go(experiments: list[Experiment], at: Places, **options: object) -> tuple[Tally, list[str]]:
    said: list[str] = []
    left = look(experiments, at, **{name: value for name, value in options.items() if name == "together"})  # type: ignore[arg-type]
    return run_session(left, at, SerialExecutor(), say=said.append), said


@pytest.fixture(scope="module")
def datasets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the one data set of these tests is shared."""
    return tmp_path_factory.mktemp("datasets")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, datasets: Path) -> Places:
    """A finished run with two arms that are one and the same."""
    at = places(tmp_path_factory.mktemp("finished"), datasets)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(ENCODER_ARMS._parts, "rmr_again", ENCODER_ARMS["rmr"])
        experiments = natural("rmr", "rmr_again", seeds=SEEDS) + natural("untrained")
        tally, _ = go(experiments, at)
    assert not tally.failed
    return at


@pytest.fixture
def twins(finished: Places, monkeypatch: pytest.MonkeyPatch) -> dict[str, list[Result]]:
    monkeypatch.setitem(ENCODER_ARMS._parts, "rmr_again", ENCODER_ARMS["rmr"])
    return {
        arm: [read(one, finished) for one in natural(arm, seeds=SEEDS) if one.kind == "natural"]
        for arm in ("rmr", "rmr_again")
    }


def f1(results: list[Result]) -> list[float]:
    return [result.scores["readouts"]["full"]["bit_f1"]["weighted"] for result in results]


def test_second_session_has_nothing_to_do(finished: Places) -> None:
    experiments = natural("rmr", seeds=SEEDS)
    files = {path: path.stat().st_mtime_ns for path in Path(finished.results).rglob("*")}
    left = look(experiments, finished)
    assert (len(left.done), left.jobs) == (4, ())
    tally, said = go(experiments, finished)
    assert tally == Tally()
    assert said == ["4 of 4 results are there, after 0 s"]
    assert {path: path.stat().st_mtime_ns for path in Path(finished.results).rglob("*")} == files


def test_more_seeds_add_to_what_is_there(finished: Places) -> None:
    left = look(natural("rmr", seeds=(*SEEDS, 5)), finished)
    assert len(left.done) == 4
    assert [job.name.rpartition("-")[0] for job in left.jobs] == ["data/pong", "natural/pong/rmr/width-4/seed-5"]


def test_finished_session_leaves_results_and_weights_and_no_work(finished: Places) -> None:
    folder = Path(finished.results) / natural("rmr")[0].folder
    assert {path.name for path in folder.iterdir()} == {"result.json", "processor"}
    assert not [path for path in finished.work.rglob("*") if path.is_file()]


def test_result_says_what_it_is(finished: Places) -> None:
    processor, encoder = natural("rmr")
    result = read(encoder, finished)
    assert (result.id, result.key) == (encoder.id, encoder.key)
    assert (result.game, result.donor, result.arm, result.slot_dim, result.seed) == ("pong", "pong", "rmr", 4, 0)
    assert [record["step"] for record in result.curve] == [0, 1, 2, 3]
    assert result.collapse is not None
    assert result.collapse["active_margins"] is None, "InfoNCE has no margin"
    assert result.inputs["processor"] == read(processor, finished).inputs["processor"]
    assert result.seconds["wall"] > 0
    assert {"copy", "slot_accuracy", "num_kept_slots"} <= set(read(processor, finished).scores)


def test_numbers_are_those_of_rmr_gym_run(finished: Places, tmp_path: Path) -> None:
    config = dataclasses.replace(TINY, game="pong", arms=("rmr", "untrained"))
    oracle = run(config, tmp_path)
    for arm in ("rmr", "untrained"):
        result, expected = read(natural(arm)[-1], finished), oracle["natural"]["arms"][arm]["0"]
        assert result.scores["readouts"] == expected["readouts"]
        assert result.collapse == {**expected["collapse"], "active_margins": None}
    assert read(natural("untrained")[-1], finished).scores["majority"] == oracle["natural"]["majority"]
    abstract = read(natural("rmr")[0], finished).scores
    assert {name: abstract[name] for name in oracle["abstract"]["processor"]} == oracle["abstract"]["processor"]
    assert abstract["copy"] == oracle["abstract"]["copy"]


def test_identical_arms_give_identical_numbers_and_no_difference(twins: dict[str, list[Result]]) -> None:
    for one, again in zip(twins["rmr"], twins["rmr_again"], strict=True):
        assert one.id != again.id
        assert (one.key, one.scores, one.collapse, one.curve) == (again.key, again.scores, again.collapse, again.curve)
    comparison = compare_paired(f1(twins["rmr"]), f1(twins["rmr_again"]))
    assert comparison.verdict == "no difference"
    assert comparison.p_greater == comparison.p_less == 1.0


def test_shuffled_seeds_destroy_the_pairing(twins: dict[str, list[Result]]) -> None:
    shuffled = f1(twins["rmr_again"])[1:] + f1(twins["rmr_again"])[:1]
    assert len(set(shuffled)) == len(SEEDS), "every seed has an encoder of its own"
    differences = np.array(f1(twins["rmr"])) - np.array(shuffled)
    assert (differences != 0).all()
    comparison = compare_paired(f1(twins["rmr"]), shuffled)
    assert comparison.num_zeros == 0
    assert min(comparison.p_greater, comparison.p_less) < 1.0


def test_one_broken_experiment_is_written_down_and_the_others_are_done(
    tmp_path: Path, datasets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(ENCODER_ARMS._parts, "broken", with_learning_rate(1e30))
    at = places(tmp_path, datasets)
    experiments = natural("broken", "rmr")
    broken = next(one for one in experiments if one.arm == "broken")
    tally, said = go(experiments, at)
    assert list(tally.failed) == [broken.folder]
    assert read(experiments[-1], at).arm == "rmr"
    failure = read_failure((tmp_path / "out" / broken.folder / "failure.json").read_bytes())
    assert failure.error.startswith("NonFiniteLossError: Expected a finite loss at step")
    assert "rmr_gym/training/loop.py" in failure.traceback
    assert (failure.id, failure.key, failure.attempts) == (broken.id, broken.key, 2)
    assert f"  {broken.folder}: NonFiniteLossError" in "\n".join(said)
    file = tmp_path / "out" / broken.folder / "failure.json"
    go(experiments, at)
    assert read_failure(file.read_bytes()).attempts == 4, "a later call tries again"
    file.write_bytes(file.read_bytes()[:40])
    tally, said = go(experiments, at)
    assert list(tally.failed) == [broken.folder]
    assert read_failure(file.read_bytes()).attempts == 2, "a damaged file counts as none"


def test_failure_vanishes_when_the_experiment_succeeds(
    tmp_path: Path, datasets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at, experiments = places(tmp_path, datasets), natural("untrained")
    probe = stages.probe
    monkeypatch.setattr(stages, "probe", lambda *args, **kwargs: (_ for _ in ()).throw(OSError("disk full")))
    assert go(experiments, at)[0].failed == {experiments[0].folder: "OSError: disk full"}
    monkeypatch.setattr(stages, "probe", probe)
    assert not go(experiments, at)[0].failed
    assert not list((tmp_path / "out").rglob("failure.json"))


@pytest.mark.parametrize("broken", ["exists", "read", "write"])
def test_failure_that_cannot_be_written_down_is_told_and_the_others_are_done(
    broken: str, tmp_path: Path, datasets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class EndpointError(Exception):
        """As those of object stores, which are no OSError."""

    method = getattr(FolderStorage, broken)

    def refuse(self: FolderStorage, name: str, *content: bytes) -> object:
        if name.endswith("failure.json"):
            raise EndpointError(f"no {broken}\nfor now")
        return method(self, name, *content)

    monkeypatch.setitem(ENCODER_ARMS._parts, "broken", with_learning_rate(1e30))
    monkeypatch.setattr(FolderStorage, broken, refuse)
    at, experiments = places(tmp_path, datasets), natural("broken", "untrained")
    (bad,) = (one for one in experiments if one.arm == "broken")
    if broken == "read":
        open_storage(at.results).write(f"{bad.folder}/failure.json", b"{}")
    tally, said = go(experiments, at)
    assert list(tally.failed) == [bad.folder]
    assert read(experiments[-1], at).arm == "untrained"
    assert said.count(f"  {bad.folder}/failure.json is not up to date: EndpointError: no {broken}") == 2


def test_failure_that_cannot_be_removed_is_told_and_the_session_goes_on(
    tmp_path: Path, datasets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: FolderStorage, name: str) -> None:
        if name.startswith("data/"):
            raise PermissionError("read-only")

    monkeypatch.setattr(FolderStorage, "remove", refuse)
    at, experiments = places(tmp_path, datasets), natural("untrained")
    tally, said = go(experiments, at)
    assert not tally.failed
    assert read(experiments[0], at).arm == "untrained"
    (line,) = (line for line in said if "is not up to date" in line)
    assert line.endswith("/failure.json is not up to date: PermissionError: read-only")


def test_ensemble_gives_what_its_members_give_alone(finished: Places, tmp_path: Path, datasets: Path) -> None:
    at = places(tmp_path, datasets, keep_encoders=True)
    experiments = natural("rmr", seeds=SEEDS)
    assert len(look(experiments, at, together=20).jobs) == 3, "data, processor, one ensemble"
    tally, _ = go(experiments, at, together=20)
    assert not tally.failed
    for experiment in experiments:
        assert without_circumstances(read(experiment, at)) == without_circumstances(read(experiment, finished))
    assert load_encoder(tmp_path / "out" / experiments[1].folder / "encoder").slot_dim == 4


def test_results_go_behind_a_url_and_data_come_from_one(
    finished: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = uuid4()
    first, second = (
        Places(results=f"memory://{name}/{part}", work=tmp_path / part, datasets=f"memory://{name}/data")
        for part in ("first", "second")
    )
    experiments = natural("rmr")
    assert not go(experiments, first)[0].failed
    monkeypatch.setattr(stages, "collect", lambda *_, **__: pytest.fail("the data set is there"))
    assert not go(experiments, second)[0].failed
    for experiment in experiments:
        expected = without_circumstances(read(experiment, finished))
        assert without_circumstances(read(experiment, first)) == expected
        assert without_circumstances(read(experiment, second)) == expected
    assert not look(experiments, second).jobs


def test_experiment_that_another_process_is_at_is_left_to_it(tmp_path: Path, datasets: Path) -> None:
    at = places(tmp_path, datasets)
    (experiment,) = natural("untrained")
    with exclusive(at.work / experiment.folder), pytest.raises(BusyFolderError):
        work.run_experiments([experiment], at)
    assert work.run_experiments([experiment], at)[0].startswith("bit F1")
    assert work.run_experiments([experiment], at) == ["is there"]


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_killed_run_ends_with_the_results_of_an_undisturbed_one(
    finished: Places, datasets: Path, tmp_path: Path
) -> None:
    experiments = natural("rmr", seeds=SEEDS)
    undisturbed, killed = places(tmp_path / "undisturbed", datasets), places(tmp_path / "killed", datasets)
    status, seconds = in_fork(partial(go, experiments, undisturbed))
    assert status == 0
    chance = random.Random(0)
    for _ in range(3):
        # All together they last less than an undisturbed run, so that each of them hits.
        status, _ = in_fork(partial(go, experiments, killed), after=chance.uniform(0.1, 0.3) * seconds)
        assert os.WIFSIGNALED(status)
    assert in_fork(partial(go, experiments, killed))[0] == 0
    for experiment in experiments:
        expected = without_circumstances(read(experiment, undisturbed))
        assert without_circumstances(read(experiment, killed)) == expected
        assert without_circumstances(read(experiment, finished)) == expected
    assert not [path for path in killed.work.rglob("*") if path.is_file()]


def in_fork(function: Callable[[], object], after: float | None = None) -> tuple[int, float]:
    """Call a function in another process, which may be ended without warning after some processor time."""
    child = os.fork()
    if child == 0:
        try:
            if after is not None:
                signal.setitimer(signal.ITIMER_PROF, after)  # whose signal ends the process as kill -9 does
            function()
            os._exit(0)
        finally:
            os._exit(1)
    _, status, usage = os.wait4(child, 0)
    return status, usage.ru_utime + usage.ru_stime


def with_learning_rate(rate: float) -> Callable[[RunConfig], Recipe]:
    def recipe(settings: RunConfig) -> Recipe:
        loop = dataclasses.replace(settings.natural.loop, learning_rate=rate, gradient_steps=6)
        changed = dataclasses.replace(settings.natural, loop=loop)
        return Recipe(trained_as="c_swm", abstract=settings.abstract, natural=changed)

    return recipe
