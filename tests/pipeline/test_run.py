from __future__ import annotations

import dataclasses
import json
import os
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gymnasium.error import DependencyNotInstalled

from rmr_gym.data import EpisodeStore, collect
from rmr_gym.documents import write_json
from rmr_gym.models.processors import MpnnConfig
from rmr_gym.pipeline.config import RunConfig
from rmr_gym.pipeline.config_json import from_json, to_json
from rmr_gym.pipeline.players import named_players
from rmr_gym.pipeline.run import run
from rmr_gym.pipeline.stage import JsonObject, exclusive
from rmr_gym.players import graded_players
from tests.warm_python import started_python

PNG = b"\x89PNG\r\n\x1a\n"


def _without_circumstances(result: Any) -> Any:
    """Leave out what may differ between two runs of one config."""
    if isinstance(result, dict):
        dropped = ("timing", "machine", "versions", "command_line")
        return {key: _without_circumstances(value) for key, value in result.items() if key not in dropped}
    return [_without_circumstances(value) for value in result] if isinstance(result, list) else result


def test_run_result_holds_everything_about_the_run(finished: tuple[Path, JsonObject], tiny: RunConfig) -> None:
    folder, result = finished
    assert json.loads((folder / "result.json").read_text()) == result
    assert result["format"] == "rmr-result/1"
    assert from_json(RunConfig, result["config"]) == tiny
    assert from_json(RunConfig, json.loads((folder / "config.json").read_text())) == tiny
    assert list(result["natural"]["arms"]) == list(tiny.arms)
    for seeds in result["natural"]["arms"].values():
        assert list(seeds) == ["3"]
        for row in seeds["3"]["readouts"].values():
            assert all(0 <= row["bit_f1"][name] <= 1 for name in ("weighted", "micro", "macro"))
            assert 0 <= row["slot_accuracy"] <= 1
        assert seeds["3"]["collapse"]["effective_rank"] > 1
    assert {(row["arm"], row["reference"]) for row in result["comparisons"]} == {
        (arm, reference) for arm in tiny.arms for reference in ("c_swm", "untrained") if arm != reference
    }
    assert set(result["normalised"]) == set(tiny.probe.readouts)
    assert set(result["timing"]["stages"]) == {"collect", "pretrain", "train", "probe"}
    assert all(part["wall_seconds"] > 0 for part in result["timing"]["stages"].values())
    assert result["timing"]["peak_memory_bytes"] < 4e9
    assert result["versions"]["torch"]
    assert result["machine"]["device"] == "cpu"
    assert any("Only 1 of at least 5 seeds" in line for line in result["warnings"])


def test_run_writes_table_and_pictures(finished: tuple[Path, JsonObject]) -> None:
    folder = finished[0]
    table = (folder / "table.txt").read_text()
    assert all(name in table for name in ("copy", "processor", "majority bit", "rmr", "c_swm", "supervised"))
    for name in ("curves.png", "bits.png"):
        assert (folder / name).read_bytes().startswith(PNG)


def test_run_keeps_no_path_of_this_machine(finished: tuple[Path, JsonObject]) -> None:
    for path in finished[0].rglob("*.json"):
        assert str(Path.home()) not in path.read_text()
        assert str(finished[0]) not in path.read_text()


def test_run_that_is_finished_repeats_no_stage(copied: Path, tiny: RunConfig) -> None:
    def kept() -> dict[Path, int]:
        parts = [path for name in ("data", "processor", "encoders") for path in (copied / name).rglob("*")]
        return {path: path.stat().st_mtime_ns for path in parts if path.is_file()}

    before, first = kept(), json.loads((copied / "result.json").read_text())
    again = run(tiny, copied)
    assert kept() == before
    assert _without_circumstances(again) == _without_circumstances(first)


