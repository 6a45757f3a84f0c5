from __future__ import annotations

import dataclasses
import functools
import json
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from gymnasium.error import DependencyNotInstalled
from matplotlib.image import imread
from PIL import Image

from rmr_gym.evaluation.symmetries import averaged_over_symmetries
from rmr_gym.evaluation.trajectories import draw_windows, predict_positions, score_trajectories
from rmr_gym.evaluation.videos import draw_indices, score_video_model
from rmr_gym.models import fingerprint, load_processor, load_trajectory_model, load_video_model
from rmr_gym.pipeline.balls import BallsRunConfig, pretrain_balls, run_balls
from rmr_gym.pipeline.balls.bottleneck import run_bottleneck
from rmr_gym.pipeline.balls.run import compare
from rmr_gym.pipeline.balls.stages import open_balls
from rmr_gym.pipeline.balls.tables import abstract_table
from rmr_gym.pipeline.config_json import from_json
from rmr_gym.pipeline.data_describe import describe
from rmr_gym.pipeline.datasets import validation_fraction_of
from rmr_gym.pipeline.stage import JsonObject, exclusive
from rmr_gym.pipeline.tables import plain
from rmr_gym.training import BALL_ARMS, read_records, trajectories, videos

HISTORY, HORIZON = 3, 4


class KilledError(Exception):
    """Stands for kill -9 in the middle of a run."""


def without_circumstances(result: Any) -> Any:
    """Leave out what may differ between two runs of one config."""
    if isinstance(result, dict):
        dropped = ("timing", "machine", "versions", "command_line")
        return {key: without_circumstances(value) for key, value in result.items() if key not in dropped}
    return [without_circumstances(value) for value in result] if isinstance(result, list) else result


def leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from leaves(part)
    else:
        yield value


def kept(folder: Path) -> dict[Path, int]:
    """When the files of finished stages were written."""
    parts = [path for name in ("trajectories", "videos", "processor", "models") for path in (folder / name).rglob("*")]
    return {path: path.stat().st_mtime_ns for path in parts if path.is_file()}


def test_result_holds_everything_about_the_run(
    finished_balls: tuple[Path, JsonObject], tiny_balls: BallsRunConfig
) -> None:
    folder, result = finished_balls
    assert json.loads((folder / "result.json").read_text()) == result
    assert result["format"] == "rmr-balls-result/1"
    assert from_json(BallsRunConfig, result["config"]) == tiny_balls
    assert from_json(BallsRunConfig, json.loads((folder / "config.json").read_text())) == tiny_balls
    assert list(result["abstract"]["scores"]) == ["copy_last", "constant_velocity", "processor"]
    assert list(result["natural"]["baselines"]) == ["copy_last", "black"]
    assert {arm: list(seeds) for arm, seeds in result["natural"]["arms"].items()} == {arm: ["3"] for arm in BALL_ARMS}
    assert result["data"]["trajectories"]["splits"]["train"]["num_windows"] == 4 * 12
    assert result["data"]["videos"]["splits"]["validation"]["num_windows"] == 2 * 12
    assert result["natural"]["num_windows"] == 10
    assert [(row["error"], row["arm"], row["reference"]) for row in result["comparisons"]] == [
        (error, arm, "end_to_end") for error in ("mse", "foreground_mse") for arm in ("rmr", "frozen_random")
    ]
    assert result["timing"]["this_session"]["wall_seconds"] > 0
    assert result["timing"]["peak_memory_bytes"] < 4e9
    assert result["machine"]["device"] == "cpu"
    assert result["versions"]["torch"]
    assert result["command_line"] == ["rmr-gym", "balls", "run"]


def test_numbers_of_the_result_are_finite(finished_balls: tuple[Path, JsonObject]) -> None:
    result = finished_balls[1]
    for part in (result["abstract"], result["natural"]):
        assert all(isinstance(leaf, int | float) and math.isfinite(leaf) for leaf in leaves(part))
    flight = result["abstract"]["scores"]["constant_velocity"]["one_step"]
    assert flight["metres"]["free_balls"] < 1e-12 < flight["metres"]["colliding_balls"]
    for scores in result["abstract"]["scores"].values():
        assert len(scores["rollout"]["mse"]) == HORIZON
    for seeds in result["natural"]["arms"].values():
        scores = seeds["3"]
        assert -1 <= scores["foreground_ari"] <= 1
        assert 0 < scores["pictures"]["mse"] < 1
        assert set(scores["training"]) == {"step", "loss", "validation_loss"}


