"""Made-up trajectories of balls whose pictures and states say which episode and row they are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rmr_gym.data.metadata import BallsEpisodeMetadata
from rmr_gym.data.writer import EpisodeWriter
from rmr_gym.envs.balls_config import BallsConfig

BALLS = BallsEpisodeMetadata(
    config=BallsConfig(num_balls=3, radius=0.1),
    seed=0,
    episode_index=0,
    num_steps=1,
    pixels=True,
    versions={"mujoco": "4"},
)


def row_state(index: int, row: int) -> NDArray[np.float32]:
    """Positions that begin with the episode and the row, in units that float32 holds exactly."""
    state = np.random.default_rng([index, row]).uniform(-0.4, 0.4, (3, 2)).astype(np.float32)
    state[0] = index / 128, row / 128
    return state


def row_picture(index: int, row: int) -> NDArray[np.uint8]:
    """A colour picture of noise with the episode and the row in the corner."""
    picture = np.random.default_rng([index, row]).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    picture[0, 0] = index, row, 7
    return picture


def write_balls(
    directory: Path, index: int = 0, num_steps: int = 3, *, pixels: bool = True, **metadata: object
) -> Path:
    """Write a trajectory and return its file; further arguments replace fields of the metadata."""
    directory.mkdir(parents=True, exist_ok=True)
    known = replace(BALLS, episode_index=index, num_steps=num_steps, pixels=pixels)
    known = replace(known, **metadata)  # type: ignore[arg-type]
    writer = EpisodeWriter(max_steps=num_steps, layout=replace(BALLS, pixels=pixels).layout)
    pictures = [row_picture(index, row) if pixels else None for row in range(num_steps + 1)]
    writer.start(pictures[0], row_state(index, 0))
    for row in range(1, num_steps + 1):
        writer.step(row % 5, row / 4, pictures[row], row_state(index, row))
    return writer.commit(directory, known, terminated=False)
