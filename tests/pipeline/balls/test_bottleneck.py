from __future__ import annotations

import dataclasses
import json
import math
import shutil
from pathlib import Path

import pytest
from matplotlib.image import imread

from rmr_gym.models import fingerprint, load_processor, load_video_model
from rmr_gym.models.processors import DeepSetsConfig
from rmr_gym.pipeline.balls import BallsRunConfig
from rmr_gym.pipeline.balls.bottleneck import run_bottleneck
from rmr_gym.pipeline.config_json import from_json
from rmr_gym.pipeline.stage import JsonObject

VARIANTS = {"width-2": (2, 2), "width-16": (16, 16), "interaction_network": (6, 2)}
"""Numbers per ball that go into the processor and come out of it."""


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, tiny_balls: BallsRunConfig) -> tuple[Path, JsonObject]:
    folder = tmp_path_factory.mktemp("bottleneck")
    return folder, run_bottleneck(tiny_balls, folder, widths=(2, 16))


def kept(folder: Path) -> dict[Path, int]:
    """When the files of finished stages were written."""
    return {path: path.stat().st_mtime_ns for path in folder.glob("*/**/*") if path.is_file()}


def test_result_holds_every_variant(finished: tuple[Path, JsonObject], tiny_balls: BallsRunConfig) -> None:
    folder, result = finished
    assert json.loads((folder / "bottleneck.json").read_text()) == json.loads(json.dumps(result))
    assert result["format"] == "rmr-balls-bottleneck/1"
    assert from_json(BallsRunConfig, result["config"]) == tiny_balls
    assert list(result["variants"]) == list(VARIANTS)
    for found in result["variants"].values():
        assert 0 < found["abstract"]["one_step"]["network"]["overall"] < math.inf
        assert list(found["natural"]) == ["3"]
        assert 0 < found["natural"]["3"]["scores"]["pictures"]["mse"] < math.inf
        assert set(found["natural"]["3"]["training"]) == {"step", "loss", "validation_loss"}
    assert imread(folder / "bottleneck.png").std() > 0.01


@pytest.mark.parametrize("name", VARIANTS)
def test_variant_differs_in_the_width_of_the_latents_and_keeps_its_processor(
    name: str, finished: tuple[Path, JsonObject], tiny_balls: BallsRunConfig
) -> None:
    model = load_video_model(finished[0] / name / "seed-3")
    assert (model.encoder.slot_dim, model.decoder.input_dim) == VARIANTS[name]
    assert fingerprint(model.processor) == fingerprint(load_processor(finished[0] / name / "processor"))
    encoder = dataclasses.replace(tiny_balls.natural.encoder, slot_dim=model.encoder.slot_dim)
    assert (model.encoder.config, model.decoder.config) == (encoder, tiny_balls.natural.decoder)


def test_later_call_keeps_what_is_finished_and_adds_widths_and_seeds(
    finished: tuple[Path, JsonObject], tiny_balls: BallsRunConfig, tmp_path: Path
) -> None:
    folder = shutil.copytree(finished[0], tmp_path / "copied")
    before = kept(folder)
    more = dataclasses.replace(tiny_balls, num_seeds=2)
    result = run_bottleneck(more, folder, widths=(4, 2), interaction_network=False)
    assert before.items() <= kept(folder).items()
    assert list(result["variants"]) == ["width-4", "width-2"]
    assert list(result["variants"]["width-4"]["natural"]) == ["3", "4"]
    assert result["variants"]["width-2"]["natural"]["3"] == finished[1]["variants"]["width-2"]["natural"]["3"]


def test_call_that_only_shows_what_is_finished_has_no_part_in_it(
    finished: tuple[Path, JsonObject], tiny_balls: BallsRunConfig, tmp_path: Path
) -> None:
    folder = shutil.copytree(finished[0], tmp_path / "copied")
    shown = run_bottleneck(tiny_balls, folder, widths=(2, 16), command_line=["later"])
    assert shown == finished[1]
    path = folder / "bottleneck.json"
    document = json.loads(path.read_text())
    del document["timing"]  # as bottlenecks were written before
    path.write_text(json.dumps(document))
    assert run_bottleneck(tiny_balls, folder, widths=(2, 16))["timing"] == {}
    assert run_bottleneck(tiny_balls, folder, widths=(2, 4), command_line=["more"])["command_line"] == ["more"]


@pytest.mark.parametrize("widths", [(), (0, 2), (2, 2)])
def test_widths_that_make_no_sense_are_refused_before_any_work(
    widths: tuple[int, ...], tiny_balls: BallsRunConfig, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match="different widths of at least 1"):
        run_bottleneck(tiny_balls, tmp_path / "out", widths=widths)
    assert not (tmp_path / "out").exists()


def test_processor_without_a_width_to_vary_is_refused(tiny_balls: BallsRunConfig, tmp_path: Path) -> None:
    abstract = dataclasses.replace(tiny_balls.abstract, processor=DeepSetsConfig(slot_dim=8))
    with pytest.raises(ValueError, match="an MPNN, whose width can be varied; got DeepSetsConfig"):
        run_bottleneck(dataclasses.replace(tiny_balls, abstract=abstract), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_folder_of_another_config_is_refused(finished: tuple[Path, JsonObject], tiny_balls: BallsRunConfig) -> None:
    with pytest.raises(ValueError, match="seed: 3 -> 4"):
        run_bottleneck(dataclasses.replace(tiny_balls, seed=4), finished[0], widths=(2,))
