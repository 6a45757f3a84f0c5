from pathlib import Path

import pytest

from rmr_gym.data import TransitionDataset, collect, collect_balls
from rmr_gym.envs.balls_config import BallsConfig


@pytest.fixture(scope="session")
def pong_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pong")
    collect(folder, "pong", num_episodes=4, max_steps_per_episode=60, seed=0)
    return folder


@pytest.fixture(scope="session")
def pong(pong_folder: Path) -> TransitionDataset:
    return TransitionDataset(pong_folder, split="train", size=(84, 84))


@pytest.fixture(scope="session")
def balls_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three large balls in small pictures."""
    folder = tmp_path_factory.mktemp("balls")
    world = BallsConfig(num_balls=3, radius=0.12, picture_size=16)
    collect_balls(folder, world, num_episodes=8, num_steps=15, seed=0)
    return folder


@pytest.fixture(scope="session")
def balls(balls_folder: Path) -> TransitionDataset:
    return TransitionDataset(balls_folder, split="train", gray=False, history=3)


@pytest.fixture(scope="session")
def held_out_balls(balls_folder: Path) -> TransitionDataset:
    return TransitionDataset(balls_folder, split="validation", gray=False, history=3)
