from __future__ import annotations

import dataclasses
import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from gymnasium.error import DependencyNotInstalled

from rmr_gym.data import TransitionDataset
from rmr_gym.documents import write_json
from rmr_gym.evaluation.abstract import score_abstract
from rmr_gym.models import AbstractModel, fingerprint, load_abstract_model, load_encoder, load_processor
from rmr_gym.models.processors import DeepSetsConfig
from rmr_gym.pipeline.config import RunConfig
from rmr_gym.pipeline.datasets import open_dataset
from rmr_gym.pipeline.progress import OnProgress, Reporter
from rmr_gym.pipeline.stage import JsonObject, begun_file
from rmr_gym.pipeline.stages import collect, pretrain, probe, train
from rmr_gym.training import AbstractConfig, LoopConfig, predict_ram, read_records


def _modified(folder: Path) -> dict[str, int]:
    return {str(path.relative_to(folder)): path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


class _Interrupting(Reporter):
    """Notes the steps, and stops the first attempt after some of them, as Ctrl-C would."""

    def __init__(self, *, after: int) -> None:
        super().__init__()
        self.steps: list[int] = []
        self._after = after

    @contextmanager
    def task(self, title: str) -> Iterator[OnProgress]:
        yield self._step

    def _step(self, done: int, total: int) -> None:
        self.steps.append(done)
        if len(self.steps) == self._after:
            raise KeyboardInterrupt


def test_collect_describes_both_halves(finished: tuple[Path, JsonObject], tiny: RunConfig) -> None:
    splits = finished[1]["data"]["splits"]
    assert (splits["train"]["num_episodes"], splits["validation"]["num_episodes"]) == (2, 1)
    assert splits["train"]["num_transitions"] == 2 * tiny.data.max_steps
    assert splits["train"]["num_frames"] == 2 * (tiny.data.max_steps + 1)
    assert 0 <= splits["validation"]["duplicate_frames"]["across"] <= 1
    assert splits["train"]["fingerprint"] != splits["validation"]["fingerprint"]


def test_collect_plays_only_the_missing_episodes(tmp_path: Path, tiny: RunConfig) -> None:
    small = dataclasses.replace(tiny.data, max_steps=5)
    collect("pong", tmp_path, small, seed=1)
    episodes = sorted(tmp_path.glob("ep-*.arrow"))
    kept = {path: path.stat().st_mtime_ns for path in episodes[1:]}
    episodes[0].unlink()
    (tmp_path / "result.json").rename(begun_file(tmp_path))  # as after a kill
    write_json(begun_file(tmp_path), json.loads(begun_file(tmp_path).read_text())["inputs"])
    result = collect("Pong", tmp_path, small, seed=1)
    assert sorted(tmp_path.glob("ep-*.arrow")) == episodes
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert result["timing"]["resumed"] is True


def test_collect_without_the_emulator_begins_nothing(
    tmp_path: Path, tiny: RunConfig, copied: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ale_py", None)
    with pytest.raises(DependencyNotInstalled, match=r"rmr-gym\[atari\]"):
        collect("pong", tmp_path / "new", tiny.data)
    assert not list((tmp_path / "new").iterdir())
    finished = json.loads((copied / "data" / "result.json").read_text())
    assert collect("pong", copied / "data", tiny.data, seed=tiny.seed) == finished


def test_collect_refuses_a_folder_of_another_game(copied: Path, tiny: RunConfig) -> None:
    with pytest.raises(ValueError, match="game: pong -> boxing"):
        collect("boxing", copied / "data", tiny.data, seed=tiny.seed)


def test_open_dataset_splits_as_the_data_set_says(finished: tuple[Path, JsonObject]) -> None:
    data = finished[0] / "data"
    train_split, validation = open_dataset(data, "train"), open_dataset(data, "validation")
    assert not set(train_split.episode_indices) & set(validation.episode_indices)
    expected = TransitionDataset(data, split="train", validation_fraction=0.4)
    assert train_split.fingerprint == expected.fingerprint
    assert open_dataset(data, "train", (84, 84)).frames(np.arange(1)).pixels is not None


def test_open_dataset_refuses_an_interrupted_collection(copied: Path) -> None:
    (copied / "data" / "result.json").rename(begun_file(copied / "data"))
    with pytest.raises(ValueError, match="interrupted collection. Repeat that call"):
        open_dataset(copied / "data", "train")


def test_open_dataset_refuses_folders_of_other_stages(finished: tuple[Path, JsonObject]) -> None:
    with pytest.raises(ValueError, match=r"something else. Pass .*/data\.$"):
        open_dataset(finished[0], "train")
    with pytest.raises(ValueError, match="something else. Pass a folder of `rmr-gym collect`"):
        open_dataset(finished[0] / "processor", "train")


def test_open_dataset_takes_several_folders_for_one(finished: tuple[Path, JsonObject], tmp_path: Path) -> None:
    data = finished[0] / "data"
    episodes = sorted(data.glob("ep-*.arrow"))
    parts = [tmp_path / "one", tmp_path / "two"]
    for part, some in zip(parts, (episodes[::2], episodes[1::2]), strict=True):
        part.mkdir()
        for episode in [*some, data / "result.json"]:
            (part / episode.name).write_bytes(episode.read_bytes())
    for split in ("train", "validation"):
        assert open_dataset(parts, split).fingerprint == open_dataset(data, split).fingerprint
    record = json.loads((parts[1] / "result.json").read_text())
    record["inputs"]["config"]["validation_fraction"] = 0.5
    (parts[1] / "result.json").write_text(json.dumps(record))
    with pytest.raises(ValueError, match="got 0.4 in .*one, 0.5 in .*two"):
        open_dataset(parts, "train")
    (parts[1] / "result.json").rename(begun_file(parts[1]))
    with pytest.raises(ValueError, match="a complete data set in .*two"):
        open_dataset(parts, "train")


def test_pretrain_scores_the_processor_beside_copying(finished: tuple[Path, JsonObject], tiny: RunConfig) -> None:
    folder = finished[0] / "processor"
    record = json.loads((folder / "result.json").read_text())
    assert fingerprint(load_processor(folder)) == record["fingerprint"]
    assert 0 < record["copy"]["slot_accuracy"] < 1
    assert record["copy"]["changed_slot_accuracy"] == 0
    assert 0 <= record["processor"]["bit_f1"]["weighted"] <= 1
    assert record["num_transitions"] == tiny.data.max_steps
    assert [log["step"] for log in read_records(folder / "log.jsonl")] == [0, 2, 4, 6, 7]
    assert not (folder / "state").exists()


def test_pretrain_keeps_what_the_processor_was_trained_between(finished: tuple[Path, JsonObject]) -> None:
    model = load_abstract_model(finished[0] / "processor")
    dataset = open_dataset(finished[0] / "data", "validation")
    kept = json.loads((finished[0] / "processor" / "result.json").read_text())
    ram, action, next_ram = dataset.ram_transitions()
    predicted, overwritten = predict_ram(model, ram, action)
    score = score_abstract(predicted, overwritten, ram, next_ram, np.array(kept["kept_slots"]))
    assert dataclasses.asdict(score) == kept["processor"]


def test_pretrain_takes_a_finished_folder_of_the_processor_alone(copied: Path, tiny: RunConfig) -> None:
    for part in ("abstract_encoder", "abstract_decoder"):
        shutil.rmtree(copied / "processor" / part)
    before = _modified(copied)
    threshold = tiny.probe.entropy_threshold
    result = pretrain(copied / "data", copied / "processor", tiny.abstract, entropy_threshold=threshold, seed=3)
    assert result["fingerprint"] == fingerprint(load_processor(copied / "processor"))
    assert _modified(copied) == before


def test_finished_stages_are_not_repeated(copied: Path, tiny: RunConfig) -> None:
    before = _modified(copied)
    data, processor, encoder = copied / "data", copied / "processor", copied / "encoders" / "rmr" / "seed-3"
    collect(tiny.game, data, tiny.data, seed=3)
    threshold = tiny.probe.entropy_threshold
    pretrained = pretrain(data, processor, tiny.abstract, entropy_threshold=threshold, seed=3)
    trained = train(data, processor, encoder, "rmr", tiny.natural, seed=3)
    probe(data, encoder, None, tiny.probe, seed=3)
    assert _modified(copied) == before
    assert trained["inputs"]["processor"] == pretrained["fingerprint"]


def test_pretrain_refuses_a_folder_of_other_settings(copied: Path, tiny: RunConfig) -> None:
    other = AbstractConfig(processor=DeepSetsConfig(), loop=tiny.abstract.loop)
    with pytest.raises(ValueError, match="config.processor.type: mpnn -> deep_sets"):
        pretrain(copied / "data", copied / "processor", other, entropy_threshold=0.3, seed=3)


def test_pretrain_refuses_ram_that_hardly_varies_before_it_trains(
    finished: tuple[Path, JsonObject], tiny: RunConfig, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match="at least one kept slot"):
        pretrain(finished[0] / "data", tmp_path, tiny.abstract, entropy_threshold=6.0)
    assert not (tmp_path / "log.jsonl").exists()
    lower = pretrain(finished[0] / "data", tmp_path, tiny.abstract, entropy_threshold=0.3)  # as the message advises
    assert lower["inputs"]["entropy_threshold"] == 0.3


def test_pretrain_goes_on_where_it_was_interrupted(finished: tuple[Path, JsonObject], tmp_path: Path) -> None:
    data = finished[0] / "data"
    config = AbstractConfig(
        processor=DeepSetsConfig(slot_dim=8), loop=LoopConfig(gradient_steps=6, batch_size=4, checkpoint_every=2)
    )
    whole = pretrain(data, tmp_path / "whole", config)

    reporter = _Interrupting(after=5)
    with pytest.raises(KeyboardInterrupt):
        pretrain(data, tmp_path / "cut", config, reporter=reporter)
    assert not (tmp_path / "cut" / "result.json").exists()
    resumed = pretrain(data, tmp_path / "cut", config, reporter=reporter)
    assert reporter.steps == [1, 2, 3, 4, 5, 5, 6]  # the last state was that of step 4
    assert resumed["fingerprint"] == whole["fingerprint"]


def test_pretrain_that_is_interrupted_while_it_scores_trains_no_step_again(
    finished: tuple[Path, JsonObject], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = AbstractConfig(processor=DeepSetsConfig(slot_dim=8), loop=LoopConfig(gradient_steps=3, batch_size=4))
    reporter = _Interrupting(after=99)
    with monkeypatch.context() as patched:
        patched.setattr(AbstractModel, "predict", _interrupt)
        with pytest.raises(KeyboardInterrupt):
            pretrain(finished[0] / "data", tmp_path, config, reporter=reporter)
    pretrain(finished[0] / "data", tmp_path, config, reporter=reporter)
    assert reporter.steps == [1, 2, 3]
    assert [record["step"] for record in read_records(tmp_path / "log.jsonl")] == [0, 2]
    assert not (tmp_path / "state").exists()


def test_train_keeps_the_frozen_processor_and_pairs_the_arms(finished: tuple[Path, JsonObject]) -> None:
    records = {
        arm: json.loads((finished[0] / "encoders" / arm / "seed-3" / "result.json").read_text())
        for arm in ("rmr", "c_swm", "untrained")
    }
    pretrained = json.loads((finished[0] / "processor" / "result.json").read_text())["fingerprint"]
    assert records["rmr"]["processor_fingerprint"] == pretrained
    assert records["c_swm"]["processor_fingerprint"] != pretrained
    assert records["untrained"]["last_record"] == {}
    assert len({record["fingerprint"] for record in records.values()}) == 3
    assert records["rmr"]["last_record"]["effective_rank"] > 1
    assert fingerprint(load_encoder(finished[0] / "encoders" / "rmr" / "seed-3")) == records["rmr"]["fingerprint"]


def test_probe_writes_beside_the_encoder_or_where_it_is_told(
    finished: tuple[Path, JsonObject], tiny: RunConfig, tmp_path: Path
) -> None:
    encoder = finished[0] / "encoders" / "rmr" / "seed-3"
    result = probe(finished[0] / "data", encoder, tmp_path / "elsewhere", tiny.probe, seed=3)
    beside = json.loads((encoder / "probe.json").read_text())
    assert [path.name for path in (tmp_path / "elsewhere").iterdir()] == ["probe.json"]
    assert {**result, "timing": None} == {**beside, "timing": None}


def test_stages_refuse_an_absent_device(finished: tuple[Path, JsonObject], tiny: RunConfig, tmp_path: Path) -> None:
    data, device = finished[0] / "data", "cuda:99"
    processor, encoder = finished[0] / "processor", finished[0] / "encoders" / "rmr" / "seed-3"
    with pytest.raises(ValueError, match="a device of this machine"):
        pretrain(data, tmp_path, tiny.abstract, device=device)
    with pytest.raises(ValueError, match="a device of this machine"):
        train(data, processor, tmp_path, "rmr", tiny.natural, device=device)
    with pytest.raises(ValueError, match="a device of this machine"):
        probe(data, encoder, tmp_path, tiny.probe, device=device)


def test_stages_say_when_a_folder_is_no_data_set(tiny: RunConfig, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="directory of episodes"):
        pretrain(tmp_path / "nothing", tmp_path / "out", tiny.abstract)
    assert not (tmp_path / "out").exists()


def test_batch_that_the_data_do_not_fill_is_refused_before_a_stage_is_begun(
    finished: tuple[Path, JsonObject], tiny: RunConfig, tmp_path: Path
) -> None:
    data, out = finished[0] / "data", tmp_path / "out"
    loop = LoopConfig(batch_size=10_000)
    with pytest.raises(ValueError, match="at least 10000 transitions, one batch"):
        pretrain(data, out, dataclasses.replace(tiny.abstract, loop=loop))
    with pytest.raises(ValueError, match="at least 10000 transitions, one batch"):
        train(data, finished[0] / "processor", out, "rmr", dataclasses.replace(tiny.natural, loop=loop))
    with pytest.raises(ValueError, match="an entropy threshold in nats"):
        pretrain(data, out, tiny.abstract, entropy_threshold=float("nan"))
    assert not out.exists()