def test_run_keeps_machine_and_command_of_the_session_that_worked(copied: Path, tiny: RunConfig) -> None:
    path = copied / "result.json"
    first = json.loads(path.read_text())
    first["machine"]["device"] = "cuda"
    first["timing"]["peak_memory_bytes"] = 1
    write_json(path, first)
    assert run(tiny, copied, command_line=["rmr-gym", "run", "pong"]) == first
    fewer = dataclasses.replace(tiny, arms=("rmr", "untrained"))
    again = run(fewer, copied)
    assert again["machine"]["device"] == "cuda"
    assert again["timing"]["stages"]["train"]["wall_seconds"] < first["timing"]["stages"]["train"]["wall_seconds"]
    (copied / "encoders" / "rmr" / "seed-3" / "probe.json").unlink()
    worked = run(fewer, copied, command_line=["rmr-gym", "run", "pong"])
    assert worked["machine"]["device"] == "cpu"
    assert worked["command_line"] == ["rmr-gym", "run", "pong"]


def test_run_adds_seeds_and_arms_to_what_is_there(copied: Path, tiny: RunConfig) -> None:
    old = copied / "encoders" / "rmr" / "seed-3" / "probe.json"
    before = old.stat().st_mtime_ns
    more = dataclasses.replace(tiny, num_seeds=2, arms=("rmr", "untrained"))
    result = run(more, copied)
    assert old.stat().st_mtime_ns == before
    assert {arm: list(seeds) for arm, seeds in result["natural"]["arms"].items()} == {
        "rmr": ["3", "4"],
        "untrained": ["3", "4"],
    }
    assert result["comparisons"][0]["num_pairs"] == 2


def test_run_refuses_a_folder_of_another_config_and_names_the_fields(copied: Path, tiny: RunConfig) -> None:
    loop = dataclasses.replace(tiny.natural.loop, gradient_steps=7)
    other = dataclasses.replace(tiny, seed=4, natural=dataclasses.replace(tiny.natural, loop=loop))
    with pytest.raises(ValueError, match=r"natural.loop.gradient_steps: 6 -> 7; seed: 3 -> 4. Pass another --out"):
        run(other, copied)
    assert from_json(RunConfig, json.loads((copied / "config.json").read_text())) == tiny


def test_run_refuses_the_folder_of_a_data_set_and_leaves_its_record(copied: Path, tiny: RunConfig) -> None:
    record = copied / "data" / "result.json"
    before = record.read_bytes()
    with pytest.raises(ValueError, match=r"a new folder, or that of a run; got .*result\.json of something else"):
        run(tiny, copied / "data")
    assert record.read_bytes() == before


