"""Encoders of the same seed, trained on parts of one data set."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.data_amount import DataAmountConfig, Encoder, minus_untrained, run
from rmr_gym.data import TransitionDataset
from rmr_gym.training import LoopConfig

RESULT = Path(__file__).parents[2] / "benchmarks" / "results" / "data_amount.json"


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> DataAmountConfig:
    return DataAmountConfig(
        profile="smoke",
        num_episodes=(1, 3),
        num_held_out=2,
        gradient_steps=2,
        num_seeds=1,
        pretraining=LoopConfig(gradient_steps=2, batch_size=8),
        workers=1,
        work=tmp_path_factory.mktemp("work"),
    )


@pytest.fixture(scope="module")
def found(config: DataAmountConfig) -> dict[str, Any]:
    return run(config)


def test_parts_lie_inside_each_other_and_hold_nothing_that_is_scored(
    config: DataAmountConfig, found: dict[str, Any]
) -> None:
    few, many = ({path.name for path in (config.work / f"episodes-{count}").iterdir()} for count in (1, 3))
    assert few < many
    assert (len(few), len(many)) == (1, 3)
    held_out = TransitionDataset(config.work / "data", split="validation", validation_fraction=2 / 5)
    assert not many & {held_out.store.files[index].path.name for index in held_out.episode_indices}
    assert found["num_transitions"]["1"] < found["num_transitions"]["3"]


def test_scores_are_those_of_all_encoders(config: DataAmountConfig, found: dict[str, Any]) -> None:
    assert list(found["encoders"]) == ["untrained/episodes-3/seed-0", "rmr/episodes-1/seed-0", "rmr/episodes-3/seed-0"]
    assert all(0 < row["full"] < 1 < row["effective_rank"] for row in found["encoders"].values())
    assert len({row["full"] for row in found["encoders"].values()}) == 3


def test_differences_are_paired_by_seed() -> None:
    config = DataAmountConfig(num_episodes=(1, 3), num_seeds=3)
    untrained, gains = (0.5, 0.7, 0.6), {1: (0.1, 0.2, 0.3), 3: (-0.1, 0.0, 0.1)}
    scores = {
        Encoder(arm, count, seed): dict.fromkeys(config.base.probe.readouts, untrained[seed] + gain)
        for seed in config.seeds
        for arm, count, gain in (("untrained", 3, 0.0), *(("rmr", count, gains[count][seed]) for count in gains))
    }
    compared = minus_untrained(config, scores)
    assert compared["1"]["full"]["p_greater"] == 1 / 8
    assert compared["1"]["full"]["mean_difference"] == pytest.approx(0.2)
    assert compared["3"]["low_dimensional"]["num_zeros"] == 1


def test_a_later_call_trains_nothing_again(config: DataAmountConfig, found: dict[str, Any]) -> None:
    before = {path: path.stat().st_mtime_ns for path in config.work.rglob("*") if path.is_file()}
    assert run(config) == found
    assert {path: path.stat().st_mtime_ns for path in config.work.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("change", [{"num_episodes": ()}, {"num_episodes": (3, 3)}, {"num_seeds": 0}])
def test_settings_that_leave_nothing_to_measure_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="Expected different num_episodes"):
        DataAmountConfig(**change)


def test_workers_that_make_no_sense_are_refused_before_anything_is_recorded(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least 1 worker"):
        run(DataAmountConfig(workers=0, work=tmp_path / "work"))
    assert not (tmp_path / "work").exists()


def test_record_is_of_these_settings() -> None:
    record = json.loads(RESULT.read_text())
    assert list(record["minus_untrained"]) == [str(count) for count in DataAmountConfig().num_episodes]
    assert record["config"]["gradient_steps"] == DataAmountConfig().gradient_steps
