"""Encoders trained as one ensemble leave the folders that training them one by one leaves."""

from __future__ import annotations

import errno
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from rmr_gym.errors import NonFiniteLossError
from rmr_gym.pipeline import stages
from rmr_gym.pipeline.config import RunConfig
from rmr_gym.pipeline.run import encoder_folder, run
from rmr_gym.pipeline.stage import JsonObject
from rmr_gym.training import JsonlSink, Member


def record(folder: Path) -> Any:
    document = json.loads((folder / "result.json").read_text())
    return {key: value for key, value in document.items() if key != "timing"}


def folders(out: Path, config: RunConfig) -> dict[Member, Path]:
    return {Member(arm, seed): encoder_folder(out, arm, seed) for seed in config.seeds for arm in config.arms}


def test_run_with_an_ensemble_gives_the_files_of_a_run_without(
    finished: tuple[Path, JsonObject], copied: Path, tiny: RunConfig
) -> None:
    shutil.rmtree(copied / "encoders")
    (copied / "result.json").unlink()
    result = run(tiny, copied, together=True)
    assert result["natural"] == finished[1]["natural"]
    assert result["comparisons"] == finished[1]["comparisons"]
    expected = folders(finished[0], tiny)
    for member, folder in folders(copied, tiny).items():
        assert record(folder) == record(expected[member])
        for name in ("config.json", "model.safetensors"):
            assert (folder / name).read_bytes() == (expected[member] / name).read_bytes()
        if member.arm != "untrained":
            assert (folder / "log.jsonl").read_text() == (expected[member] / "log.jsonl").read_text()
        assert sorted(path.name for path in folder.iterdir()) == sorted(
            path.name for path in expected[member].iterdir()
        )
    assert sorted(path.name for path in (copied / "encoders").iterdir()) == sorted(tiny.arms)


def test_only_unfinished_encoders_are_trained(copied: Path, tiny: RunConfig) -> None:
    outs = folders(copied, tiny)
    lost = outs[Member("c_swm", 3)]
    before = {member: (out / "result.json").stat().st_mtime_ns for member, out in outs.items()}
    expected = record(lost)
    shutil.rmtree(lost)
    stages.train_together(copied / "data", copied / "processor", outs, tiny.natural, state_folder=copied / "encoders")
    after = {member: (out / "result.json").stat().st_mtime_ns for member, out in outs.items()}
    assert {member for member in outs if after[member] != before[member]} == {Member("c_swm", 3)}
    assert record(lost) == expected


