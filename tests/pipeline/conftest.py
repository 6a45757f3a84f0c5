"""One small finished run of real Pong, which most tests of the pipeline look at."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from rmr_gym.evaluation.probes import LinearProbeConfig
from rmr_gym.models.encoders import NatureCnnConfig
from rmr_gym.pipeline.config import DataConfig, ProbingConfig, RunConfig
from rmr_gym.pipeline.run import run
from rmr_gym.pipeline.stage import JsonObject
from rmr_gym.training import AbstractConfig, LoopConfig, NaturalConfig

TINY = RunConfig(
    game="pong",
    seed=3,
    num_seeds=1,
    arms=("rmr", "c_swm", "untrained", "supervised"),
    data=DataConfig(num_episodes=3, max_steps=40, num_players=3, validation_fraction=0.4),
    abstract=AbstractConfig(loop=LoopConfig(gradient_steps=8, batch_size=8, log_every=2, checkpoint_every=1)),
    natural=NaturalConfig(
        encoder=NatureCnnConfig(resolution="84x84", maps_per_slot=1),
        loop=LoopConfig(gradient_steps=6, batch_size=8, log_every=2, checkpoint_every=1),
        supervised=LoopConfig(gradient_steps=6, batch_size=8, log_every=2, checkpoint_every=1),
    ),
    probe=ProbingConfig(
        num_train_frames=60,
        num_validation_frames=30,
        entropy_threshold=0.3,
        linear=LinearProbeConfig(max_epochs=2),
        linear_on_few=LinearProbeConfig(max_epochs=1),
    ),
)
"""The whole chain in a few seconds; states to resume from are written after every step."""


@pytest.fixture(scope="session")
def tiny() -> RunConfig:
    return TINY


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, JsonObject]:
    """Folder and result of a finished run. Read only: copy it before changing it."""
    folder = tmp_path_factory.mktemp("finished")
    return folder, run(TINY, folder)


@pytest.fixture
def copied(finished: tuple[Path, JsonObject], tmp_path: Path) -> Path:
    """A copy of the finished run that a test may spoil."""
    return Path(shutil.copytree(finished[0], tmp_path / "copied"))