def test_comparison_is_that_of_the_errors(finished_balls: tuple[Path, JsonObject]) -> None:
    result = finished_balls[1]
    pictures = {arm: seeds["3"]["pictures"] for arm, seeds in result["natural"]["arms"].items()}
    for row in result["comparisons"]:
        expected = pictures[row["arm"]][row["error"]] - pictures["end_to_end"][row["error"]]
        assert row["mean_difference"] == pytest.approx(expected)
        assert row["num_pairs"] == 1


def test_smaller_error_is_the_better_one(tiny_balls: BallsRunConfig) -> None:
    config = dataclasses.replace(tiny_balls, num_seeds=6)
    errors = {"rmr": 0.1, "end_to_end": 0.2, "frozen_random": 0.3}
    trained = {
        arm: {seed: {"scores": {"pictures": {"mse": error, "foreground_mse": error}}} for seed in config.seeds}
        for arm, error in errors.items()
    }
    verdicts = {(row["arm"], row["error"]): row["verdict"] for row in compare(config, trained)}
    assert verdicts == {
        ("rmr", "mse"): "better",
        ("rmr", "foreground_mse"): "better",
        ("frozen_random", "mse"): "worse",
        ("frozen_random", "foreground_mse"): "worse",
    }


def test_comparison_leaves_out_an_error_that_could_not_be_measured(tiny_balls: BallsRunConfig) -> None:
    record = {"scores": {"pictures": {"mse": 0.1, "foreground_mse": None}}}  # balls in the colour of the background
    seed = tiny_balls.seed
    rows = compare(tiny_balls, {arm: {seed: record} for arm in tiny_balls.arms})
    assert {row["error"] for row in rows} == {"mse"}


def test_frozen_processor_is_the_pretrained_one_and_only_in_its_arm(finished_balls: tuple[Path, JsonObject]) -> None:
    folder = finished_balls[0]
    pretrained = fingerprint(load_processor(folder / "processor"))
    assert json.loads((folder / "processor" / "result.json").read_text())["fingerprint"] == pretrained
    found = {}
    for arm in BALL_ARMS:
        model = folder / "models" / arm / "seed-3"
        found[arm] = fingerprint(load_video_model(model).processor)
        assert json.loads((model / "result.json").read_text())["processor_fingerprint"] == found[arm]
    assert found["rmr"] == pretrained
    assert len(set(found.values())) == 3


def test_logs_hold_both_losses(finished_balls: tuple[Path, JsonObject]) -> None:
    folder = finished_balls[0]
    logs = [folder / "processor" / "log.jsonl", *sorted((folder / "models").rglob("log.jsonl"))]
    assert len(logs) == 4
    for log in logs:
        records = read_records(log)
        assert all(set(record) == {"step", "loss", "validation_loss"} for record in records)
        assert records[-1]["step"] == (7 if log == logs[0] else 4)


def test_run_writes_a_table_and_pictures(finished_balls: tuple[Path, JsonObject]) -> None:
    folder = finished_balls[0]
    table = (folder / "table.txt").read_text()
    assert all(name in table for name in ("copy_last", "constant_velocity", "processor", "black", *BALL_ARMS))
    for name in ("curves.png", "rollout.png"):
        assert imread(folder / name).std() > 0.01
    with Image.open(folder / "rollout.gif") as animation:
        assert animation.n_frames == HISTORY + HORIZON
        assert animation.size == (3 * 16 * 4, 16 * 4)


def test_run_keeps_no_path_of_this_machine(finished_balls: tuple[Path, JsonObject]) -> None:
    for path in [*finished_balls[0].rglob("*.json"), *finished_balls[0].rglob("*.txt")]:
        assert str(Path.home()) not in path.read_text()
        assert str(finished_balls[0]) not in path.read_text()


def test_trajectories_have_no_pictures_and_are_others_than_those_of_the_videos(
    finished_balls: tuple[Path, JsonObject], tiny_balls: BallsRunConfig
) -> None:
    bare, filmed = (
        open_balls(finished_balls[0] / kind, "train", tiny_balls.data) for kind in ("trajectories", "videos")
    )
    assert not bare.store.episodes[0].pixels
    assert filmed.store.episodes[0].pixels
    assert bare.store.episodes[0].seed != filmed.store.episodes[0].seed
    assert not {row.tobytes() for row in bare.states} & {row.tobytes() for row in filmed.states}


def test_what_a_run_recorded_can_be_described(finished_balls: tuple[Path, JsonObject], tmp_path: Path) -> None:
    videos = finished_balls[0] / "videos"
    assert describe(videos, tmp_path)["counts"]["episodes"] == 5
    assert validation_fraction_of(videos) == 0.4


def test_run_that_is_finished_repeats_no_stage(copied_balls: Path, tiny_balls: BallsRunConfig) -> None:
    before, first = kept(copied_balls), json.loads((copied_balls / "result.json").read_text())
    again = run_balls(tiny_balls, copied_balls)
    assert kept(copied_balls) == before
    assert without_circumstances(again) == without_circumstances(first)


