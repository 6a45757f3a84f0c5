"""Where the pictures, their channels, rows and columns stand in an observation."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from jaxtyping import Num
from torch import Tensor

from rmr_gym.errors import explain

_ORDERS = {"hw": (0, 1, 2), "khw": (0, 1, 2, 3), "hwk": (0, 3, 1, 2), "nchw": (0, 1, 2, 3, 4), "nhwc": (0, 1, 4, 2, 3)}
"""Layouts and the order of the axes of a batch that brings them into channels, rows, columns."""

_RGB = 3

Colours = Literal["auto", "gray", "rgb"]
"""What the layers of an observation are where its shape leaves it open: three may be gray pictures, or one in RGB."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PictureLayout:
    """How to read the pictures out of observations of one shape.

    Attributes:
        observation_shape: shape of one observation.
        picture_shape: `(channel, height, width)` of a picture.
        axes: what the axes of an observation are: `h` rows, `w` columns, `c` channels, `n` pictures, or `k` for
            pictures and channels in one axis, the channels of one picture next to each other.
    """

    observation_shape: tuple[int, ...]
    picture_shape: tuple[int, int, int]
    axes: str

    @property
    def num_pictures(self) -> int:
        """Pictures in an observation."""
        return math.prod(self.observation_shape) // math.prod(self.picture_shape)

    def split(self, pixels: Num[Tensor, "batch ..."]) -> Num[Tensor, "batch picture channel height width"]:
        """Return the pictures of a batch of observations in their order, channels first.

        What is in this order already comes back as a view. All layouts of the same pictures give the same strides,
        by which libraries choose their arithmetic.

        Raises:
            ValueError: when the observations have another shape.
        """
        if tuple(pixels.shape[1:]) != self.observation_shape:
            expected, fix = (
                f"observations of shape (batch, *{self.observation_shape})",
                "Ask for a layout of that shape.",
            )
            raise ValueError(explain(expected=expected, got=tuple(pixels.shape), fix=fix))
        # Flat in between, since an axis of length 1 would keep a stride of its own.
        flat = pixels.permute(*_ORDERS[self.axes]).reshape(-1)
        return flat.view(len(pixels), self.num_pictures, *self.picture_shape)


def picture_layout(
    observation_shape: Sequence[int], picture_shape: Sequence[int], *, colours: Colours = "auto"
) -> PictureLayout:
    """Find out how observations hold pictures of a known shape.

    These are read, for pictures of `H x W` in gray (one channel) or in colour (c channels, usually 3):

    - one picture: `(H, W)` in gray, `(H, W, c)`, `(c, H, W)`;
    - n pictures in one axis with their channels: `(H, W, n * c)`, `(n * c, H, W)`, as the frame stacks of
      Stable-Baselines3 and of vectorised Atari give them;
    - n pictures in an axis of their own: `(n, H, W, c)`, `(n, c, H, W)`, as Gymnasium stacks them.

    Nothing is guessed. A shape that can be read in two ways is refused: as many pictures as they have rows and
    columns, and 3, 6, 9, ... layers in one axis where gray pictures are asked for, which are as likely to be RGB
    unless `colours` says what they are.

    Args:
        observation_shape: shape of one observation.
        picture_shape: `(channel, height, width)` of the pictures that are looked for.
        colours: of the observations, where it is known.

    Returns:
        The layout. Pictures keep their order, which is oldest first in all of these libraries.

    Raises:
        ValueError: when the observation holds no such pictures, pictures in other colours, or can be read in two ways.

    Example:
        >>> layout = picture_layout((84, 84, 4), (1, 84, 84))
        >>> layout.axes, layout.num_pictures
        ('hwk', 4)
    """
    observation, (channels, height, width) = tuple(observation_shape), tuple(picture_shape)
    readings = list(_readings(observation, channels, (height, width)))
    if not readings:
        raise ValueError(_no_such_picture(observation, channels, (height, width)))
    layout = PictureLayout(observation_shape=observation, picture_shape=(channels, height, width), axes=readings[0])
    fix = "Give the pictures an axis of their own: (n, height, width, channel)."
    if len(readings) > 1:
        expected = f"a number of pictures that differs from their size {height}x{width}"
        raise ValueError(explain(expected=expected, got=f"observations of shape {observation}", fix=fix))
    if colours != "auto" and (colours == "gray") != (channels == 1):
        expected = f"pictures with {channels} channel{'s' if channels > 1 else ''}"
        fix = f"Pass colours={'gray' if channels == 1 else 'rgb'!r} if that is what they are."
        raise ValueError(explain(expected=expected, got=f"colours={colours!r}", fix=fix))
    count = layout.num_pictures
    if colours == "auto" and "k" in layout.axes and channels == 1 and count % _RGB == 0:
        got = f"observations of shape {observation}, {count} pictures in gray or {count // _RGB} in RGB"
        fix = f'Pass colours="gray" if they are gray, or make them with make_atari(..., gray=True). {fix}'
        raise ValueError(explain(expected="pictures with 1 channel that are surely not RGB", got=got, fix=fix))
    return layout


def _readings(observation: tuple[int, ...], channels: int, size: tuple[int, int]) -> Iterator[str]:
    """Yield the layouts that fit."""
    for axes in _of_size(observation, size):
        lengths = dict(zip(axes, observation, strict=True))
        layers = lengths.get("c", lengths.get("k", 1))
        if layers == channels or ("k" in axes and layers > 0 and layers % channels == 0):
            yield axes


def _of_size(observation: tuple[int, ...], size: tuple[int, int]) -> Iterator[str]:
    """Yield the layouts whose rows and columns are as many as they should be, and that hold a picture at all."""
    for axes in _ORDERS:
        if len(axes) == len(observation) and min(observation) > 0:
            lengths = dict(zip(axes, observation, strict=True))
            if (lengths["h"], lengths["w"]) == size:
                yield axes


def _no_such_picture(observation: tuple[int, ...], channels: int, size: tuple[int, int]) -> str:
    """Say what is wrong with an observation: the number of its channels, its size, or that it is no picture."""
    expected = f"pictures of {size[0]}x{size[1]} with {channels} channel{'s' if channels > 1 else ''}"
    got = f"observations of shape {observation}"
    layouts = list(_of_size(observation, size))
    if layouts:
        layers = dict(zip(layouts[-1], observation, strict=True))
        got += f" with {layers.get('c', layers.get('k', 1))} channel(s)"
    colour = "gray=True, gray_newaxis=True, " if channels == 1 else ""
    fix = f"Make them with make_atari(..., {colour}size={size}), and stack whole pictures."
    return explain(expected=expected, got=got, fix=fix)
