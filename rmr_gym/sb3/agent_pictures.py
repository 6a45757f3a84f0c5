"""How an agent's observation space lays out the pictures of a game, and back from pictures to observations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from gymnasium import spaces
from jaxtyping import Float, Num, UInt8
from torch import Tensor, nn

from rmr_gym.errors import explain
from rmr_gym.models.freezing import freeze
from rmr_gym.models.interfaces import Encoder, VideoEncoder
from rmr_gym.models.picture_features import PictureFeatures, Readout
from rmr_gym.models.picture_layout import Colours


@runtime_checkable
class ObservedPictures(Protocol):
    """How pictures become an agent's observations."""

    @property
    def num_frames(self) -> int:
        """Consecutive frames in an observation."""

    @property
    def gray(self) -> bool:
        """Luminance instead of colours."""

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""

    def arrange(self, stacks: UInt8[Tensor, "batch stack channel height width"]) -> Num[Tensor, "batch ..."]:
        """Make observations of stacks of pictures, oldest frame first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AgentPictures:
    """The pictures in an agent's observation.

    Example:
        >>> space = spaces.Box(0, 255, (4, 84, 84), np.uint8)  # behind VecFrameStack and VecTransposeImage
        >>> pictures = AgentPictures.of(space)
        >>> pictures.num_frames, pictures.gray, pictures.size
        (4, True, (84, 84))
    """

    space: spaces.Box
    """The observation space, of one environment."""

    num_frames: int
    """Consecutive frames in an observation."""

    gray: bool
    """Luminance instead of colours."""

    size: tuple[int, int]
    """Height and width in pixels."""

    channels_last: bool
    """Whether colours, or the frames that stand in their place, are the last axis."""

    @classmethod
    def of(cls, space: spaces.Space[object], colours: Colours = "auto") -> AgentPictures:
        """Read the layout off an observation space.

        Understood are `(H, W)`; a stack or colours along the first or the last axis, `(c, H, W)` and `(H, W, c)`, both
        oldest frame first; and a stack along an axis of its own, `(n, H, W, c)` and `(n, c, H, W)` with one or three
        colours.

        Args:
            space: the observation space of an agent, without the axis of the environments.
            colours: what a channel is where the shape leaves it open; "auto" takes a number that three divides for RGB.

        Raises:
            ValueError: when the space holds no pictures in one of these layouts.
        """
        if not isinstance(space, spaces.Box) or not _holds_pictures(space):
            raise _no_pictures(space)
        shape = space.shape
        if len(shape) == 2:
            frames, channels, channels_last, size = 1, 1, False, list(shape)
        elif len(shape) == 4:
            channels_last = shape[-1] in (1, 3)
            frames, *rest = shape
            channels, *size = (rest[-1], *rest[:-1]) if channels_last else rest
            if channels not in (1, 3) or (colours != "auto" and (colours == "gray") != (channels == 1)):
                raise _no_pictures(space)
        else:
            # As in Stable-Baselines3, the smallest axis holds the channels.
            channels_last = int(np.argmin(shape)) == 2
            together, *size = (shape[2], *shape[:2]) if channels_last else shape
            channels = 3 if colours == "rgb" or (colours == "auto" and together % 3 == 0) else 1
            frames, rest_of_channels = divmod(together, channels)
            if int(np.argmin(shape)) == 1 or rest_of_channels:
                raise _no_pictures(space)
        if min(size) < _LEAST_SIDE:
            raise _no_pictures(space)
        return cls(
            space=space,
            num_frames=frames,
            gray=channels == 1,
            size=(size[0], size[1]),
            channels_last=channels_last,
        )

    def arrange(self, stacks: UInt8[Tensor, "batch stack channel height width"]) -> Num[Tensor, "batch ..."]:
        """Lay out stacks of pictures as observations of the space, in its numbers.

        Args:
            stacks: bytes, oldest frame first.

        Returns:
            A tensor `(batch, *space.shape)`: bytes as they are, or floats in 0..1 where the space ends at 1.
        """
        ordered = stacks.movedim(2, -1) if self.channels_last else stacks
        if self.channels_last and len(self.space.shape) == 3:
            ordered = ordered.movedim(1, -2)  # frames beside the colours, to be merged with them
        observations = ordered.reshape(len(stacks), *self.space.shape)
        if self.space.dtype == np.uint8:
            return observations
        return observations.float() / (255.0 if float(self.space.high.max()) <= 1.0 else 1.0)


class EncodedPictures(nn.Module):
    """The features of an encoder as an agent observed them, in the place of pictures.

    Args:
        encoder: the one that the agent was trained behind (`VecEncodeObservation`); frozen here.
        space: the observation space of the agent: the features of so many frames, one after the other.
        readout: how the encoder was read.

    Raises:
        ValueError: when the space does not hold features of that encoder.
    """

    def __init__(
        self, encoder: Encoder | VideoEncoder, space: spaces.Space[Any], *, readout: Readout = "flatten"
    ) -> None:
        super().__init__()
        channels, height, width = encoder.input_shape[-3:]
        history = encoder.input_shape[0] if isinstance(encoder, VideoEncoder) else 1
        one = PictureFeatures(encoder, (history, channels, height, width), readout=readout)
        shape = space.shape or ()
        count, rest = divmod(shape[0], one.features_dim) if len(shape) == 1 else (0, 0)
        if count < 1 or rest:
            expected = f"an agent that looks at features of this encoder, a multiple of {one.features_dim}"
            fix = "Pass the encoder that it was trained behind as --agent.encoder, and --agent.readout as then."
            raise ValueError(explain(expected=expected, got=str(space), fix=fix))
        self.num_frames, self.gray, self.size = count * history, channels == 1, (height, width)
        stack = (self.num_frames, channels, height, width)
        self.features = freeze(PictureFeatures(encoder, stack, readout=readout))

    def arrange(self, stacks: UInt8[Tensor, "batch stack channel height width"]) -> Float[Tensor, "batch feature"]:
        """Encode stacks of pictures, each picture by itself."""
        features: Tensor = self.features(stacks)
        return features


_LEAST_SIDE = 16  # RAM behind a frame stack, (4, 128), is no picture


def _holds_pictures(space: spaces.Box) -> bool:
    in_bytes = space.dtype == np.uint8 or bool(np.issubdtype(space.dtype, np.floating))
    return 2 <= len(space.shape) <= 4 and in_bytes and bool(np.isfinite(space.high).all())


def _no_pictures(space: object) -> ValueError:
    return ValueError(
        explain(
            expected="an agent that looks at pictures: gray or RGB, stacked or not, bytes or floats in 0..1",
            got=f"an agent with the observation space {space}",
            fix="Say --agent.colours gray or rgb if the number of channels does not tell.",
        )
    )
