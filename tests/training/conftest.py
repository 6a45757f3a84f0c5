from pathlib import Path

import pytest

from rmr_gym.data import TransitionDataset, collect


@pytest.fixture(scope="session")
def pong_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pong")
    collect(folder, "pong", num_episodes=4, max_steps_per_episode=60, seed=0)
    return folder


@pytest.fixture(scope="session")
def pong(pong_folder: Path) -> TransitionDataset:
    return TransitionDataset(pong_folder, split="train", size=(84, 84))
