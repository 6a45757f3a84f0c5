"""Trainings of the comparison that were interrupted: where they go on, and what they are said to have taken."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from benchmarks.control.plan import plan
from benchmarks.control.report import make_record
from benchmarks.control.sweep import AGENT_FOLDER, RESULT_FILE, sweep, train_and_record
from benchmarks.control.table import markdown
from benchmarks.executors.serial import SerialExecutor
from rmr_gym.models.blocks import initial_weights
from rmr_gym.models.checkpoint import save_encoder
from rmr_gym.models.encoders import KeypointsConfig
from rmr_gym.sb3.training import AgentConfig, EvaluationConfig, train_agent
from rmr_gym.sb3.training.callbacks import Evaluations
from tests.benchmarks.made_up_agents import train_at_once
from tests.sb3.training.small import StopError, stop_at

STEPS = 256


def train_and_die(config: AgentConfig, folder: Path) -> Mapping[str, Any]:
    return train_agent(config, folder, on_progress=stop_at(1))


@pytest.fixture(autouse=True)
def _short_evaluations(monkeypatch: pytest.MonkeyPatch) -> None:
    short = EvaluationConfig(every=10_000, num_episodes=1, num_final_episodes=1)
    monkeypatch.setattr("benchmarks.control.settings.evaluation", lambda _: short)


def test_training_goes_on_where_its_encoders_are_spelt_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with initial_weights(0):
        encoder = KeypointsConfig(num_slots=3, slot_dim=4, channels=4).build()
    save_encoder(encoder, tmp_path / "runs" / "balls_push" / "rmr" / "seed-0", world="bouncing_balls")
    monkeypatch.chdir(tmp_path)
    wanted = {"arms": ["rmr"], "num_encoders": 1, "steps": STEPS}
    (one,) = plan(["balls_push"], [0], encoders=Path("runs"), **wanted)  # type: ignore[arg-type]
    (same,) = plan(["balls_push"], [0], encoders=tmp_path / "runs", **wanted)  # type: ignore[arg-type]
    with pytest.raises(StopError):
        train_and_record(one, tmp_path / "out", train_and_die)
    assert train_and_record(same, tmp_path / "out", train_agent).startswith("trained in")


def test_seconds_of_all_sessions_are_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (one,) = plan(["balls_push"], [0], arms=["privileged"], steps=STEPS)
    evaluate = Evaluations.evaluate

    def die_at_the_end(self: Evaluations, num_episodes: int) -> None:
        if self.model.num_timesteps:
            raise StopError
        evaluate(self, num_episodes)

    monkeypatch.setattr(Evaluations, "evaluate", die_at_the_end)
    with pytest.raises(StopError):
        train_and_record(one, tmp_path, train_agent)
    (path,) = (one.folder(tmp_path) / AGENT_FOLDER / "checkpoints").glob("*/state.json")
    state = json.loads(path.read_text())
    assert 0 < state["training_seconds"] < state["wall_seconds"]
    path.write_text(json.dumps(state | {"processor_seconds": 500.0, "wall_seconds": 700.0}))
    monkeypatch.setattr(Evaluations, "evaluate", evaluate)
    train_and_record(one, tmp_path, train_agent)
    result = json.loads((one.folder(tmp_path) / RESULT_FILE).read_text())
    assert 500 < result["processor_seconds"] < 600
    assert 700 < result["wall_seconds"] < 800
    assert result["training_seconds"] == pytest.approx(state["training_seconds"], abs=1e-3)


def test_report_leaves_out_trainings_of_unknown_processor_time(tmp_path: Path) -> None:
    planned = plan(["pong"], [0, 1], arms=["nature_cnn"])
    sweep(planned, tmp_path, SerialExecutor(), train=train_at_once, say=lambda _: None)
    paths = [one.folder(tmp_path) / RESULT_FILE for one in planned]

    def speed(*processor_seconds: float | None) -> tuple[float | None, str]:
        for path, seconds in zip(paths, processor_seconds, strict=True):
            path.write_text(json.dumps(json.loads(path.read_text()) | {"processor_seconds": seconds}))
        record = make_record(tmp_path, random_episodes=1)
        arm = record["tasks"]["pong"]["arms"]["nature_cnn"]
        return arm["steps_per_processor_second"], markdown(record).splitlines()[4].split("|")[-2].strip()

    assert speed(4.0, 1.0) == (160.0, "160")
    assert speed(4.0, None) == (100.0, "100")
    assert speed(None, None) == (None, "")


def test_number_of_encoders_is_positive(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="num_encoders as an integer of at least 1; got 0"):
        plan(["pong"], [0], arms=["rmr"], encoders=tmp_path, num_encoders=0)