def test_run_keeps_machine_and_command_of_the_session_that_worked(
    copied_balls: Path, tiny_balls: BallsRunConfig
) -> None:
    path = copied_balls / "result.json"
    first = json.loads(path.read_text())
    first["machine"]["device"] = "cuda"
    first["timing"]["peak_memory_bytes"] = 1
    path.write_text(json.dumps(first))
    assert run_balls(tiny_balls, copied_balls) == first
    (copied_balls / "models" / "rmr" / "seed-3" / "result.json").unlink()
    worked = run_balls(tiny_balls, copied_balls, command_line=["rmr-gym", "balls", "run", "--threads", "1"])
    assert worked["machine"]["device"] == "cpu"
    assert worked["command_line"][-1] == "1"


def test_run_without_mujoco_leaves_no_config_behind(
    copied_balls: Path, tiny_balls: BallsRunConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "mujoco", None)
    for begin in (run_balls, run_bottleneck, pretrain_balls):
        with pytest.raises(DependencyNotInstalled, match=r"rmr-gym\[mujoco\]"):
            begin(tiny_balls, tmp_path / "new")
        assert not list((tmp_path / "new").iterdir())
    assert run_balls(tiny_balls, copied_balls)["format"] == "rmr-balls-result/1"


def test_run_adds_seeds_to_what_is_there(copied_balls: Path, tiny_balls: BallsRunConfig) -> None:
    before = kept(copied_balls)
    result = run_balls(dataclasses.replace(tiny_balls, num_seeds=2, arms=("rmr", "end_to_end")), copied_balls)
    assert before.items() <= kept(copied_balls).items()
    assert {arm: list(seeds) for arm, seeds in result["natural"]["arms"].items()} == {
        "rmr": ["3", "4"],
        "end_to_end": ["3", "4"],
    }
    assert [row["num_pairs"] for row in result["comparisons"]] == [2, 2]
    assert result["natural"]["arms"]["rmr"]["3"] != result["natural"]["arms"]["rmr"]["4"]


def test_run_adds_arms_to_what_is_there(
    finished_balls: tuple[Path, JsonObject], tiny_balls: BallsRunConfig, tmp_path: Path
) -> None:
    alone = run_balls(dataclasses.replace(tiny_balls, arms=("rmr",)), tmp_path)
    assert alone["comparisons"] == []
    before = kept(tmp_path)
    grown = run_balls(tiny_balls, tmp_path)
    assert before.items() <= kept(tmp_path).items()
    assert without_circumstances(grown) == without_circumstances(finished_balls[1])


def test_run_goes_on_from_a_processor_that_was_pretrained_alone(
    finished_balls: tuple[Path, JsonObject], tiny_balls: BallsRunConfig, tmp_path: Path
) -> None:
    loop = dataclasses.replace(tiny_balls.natural.loop, gradient_steps=7)
    other = dataclasses.replace(tiny_balls, natural=dataclasses.replace(tiny_balls.natural, loop=loop), num_seeds=2)
    first = pretrain_balls(other, tmp_path, command_line=["rmr-gym", "balls", "pretrain"])
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "config.json",
        "pretrained.json",
        "processor",
        "trajectories",
    ], "no pictures"
    assert first["abstract"] == finished_balls[1]["abstract"]
    assert set(first["config"]) == {"seed", "world", "data", "abstract", "scoring"}
    before = kept(tmp_path)
    assert pretrain_balls(other, tmp_path) == first
    result = run_balls(tiny_balls, tmp_path)  # nothing of the pictures had begun, so they may be learned otherwise
    assert before.items() <= kept(tmp_path).items()
    assert without_circumstances(result) == without_circumstances(finished_balls[1])
    with pytest.raises(ValueError, match=r"natural\.loop\.gradient_steps: 5 -> 7"):
        pretrain_balls(other, tmp_path)


def test_settings_of_before_there_was_a_choice_mean_what_held_then(
    copied_balls: Path, tiny_balls: BallsRunConfig
) -> None:
    path = copied_balls / "config.json"
    document, before = json.loads(path.read_text()), kept(copied_balls)
    for name in ("standardise", "unroll_steps", "unrolled_fraction"):
        del document["abstract"][name]
    del document["abstract"]["processor"]["message_layers"], document["scoring"]["symmetric"]
    for stage in ("abstract", "natural"):
        for name in ("optimizer", "weight_decay"):
            del document[stage]["loop"][name]
    path.write_text(json.dumps(document))
    inputs = json.loads((copied_balls / "processor" / "result.json").read_text())["inputs"]
    assert inputs["config"] == document["abstract"], "records of stages are as they were"
    assert inputs["scoring"] == document["scoring"]
    run_balls(tiny_balls, copied_balls)
    assert kept(copied_balls) == before


