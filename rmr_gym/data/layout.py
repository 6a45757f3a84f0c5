"""What a row of an episode file holds: the one place where the worlds differ on disk."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from rmr_gym.envs.actions import NUM_ACTIONS
from rmr_gym.envs.balls_config import BallsConfig
from rmr_gym.envs.games import NUM_RAM_BYTES, SCREEN_SHAPE


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """Type and shape of the two sides of a pair, and with them the columns of the file."""

    abstract_name: str
    """Name of the column of the abstract side: "ram" or "state"."""

    abstract_type: str
    """Numpy's code for its numbers, byte order included."""

    abstract_shape: tuple[int, ...]
    """Shape of the abstract side of one row."""

    screen_shape: tuple[int, ...] | None
    """Shape of a picture of uint8: `(height, width)` of palette indices or `(height, width, 3)` of red, green, blue.
    None for episodes that were recorded without pictures; their file has no such column."""

    num_actions: int
    """Actions are integers in 0..`num_actions` - 1."""

    @property
    def schema(self) -> pa.Schema:
        """Columns of an episode file; one row per frame, the last row without an action."""
        pictures = [] if self.screen_shape is None else [pa.field("frame", pa.binary(), nullable=False)]
        return pa.schema(
            [
                *pictures,
                pa.field(self.abstract_name, pa.binary(self.abstract_bytes), nullable=False),
                pa.field("action", pa.uint8(), nullable=True),
                pa.field("reward", pa.float32(), nullable=False),
                pa.field("terminated", pa.bool_(), nullable=False),
                pa.field("truncated", pa.bool_(), nullable=False),
                pa.field("step", pa.int32(), nullable=False),
            ]
        )

    @property
    def abstract_bytes(self) -> int:
        """Bytes of the abstract side of one row."""
        return math.prod(self.abstract_shape) * np.dtype(self.abstract_type).itemsize

    @property
    def screen_bytes(self) -> int:
        """Bytes of one picture before compression, 0 where there is none."""
        return 0 if self.screen_shape is None else math.prod(self.screen_shape)


ATARI = Layout(
    abstract_name="ram",
    abstract_type="u1",
    abstract_shape=(NUM_RAM_BYTES,),
    screen_shape=SCREEN_SHAPE,
    num_actions=NUM_ACTIONS,
)
"""A screen of palette indices and 128 bytes of RAM."""


def balls_layout(config: BallsConfig, *, pixels: bool) -> Layout:
    """Describe the rows of bouncing balls: positions in metres, and a colour picture or none.

    Actions are the numbers that the column has room for: the passive world knows only 0.

    Example:
        >>> balls_layout(BallsConfig(), pixels=False).schema.names
        ['state', 'action', 'reward', 'terminated', 'truncated', 'step']
    """
    return Layout(
        abstract_name="state",
        abstract_type="<f4",
        abstract_shape=(config.num_balls, 2),
        screen_shape=(config.picture_size, config.picture_size, 3) if pixels else None,
        num_actions=256,
    )
