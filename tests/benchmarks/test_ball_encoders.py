"""Linear read-outs of encoders of bouncing balls."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from benchmarks.ball_encoders import UNTRAINED, BallEncodersConfig, Windows, push_windows, run, score
from rmr_gym.envs.balls_config import BallsConfig
from rmr_gym.models import VideoEncoder, fingerprint, load_any_encoder
from rmr_gym.models.encoders import KeypointsConfig
from rmr_gym.pipeline.balls import BallsRunConfig, run_balls
from rmr_gym.pipeline.balls.profiles import control, smoke

RESULT = Path(__file__).parents[2] / "benchmarks" / "results" / "balls_control_readouts.json"
WORLD = BallsConfig(num_balls=2, radius=0.1)


class _Looks(VideoEncoder):
    """One slot that holds the mean of each picture of a window."""

    num_slots, slot_dim, input_shape = 1, 3, (3, 3, 4, 4)

    def forward(self, pixels: Tensor, noise: Tensor) -> Tensor:
        return pixels.float().mean((2, 3, 4)).unsqueeze(1)

    def noise(self, batch_size: int, generator: torch.Generator) -> Tensor:
        return torch.zeros(batch_size, 1, 1)


def make_windows(seed: int) -> Windows:
    """One ball whose x is the brightness of the last picture; its y cannot be seen."""
    draws = np.random.default_rng(seed)
    pixels = draws.integers(0, 256, (300, 3, 1, 1, 1), dtype=np.uint8) * np.ones((1, 1, 3, 4, 4), dtype=np.uint8)
    seen = pixels[:, :, 0, 0, 0].astype(np.float64) / 255
    targets = np.stack([seen[:, -1], draws.random(300), seen[:, -1] - seen[:, -2], 0 * seen[:, -1]], axis=-1)
    return Windows(pixels, targets[:, None])


def test_score_is_the_share_of_what_a_linear_map_explains() -> None:
    result = score(_Looks(), make_windows(0), {"test": make_windows(1)})["test"]
    assert result["position_r2"] == [pytest.approx(0.5, abs=0.05)]  # one of two coordinates
    assert result["velocity_r2"] == [pytest.approx(1, abs=1e-3)]
    assert result["ball_0_error_metres"] == pytest.approx(1 / np.sqrt(12), abs=0.02)


def test_pushed_windows_are_what_the_environment_shows() -> None:
    windows = push_windows(WORLD, 2, seed=0, push_speed=0.1)
    assert windows.pixels.shape == (2 * 33, 3, 3, 64, 64)
    again = push_windows(WORLD, 2, seed=0, push_speed=0.1)
    assert all(np.array_equal(*pair) for pair in zip(windows, again, strict=True))
    red = windows.pixels[:, -1, 0].astype(np.float64) * (windows.pixels[:, -1, 1] == 0)
    columns = (np.arange(64) + 0.5) / 64 - 0.5
    middle = (red.sum(1) @ columns) / red.sum((1, 2))
    np.testing.assert_allclose(middle, windows.targets[:, 0, 0], atol=0.003)
    speeds = np.linalg.norm(windows.targets[:, :, 2:], axis=-1).std(0)
    assert speeds[0] > 0.005  # pushed
    harder = push_windows(WORLD, 2, seed=0, push_speed=0.3)
    assert np.linalg.norm(harder.targets[:, 0, 2:], axis=-1).mean() > 0.03  # metres in a frame of 0.1 s


def test_run_writes_untrained_encoders_and_scores_all(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small = smoke()
    chain: BallsRunConfig = dataclasses.replace(
        small,
        arms=("rmr",),
        world=WORLD,
        natural=dataclasses.replace(
            control().natural, encoder=KeypointsConfig(num_slots=3, slot_dim=16, channels=4), loop=small.natural.loop
        ),
    )
    run_balls(chain, tmp_path)
    result = run(BallEncodersConfig(run=tmp_path, num_windows=30, num_episodes=1, push_speed=0.3))
    assert result["config"]["push_speed"] == 0.3
    assert set(result["arms"]) == {"rmr", UNTRAINED}
    trained, untrained = (result["arms"][arm]["0"] for arm in ("rmr", UNTRAINED))
    assert trained["fingerprint"] != untrained["fingerprint"]
    assert untrained["fingerprint"] == fingerprint(load_any_encoder(tmp_path / "models" / UNTRAINED / "seed-0"))
    assert len(untrained["pushed"]["position_r2"]) == 2
    assert result["num_windows"] == {"held_out": 10, "pushed": 33}
    assert result["milliseconds_per_window"]["encode"] > 0
    assert "untrained, seed 0" in capsys.readouterr().out
    assert str(tmp_path) not in json.dumps(result)


def test_recorded_encoders_show_every_ball_to_an_agent_and_untrained_ones_do_not_show_the_velocities() -> None:
    arms = json.loads(RESULT.read_text(encoding="utf-8"))["arms"]
    for arm in ("rmr", "end_to_end", "frozen_random"):
        for scores in arms[arm].values():
            assert min(scores["pushed"]["position_r2"]) > 0.999
            assert min(scores["pushed"]["velocity_r2"]) > 0.98
    assert all(min(scores["pushed"]["velocity_r2"]) < 0.85 for scores in arms[UNTRAINED].values())


@pytest.mark.parametrize(
    ("field", "message"),
    [("num_windows", "num_windows >="), ("num_episodes", "num_episodes >="), ("push_speed", "push_speed above 0")],
)
def test_config_refuses_too_little(field: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        BallEncodersConfig(run=Path("run"), **{field: 0})  # type: ignore[arg-type]
