"""What the tests of agents share."""

from __future__ import annotations

from pathlib import Path

import pytest

from rmr_gym.models import save_encoder
from tests.sb3.tiny_worlds import tiny_encoder


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny encoder; not to be changed."""
    folder = tmp_path_factory.mktemp("encoders") / "tiny"
    return save_encoder(tiny_encoder(), folder, game="pong", arm="rmr", seed=0)