def test_interrupted_ensemble_goes_on_with_its_state_and_log(
    copied: Path, tiny: RunConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    outs = folders(copied, tiny)
    expected = {member: record(out) for member, out in outs.items()}
    shutil.rmtree(copied / "encoders")
    write = JsonlSink.write

    def fail_at_the_end(self: JsonlSink, step: int, terms: Any) -> None:
        if step == 5:
            raise NonFiniteLossError("stands for a kill")
        write(self, step, terms)

    def train() -> None:
        stages.train_together(
            copied / "data", copied / "processor", outs, tiny.natural, state_folder=copied / "encoders"
        )

    with monkeypatch.context() as context:
        context.setattr(JsonlSink, "write", fail_at_the_end)
        with pytest.raises(NonFiniteLossError):
            train()
    assert list((copied / "encoders" / "ensemble").rglob("state-000000005-*"))
    assert not any((out / "result.json").exists() for out in outs.values())
    train()
    assert {member: record(out) for member, out in outs.items()} == expected
    assert not (copied / "encoders" / "ensemble").exists()


def test_run_that_was_killed_alone_and_together_in_turns_ends_like_one_that_was_not(
    finished: tuple[Path, JsonObject], copied: Path, tiny: RunConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree(copied / "encoders")
    (copied / "result.json").unlink()
    write = JsonlSink.write
    for together, last in ((False, 4), (True, 0), (False, 5), (True, 5), (False, 0)):

        def fail(self: JsonlSink, step: int, terms: Any, last: int = last) -> None:
            if step == last:
                raise NonFiniteLossError("stands for a kill")
            write(self, step, terms)

        with monkeypatch.context() as context:
            context.setattr(JsonlSink, "write", fail)
            with pytest.raises(NonFiniteLossError):
                run(tiny, copied, together=together)
    result = run(tiny, copied, together=False)
    assert result["natural"] == finished[1]["natural"]
    expected = folders(finished[0], tiny)
    for member, folder in folders(copied, tiny).items():
        if member.arm != "untrained":
            assert (folder / "log.jsonl").read_text() == (expected[member] / "log.jsonl").read_text()
    assert not list(copied.rglob("state-*"))


@pytest.mark.parametrize("together", [False, True])
def test_training_is_not_repeated_when_its_encoder_could_not_be_written(
    copied: Path, tiny: RunConfig, monkeypatch: pytest.MonkeyPatch, together: bool
) -> None:
    outs = {member: out for member, out in folders(copied, tiny).items() if member.arm in ("rmr", "c_swm")}
    expected = {member: record(out) for member, out in outs.items()}
    for out in outs.values():
        shutil.rmtree(out)

    def train() -> None:
        if together:
            folder = copied / "encoders"
            stages.train_together(copied / "data", copied / "processor", outs, tiny.natural, state_folder=folder)
            return
        for member, out in outs.items():
            stages.train(copied / "data", copied / "processor", out, member.arm, tiny.natural, seed=member.seed)

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "stands for a full disk")

    module = sys.modules[stages.train_together.__module__ if together else stages.train.__module__]
    with monkeypatch.context() as context:
        context.setattr(module, "save_encoder", full)
        with pytest.raises(OSError, match="full disk"):
            train()
    written: list[int] = []
    write = JsonlSink.write
    monkeypatch.setattr(JsonlSink, "write", lambda self, step, terms: (written.append(step), write(self, step, terms)))
    first = next(iter(outs.values()))
    before = (first / "log.jsonl").read_text()
    train()
    trained_again = 0 if together else len(outs) - 1
    assert written.count(0) == trained_again, "what was trained when the disk was full is not trained again"
    assert (first / "log.jsonl").read_text() == before
    assert {member: record(out) for member, out in outs.items()} == expected
    assert not list(copied.rglob("state-*"))


def test_encoders_of_another_config_are_refused(copied: Path, tiny: RunConfig) -> None:
    outs = {Member("rmr", 4): encoder_folder(copied, "rmr", 3)}
    with pytest.raises(ValueError, match="seed"):
        stages.train_together(copied / "data", copied / "processor", outs, tiny.natural, state_folder=copied)


def test_ensemble_does_not_go_on_from_states_around_another_processor(
    copied: Path, tiny: RunConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree(copied / "encoders")
    outs = folders(copied, tiny)

    def train(processor: Path) -> None:
        stages.train_together(copied / "data", processor, outs, tiny.natural, state_folder=copied / "encoders")

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "stands for a full disk")

    with monkeypatch.context() as context:
        context.setattr(sys.modules["rmr_gym.pipeline.stages.train_together"], "save_encoder", full)
        with pytest.raises(OSError, match="full disk"):
            train(copied / "processor")
    other, alone = copied / "other", copied / "alone"
    threshold = tiny.probe.entropy_threshold
    stages.pretrain(copied / "data", other, tiny.abstract, entropy_threshold=threshold, seed=99)
    train(other)
    for number, (member, out) in enumerate(outs.items()):
        by_itself = stages.train(
            copied / "data", other, alone / str(number), member.arm, tiny.natural, seed=member.seed
        )
        assert record(out) == {key: value for key, value in by_itself.items() if key != "timing"}
    assert not (copied / "encoders" / "ensemble").exists()
