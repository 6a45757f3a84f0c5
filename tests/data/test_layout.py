"""What a row holds."""

from __future__ import annotations

import pyarrow as pa
import pytest

from rmr_gym.data.layout import ATARI, balls_layout
from rmr_gym.envs.balls_config import BallsConfig

TAIL = [
    pa.field("action", pa.uint8(), nullable=True),
    pa.field("reward", pa.float32(), nullable=False),
    pa.field("terminated", pa.bool_(), nullable=False),
    pa.field("truncated", pa.bool_(), nullable=False),
    pa.field("step", pa.int32(), nullable=False),
]


def test_games_have_a_screen_of_indices_and_ram() -> None:
    frame, ram = pa.field("frame", pa.binary(), nullable=False), pa.field("ram", pa.binary(128), nullable=False)
    assert ATARI.schema == pa.schema([frame, ram, *TAIL])
    assert (ATARI.screen_bytes, ATARI.abstract_bytes, ATARI.num_actions) == (33_600, 128, 18)


@pytest.mark.parametrize("pixels", [True, False])
def test_balls_have_positions_and_a_picture_or_none(pixels: bool) -> None:
    layout = balls_layout(BallsConfig(num_balls=10, picture_size=32), pixels=pixels)
    frames = [pa.field("frame", pa.binary(), nullable=False)] if pixels else []
    assert layout.schema == pa.schema([*frames, pa.field("state", pa.binary(80), nullable=False), *TAIL])
    assert layout.screen_bytes == (32 * 32 * 3 if pixels else 0)
    assert layout.abstract_bytes == 10 * 2 * 4