def test_run_refuses_slots_of_two_widths_before_it_collects(tiny: RunConfig, tmp_path: Path) -> None:
    abstract = dataclasses.replace(tiny.abstract, processor=MpnnConfig(slot_dim=32))
    narrow = dataclasses.replace(tiny, abstract=abstract)
    with pytest.raises(ValueError, match=r"processor.slot_dim 32 and natural.encoder.slot_dim 64. Set both"):
        run(narrow, tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("arms", "stage"),
    [
        (("rmr",), "abstract.loop"),
        (("rmr",), "natural.loop"),
        (("untrained", "supervised"), "natural.supervised"),
    ],
)
def test_run_refuses_batches_that_no_collection_fills_before_it_collects(
    arms: tuple[str, ...], stage: str, tiny: RunConfig, tmp_path: Path
) -> None:
    document = to_json(dataclasses.replace(tiny, arms=arms))
    part, loop = stage.split(".")
    document[part][loop]["batch_size"] = 1_000_000
    most = 2 * tiny.data.max_steps  # of three episodes one is held out
    with pytest.raises(ValueError, match=rf"{stage}.batch_size of at most the {most} transitions .*; got 1000000"):
        run(from_json(RunConfig, document), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_run_refuses_a_folder_in_use(copied: Path, tiny: RunConfig) -> None:
    with exclusive(copied), pytest.raises(ValueError, match="another process that is working in it"):
        run(tiny, copied)


def test_run_without_the_emulator_leaves_no_config_behind(
    tiny: RunConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ale_py", None)
    with pytest.raises(DependencyNotInstalled, match=r"rmr-gym\[atari\]"):
        run(tiny, tmp_path / "run")
    assert not (tmp_path / "run" / "config.json").exists()


def test_run_records_the_players_that_were_asked_for(tiny: RunConfig, tmp_path: Path) -> None:
    result = run(dataclasses.replace(tiny, players=("paper", "graded"), arms=("untrained",)), tmp_path)
    played = {episode.metadata.player for episode in EpisodeStore(tmp_path / "data").files}
    assert played == {player.name for player in named_players(["paper", "graded"], tiny.game, tiny.data)[:3]}
    assert any(name.startswith("lookahead") for name in played)
    assert result["config"]["players"] == ["paper", "graded"]


@pytest.mark.parametrize("sources", [("strong",), (), ("graded", "graded"), ("sb3:nothing",)])
def test_run_refuses_players_that_are_none_before_anything_is_written(
    tiny: RunConfig, tmp_path: Path, sources: tuple[str, ...]
) -> None:
    with pytest.raises(ValueError, match=r"Expected .* got"):
        run(dataclasses.replace(tiny, players=sources), tmp_path / "run")
    assert not (tmp_path / "run" / "config.json").exists()


def test_run_on_recorded_data_is_the_run_that_recorded_them(
    finished: tuple[Path, JsonObject], tiny: RunConfig, tmp_path: Path
) -> None:
    folder, expected = finished
    config, out = dataclasses.replace(tiny, recorded=(str(folder / "data"),)), tmp_path / "out"
    result = run(config, out)
    assert not list(out.rglob("*.arrow")), "nothing is played or copied"
    assert _without_circumstances(result) | {"config": None} == _without_circumstances(expected) | {"config": None}
    assert from_json(RunConfig, result["config"]) == config
    assert set(result["timing"]["stages"]) == {"collect", "pretrain", "train", "probe"}
    assert (out / "bits.png").read_bytes().startswith(PNG)
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*.safetensors")}
    assert _without_circumstances(run(config, out)) == _without_circumstances(result)
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*.safetensors")} == before
    with pytest.raises(ValueError, match="other ones .*recorded"):
        run(tiny, out)
    for inside in (out, out / "data"):  # a run that played nothing has no data set to pass on
        with pytest.raises(ValueError, match=r"of something else. Pass a folder of `rmr-gym collect`"):
            run(dataclasses.replace(tiny, recorded=(str(inside),)), tmp_path / "other")


def test_run_takes_data_of_players_of_ones_own_in_several_folders(tiny: RunConfig, tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("a", "b")]
    for seed, folder in enumerate(folders):
        collect(folder, "pong", num_episodes=2, max_steps_per_episode=40, players=graded_players(2), seed=seed)
    config = dataclasses.replace(tiny, arms=("untrained",), recorded=tuple(map(str, folders)))
    splits = run(config, tmp_path / "out")["data"]["splits"]
    assert sum(split["num_episodes"] for split in splits.values()) == 4


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"game": "boxing"}, "data sets of boxing; got .* of pong. Say pong"),
        ({"recorded": ("nowhere",)}, "nowhere"),
        ({"natural": {"batch_size": 500}}, "natural.loop.batch_size of at most the [0-9]+ transitions .*; got 500"),
    ],
)
def test_run_refuses_recorded_data_that_do_not_fit_before_anything_is_trained(
    finished: tuple[Path, JsonObject], tiny: RunConfig, tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    config = dataclasses.replace(tiny, recorded=(str(finished[0] / "data"),))
    if "natural" in changes:
        loop = dataclasses.replace(tiny.natural.loop, **changes["natural"])
        changes = {"natural": dataclasses.replace(tiny.natural, loop=loop)}
    out = tmp_path / "out"
    with pytest.raises(ValueError, match=message):
        run(dataclasses.replace(config, **changes), out)
    assert not (out / "processor").exists()
    assert run(dataclasses.replace(config, arms=("untrained",)), out), "what was refused binds nobody"


@pytest.mark.gpu
def test_run_does_the_same_chain_on_a_gpu(finished: tuple[Path, JsonObject], tiny: RunConfig, tmp_path: Path) -> None:
    result = run(tiny, tmp_path, device="cuda")
    assert result["machine"]["gpu"]
    for arm, seeds in finished[1]["natural"]["arms"].items():
        for readout, row in seeds["3"]["readouts"].items():
            other = result["natural"]["arms"][arm]["3"]["readouts"][readout]["bit_f1"]["weighted"]
            assert other == pytest.approx(row["bit_f1"]["weighted"], abs=0.1)


def test_run_ends_as_an_undisturbed_one_when_it_was_killed_again_and_again(
    finished: tuple[Path, JsonObject], tiny: RunConfig, tmp_path: Path
) -> None:
    config, out = tmp_path / "config.json", tmp_path / "out"
    write_json(config, to_json(tiny))
    encoders = out / "encoders"
    _kill_when(config, out, lambda: any((out / "processor" / "state").glob("state-*")))
    assert not (out / "processor" / "result.json").exists()
    _kill_when(config, out, lambda: any((encoders / "c_swm" / "seed-3" / "state").glob("state-*")))
    done = [out / "processor" / "result.json", encoders / "rmr" / "seed-3" / "probe.json"]
    written = [path.stat().st_mtime_ns for path in done]
    assert not (encoders / "c_swm" / "seed-3" / "result.json").exists()

    result = run(tiny, out)

    assert [path.stat().st_mtime_ns for path in done] == written
    assert json.loads(done[0].read_text())["timing"]["resumed"] is True
    assert _without_circumstances(result) == _without_circumstances(finished[1])
    for model in sorted(finished[0].rglob("model.safetensors")):
        assert (out / model.relative_to(finished[0])).read_bytes() == model.read_bytes()
    assert not [path for path in out.rglob("*") if "begun" in path.name or path.suffix == ".tmp"]


def _kill_when(config: Path, out: Path, condition: Callable[[], bool]) -> None:
    """Start `rmr-gym run`, and kill it without notice as soon as a condition holds."""
    command = ["-m", "rmr_gym.cli", "run", "--config", str(config), "--out", str(out)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    with started_python(*command, folder=Path.cwd(), environment=environment) as process:
        deadline = time.monotonic() + 120
        while not condition():
            assert process.status() is None, process.said()
            assert time.monotonic() < deadline, "the run did not get there"
            time.sleep(0.005)
        process.kill()


def test_settings_that_were_refused_once_the_data_were_there_do_not_bind_the_next_call(
    copied: Path, tiny: RunConfig
) -> None:
    shutil.rmtree(copied / "processor")
    data = (copied / "data" / "result.json").read_bytes()
    write_json(copied / "config.json", to_json(dataclasses.replace(tiny, num_seeds=2)))
    high = dataclasses.replace(tiny, probe=dataclasses.replace(tiny.probe, entropy_threshold=5.5))
    with pytest.raises(ValueError, match="lower the entropy threshold"):
        run(high, copied)
    with pytest.raises(ValueError, match=r"data\.max_steps: 40 -> 41"):
        run(dataclasses.replace(tiny, data=dataclasses.replace(tiny.data, max_steps=41)), copied)
    assert run(tiny, copied)["config"] == to_json(tiny)
    assert (copied / "data" / "result.json").read_bytes() == data
    with pytest.raises(ValueError, match=r"probe\.entropy_threshold: 0\.3 -> 5\.5"):
        run(high, copied)
