"""Small trainings that several tests look at."""

from __future__ import annotations

from pathlib import Path

import pytest

from rmr_gym.models import save_encoder
from rmr_gym.models.blocks import initial_weights
from rmr_gym.models.encoders import NatureCnnConfig
from rmr_gym.sb3.training import EncoderFeatures, train_agent
from tests.sb3.training.small import small


@pytest.fixture(scope="session")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an encoder of gray 84x84 pictures; not to be changed."""
    with initial_weights(1):
        built = NatureCnnConfig(resolution="84x84", num_slots=2, slot_dim=3).build()
    return save_encoder(built, tmp_path_factory.mktemp("encoder") / "tiny", game="pong", arm="rmr", seed=0)


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, encoder: Path) -> Path:
    """The folder of a finished training through a wrapper; not to be changed."""
    folder = tmp_path_factory.mktemp("trained")
    train_agent(small(features=EncoderFeatures(path=str(encoder), projection=8)), folder)
    return folder
