from __future__ import annotations

import numpy as np
import pytest
import torch
from gymnasium import spaces

from rmr_gym.sb3.agent_pictures import AgentPictures, Colours


def pictures(*shape: int, colours: Colours = "auto") -> AgentPictures:
    return AgentPictures.of(spaces.Box(0, 255, shape, np.uint8), colours)


def numbered(num_frames: int, channels: int) -> torch.Tensor:
    """One stack of pictures of 20 x 30; frame n, channel c holds 10 n + c."""
    values = 10 * torch.arange(num_frames)[:, None] + torch.arange(channels)
    return values[None, :, :, None, None].expand(1, -1, -1, 20, 30).to(torch.uint8)


@pytest.mark.parametrize(
    ("shape", "num_frames", "channels", "values"),
    [
        ((20, 30), 1, 1, [0]),
        ((1, 20, 30), 1, 1, [0]),
        ((20, 30, 4), 4, 1, [0, 10, 20, 30]),
        ((4, 20, 30), 4, 1, [0, 10, 20, 30]),
        ((20, 30, 3), 1, 3, [0, 1, 2]),
        ((6, 20, 30), 2, 3, [0, 1, 2, 10, 11, 12]),
        ((20, 30, 6), 2, 3, [0, 1, 2, 10, 11, 12]),
        ((2, 20, 30, 1), 2, 1, [0, 10]),
        ((2, 20, 30, 3), 2, 3, [0, 1, 2, 10, 11, 12]),
        ((2, 3, 20, 30), 2, 3, [0, 1, 2, 10, 11, 12]),
    ],
)
def test_pictures_go_where_the_space_has_them(
    shape: tuple[int, ...], num_frames: int, channels: int, values: list[int]
) -> None:
    found = pictures(*shape)
    assert (found.num_frames, found.gray, found.size) == (num_frames, channels == 1, (20, 30))
    observation = found.arrange(numbered(num_frames, channels))
    assert observation.shape == (1, *shape)
    assert observation.dtype == torch.uint8
    # Without rows and columns what is left are frames and colours, in the order in which they are stored.
    kept = [axis for axis in range(1, observation.ndim) if observation.shape[axis] not in (20, 30)]
    left = observation[0].permute(*[axis - 1 for axis in kept], *[a for a in range(len(shape)) if a + 1 not in kept])
    assert left.reshape(-1, 20 * 30)[:, 0].tolist() == values


def test_colours_can_be_said_where_the_shape_leaves_them_open() -> None:
    assert pictures(3, 84, 84).num_frames == 1
    assert pictures(3, 84, 84, colours="gray").num_frames == 3
    assert pictures(12, 84, 84).num_frames == 4
    assert pictures(12, 84, 84, colours="gray").num_frames == 12


def test_floats_are_scaled_as_the_space_says() -> None:
    for high, expected in ((1.0, 10 / 255), (255.0, 10.0)):
        space = spaces.Box(0.0, high, (2, 20, 30), np.float32)
        observation = AgentPictures.of(space).arrange(numbered(2, 1))
        assert observation[0, 1].unique().tolist() == pytest.approx([expected])


@pytest.mark.parametrize(
    ("space", "colours"),
    [
        (spaces.Discrete(3), "auto"),
        (spaces.Box(0, 255, (128,), np.uint8), "auto"),
        (spaces.Box(0, 255, (4, 128), np.uint8), "auto"),
        (spaces.Box(0, 255, (84, 4, 84), np.uint8), "auto"),
        (spaces.Box(0, 255, (4, 84, 84), np.uint8), "rgb"),
        (spaces.Box(0, 255, (2, 84, 84, 3), np.uint8), "gray"),
        (spaces.Box(0, 255, (2, 2, 84, 84), np.uint8), "auto"),
        (spaces.Box(0, 255, (4, 84, 84), np.int64), "auto"),
        (spaces.Box(-np.inf, np.inf, (4, 84, 84), np.float32), "auto"),
        (spaces.Box(0, 255, (1, 1, 4, 84, 84), np.uint8), "auto"),
    ],
)
def test_what_holds_no_pictures_is_refused(space: spaces.Space, colours: Colours) -> None:
    with pytest.raises(ValueError, match="an agent that looks at pictures: gray or RGB"):
        AgentPictures.of(space, colours)