def test_run_refuses_a_folder_of_another_config_and_names_the_fields(
    copied_balls: Path, tiny_balls: BallsRunConfig
) -> None:
    loop = dataclasses.replace(tiny_balls.natural.loop, gradient_steps=7)
    other = dataclasses.replace(tiny_balls, seed=4, natural=dataclasses.replace(tiny_balls.natural, loop=loop))
    before = kept(copied_balls)
    with pytest.raises(ValueError, match=r"natural\.loop\.gradient_steps: 5 -> 7; seed: 3 -> 4\. Pass another --out"):
        run_balls(other, copied_balls)
    assert from_json(BallsRunConfig, json.loads((copied_balls / "config.json").read_text())) == tiny_balls
    assert kept(copied_balls) == before


def test_run_refuses_a_folder_in_use(copied_balls: Path, tiny_balls: BallsRunConfig) -> None:
    with exclusive(copied_balls), pytest.raises(ValueError, match="another process that is working in it"):
        run_balls(tiny_balls, copied_balls)


def test_run_names_an_absent_device_before_it_records(tiny_balls: BallsRunConfig, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="--device cpu"):
        run_balls(tiny_balls, tmp_path / "out", device="cuda:99")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("module", "name", "calls"), [(trajectories, "position_loss", 7), (videos, "picture_loss", 12)]
)
def test_run_that_was_killed_ends_as_an_undisturbed_one(
    module: Any,
    name: str,
    calls: int,
    finished_balls: tuple[Path, JsonObject],
    tiny_balls: BallsRunConfig,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    compute, left = getattr(module, name), iter(range(calls))

    def killed(*arguments: Any) -> torch.Tensor:
        if next(left, None) is None:
            raise KilledError
        return compute(*arguments)

    monkeypatch.setattr(module, name, killed)
    with pytest.raises(KilledError):
        run_balls(tiny_balls, tmp_path)
    monkeypatch.undo()
    (state,) = tmp_path.rglob("state")  # the one stage in the middle of which the run was
    assert not (state.parent / "result.json").exists()
    before = kept(tmp_path)

    result = run_balls(tiny_balls, tmp_path)

    assert without_circumstances(result) == without_circumstances(finished_balls[1])
    for file in [*finished_balls[0].rglob("model.safetensors"), *finished_balls[0].rglob("log.jsonl")]:
        assert (tmp_path / file.relative_to(finished_balls[0])).read_bytes() == file.read_bytes()
    again = kept(tmp_path)
    finished = [path for path in before if state.parent not in path.parents]
    assert finished
    assert all(again[path] == before[path] for path in finished)
    assert json.loads((state.parent / "result.json").read_text())["timing"]["resumed"] is True
    assert not [path for path in tmp_path.rglob("*") if "begun" in path.name or path.suffix == ".tmp"]


def test_saved_trajectory_model_is_the_one_that_was_scored(tiny_balls: BallsRunConfig, tmp_path: Path) -> None:
    scoring = dataclasses.replace(tiny_balls.scoring, symmetric=True)
    config = dataclasses.replace(tiny_balls, scoring=scoring)
    result = pretrain_balls(config, tmp_path)["abstract"]["scores"]
    assert list(result) == ["copy_last", "constant_velocity", "processor", "symmetric_processor"]
    model = load_trajectory_model(tmp_path / "processor")
    long = open_balls(tmp_path / "trajectories", "validation", config.data, history=HISTORY + HORIZON - 1)
    windows = draw_windows(long, scoring.num_windows, seed=config.seed)
    step = functools.partial(predict_positions, model)
    predictors = {"processor": step, "symmetric_processor": averaged_over_symmetries(step, config.world)}
    for name, predictor in predictors.items():
        scores = dataclasses.asdict(score_trajectories(predictor, windows, config.world, history=HISTORY))
        assert json.loads(json.dumps(scores)) == result[name]
    assert "symmetric_processor" in plain(abstract_table({"scores": result}))


def test_saved_model_is_the_one_that_was_scored(
    finished_balls: tuple[Path, JsonObject], tiny_balls: BallsRunConfig
) -> None:
    folder, result = finished_balls
    model = load_video_model(folder / "models" / "rmr" / "seed-3")
    held_out = open_balls(folder / "videos", "validation", tiny_balls.data)
    scores = score_video_model(model, held_out, draw_indices(held_out.num_windows, 10, seed=0), seed=3)
    assert dataclasses.asdict(scores.pictures) == result["natural"]["arms"]["rmr"]["3"]["pictures"]
