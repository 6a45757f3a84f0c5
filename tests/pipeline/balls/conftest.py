"""One small finished run on three balls, which most tests of the chain look at."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from rmr_gym.envs.balls_config import BallsConfig
from rmr_gym.models.decoders import BroadcastDecoderConfig
from rmr_gym.models.encoders import SlotAttentionConfig
from rmr_gym.models.processors import MpnnConfig
from rmr_gym.pipeline.balls import BallsRunConfig, run_balls
from rmr_gym.pipeline.balls.config import BallsDataConfig, BallsScoringConfig
from rmr_gym.pipeline.stage import JsonObject
from rmr_gym.training import LoopConfig, TrajectoryConfig, VideoConfig

TINY = BallsRunConfig(
    seed=3,
    num_seeds=1,
    world=BallsConfig(num_balls=3, radius=0.12, speed=0.5, picture_size=16),
    data=BallsDataConfig(num_trajectories=6, num_videos=5, num_steps=14, validation_fraction=0.4),
    abstract=TrajectoryConfig(
        processor=MpnnConfig(slot_dim=8, num_passes=2, reduction="sum"),
        loop=LoopConfig(gradient_steps=8, batch_size=8, log_every=2, checkpoint_every=1),
    ),
    natural=VideoConfig(
        encoder=SlotAttentionConfig(
            size=(16, 16), num_slots=3, slot_dim=8, channels=4, slot_size=8, hidden_dim=8, downsample=2
        ),
        decoder=BroadcastDecoderConfig(size=(16, 16), channels=4, strides=(2,)),
        loop=LoopConfig(gradient_steps=5, batch_size=4, log_every=2, checkpoint_every=1),
    ),
    scoring=BallsScoringConfig(num_windows=12, num_pictures=10, horizon=4),
)
"""The whole chain in two seconds; states to resume from are written after every update."""


@pytest.fixture(scope="session")
def tiny_balls() -> BallsRunConfig:
    return TINY


@pytest.fixture(scope="session")
def finished_balls(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, JsonObject]:
    """Folder and result of a finished run. Read only: copy it before changing it."""
    folder = tmp_path_factory.mktemp("finished-balls")
    return folder, run_balls(TINY, folder, command_line=["rmr-gym", "balls", "run"])


@pytest.fixture
def copied_balls(finished_balls: tuple[Path, JsonObject], tmp_path: Path) -> Path:
    """A copy of the finished run that a test may spoil."""
    return Path(shutil.copytree(finished_balls[0], tmp_path / "copied"))
