"""Windows of pictures to slots: place and colour of one thing per slot, for things that look different."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float, Num
from torch import Generator, Tensor, nn
from torch.nn import functional

from rmr_gym.errors import explain
from rmr_gym.models.blocks import keep_variance, mixed_precision
from rmr_gym.models.interfaces import VideoEncoder

_RGB, _KERNEL = 3, (5, 3)  # of the first convolution and of the others


@dataclass(frozen=True, kw_only=True, slots=True)
class KeypointsConfig:
    """Convolutions, one attention map per slot and picture, and the middle of each map. ours, not the paper's."""

    size: tuple[int, int] = (64, 64)
    """Height and width of the pictures (paper, section 4)."""

    history: int = 3
    """Pictures in a window (paper, section 4)."""

    num_slots: int = 11
    """Slots. ours: one more than the paper's ten balls. Several slots may find the same ball; three times as many
    slots as balls found all of them from every seed that was tried."""

    slot_dim: int = 128
    """Width of a slot as the processor sees it; must be the width of the processor (paper, appendix A)."""

    channels: int = 16
    """Width of the convolutions."""

    num_convs: int = 1
    """Convolutions with ReLU, the first of 5x5, the others of 3x3."""

    downsample: int = 2
    """Stride of the first convolution."""

    attention_gain: float = 50.0
    """Factor on the initial weights of the attention maps. With 1 they all start as the whole picture and the places
    as its middle, and a decoder goes black before it could follow any."""

    background_score: float = 10.0
    """Initial score of the background, which the slots' scores of a cell compete with; theirs are 0 where a picture is
    black, so that a place starts as that of what is not black."""

    epsilon: float = 1e-6
    """Added to the attention before it is normalised over the cells, so that an empty map means the middle."""

    def __post_init__(self) -> None:
        sizes = (self.history, self.num_slots, self.slot_dim, self.channels, self.num_convs, self.downsample)
        if min(*sizes, *self.size) < 1:
            expected = "history, slots, channels, convolutions and size >= 1"
            raise ValueError(explain(expected=expected, got=self, fix="Raise the number."))
        if any(length % self.downsample for length in self.size):
            fix = "Choose 1, 2 or 4."
            expected = f"a downsample that divides {self.size}"
            raise ValueError(explain(expected=expected, got=self.downsample, fix=fix))
        for name in ("attention_gain", "epsilon"):
            if not 0 < getattr(self, name) < math.inf:
                fix = "Leave it out."
                raise ValueError(explain(expected=f"a finite {name} > 0", got=getattr(self, name), fix=fix))
        if not math.isfinite(self.background_score):
            got, fix = self.background_score, "Leave it out."
            raise ValueError(explain(expected="a finite background_score", got=got, fix=fix))

    def build(self) -> KeypointEncoder:
        """Build the encoder."""
        return KeypointEncoder(self)


class Keypoints(NamedTuple):
    """Where each slot looks in each picture of a window, and what it sees there."""

    places: Float[Tensor, "batch history slot 2"]
    """Middle of each map as `x, y` from -1 to 1, x to the right and y up, the network units of trajectories."""

    colors: Float[Tensor, "batch history slot 3"]
    """Mean colour under each map, in [0, 1]."""

    masks: Float[Tensor, "batch history slot height width"]
    """Share of each cell that a slot took; what is missing to 1 was left to the background."""


class KeypointEncoder(VideoEncoder):
    """Slots take cells by what these look like; a slot says where its cells lie in each picture, and their colour.

    A softmax over the slots and a background shares out each cell, as in Slot Attention, but what a slot looks for is
    learned once for all pictures. So slot k finds the same ball in all windows, where balls keep their looks and differ
    in them, as those of one world do; it cannot tell equal ones apart. The places of all pictures of a window go
    through one linear layer, as positions do in the abstract pipeline, together with the colour, by which a decoder
    knows what to paint.

    Source: ours. Places as means of attention maps are those of Finn et al. 2016 (deep spatial autoencoders) and Jakab
    et al. 2018; the competition of the slots is that of Locatello et al. 2020.
    """

    config: KeypointsConfig
    grid: Tensor

    def __init__(self, config: KeypointsConfig) -> None:
        super().__init__()
        self.config = config
        self.num_slots, self.slot_dim = config.num_slots, config.slot_dim
        self.input_shape = (config.history, _RGB, *config.size)
        layers: list[nn.Module] = []
        for index in range(config.num_convs):
            in_channels, stride = (config.channels, 1) if index else (_RGB, config.downsample)
            kernel = _KERNEL[min(index, 1)]
            layers += [nn.Conv2d(in_channels, config.channels, kernel, stride, kernel // 2), nn.ReLU(inplace=True)]
        self.trunk = nn.Sequential(*layers)
        keep_variance(self.trunk)
        self.scores = nn.Conv2d(config.channels, config.num_slots + 1, kernel_size=1)
        bias = torch.zeros(config.num_slots + 1)
        bias[-1] = config.background_score
        with torch.no_grad():
            self.scores.weight.mul_(config.attention_gain)
            self.scores.weight[-1].zero_()  # the last one is the background
            self.scores.bias = nn.Parameter(bias)
        self.head = nn.Linear(2 * config.history + _RGB, config.slot_dim)
        self.register_buffer("grid", _grid(*(length // config.downsample for length in config.size)), persistent=False)

    def forward(
        self,
        pixels: Num[Tensor, "batch history channel height width"],
        noise: Float[Tensor, "batch slot noise"],
    ) -> Float[Tensor, "batch slot dim"]:
        """Encode windows of pictures.

        Args:
            pixels: bytes in 0..255 or floats in [0, 1], oldest picture first.
            noise: what `noise` returned; without effect.

        Raises:
            ValueError: when pictures or noise have another shape than the encoder was built for.
        """
        expected = (len(pixels), self.num_slots, 1)
        if tuple(noise.shape) != expected:
            fix = "Draw it with `noise` of this encoder."
            raise ValueError(explain(expected=f"noise of shape {expected}", got=tuple(noise.shape), fix=fix))
        with mixed_precision(pixels.device, enabled=False):  # a place is read to a tenth of a cell
            found = self.find(pixels)
            places = found.places.transpose(1, 2).flatten(2)
            slots: Tensor = self.head(torch.cat([places, found.colors.mean(1)], dim=-1))
        return slots

    def find(self, pixels: Num[Tensor, "batch history channel height width"]) -> Keypoints:
        """Find the things; arguments and errors as in `forward`."""
        if tuple(pixels.shape[1:]) != self.input_shape:
            got, fix = f"{tuple(pixels.shape)}", "Open the data set with this history and size, in colour."
            raise ValueError(explain(expected=f"windows of shape (batch, *{self.input_shape})", got=got, fix=fix))
        frames = pixels.flatten(0, 1)
        scaled = frames if frames.is_floating_point() else frames.to(self.head.weight.dtype) / 255
        scores = self.scores(self.trunk(scaled.contiguous(memory_format=torch.channels_last)))
        masks = scores.softmax(1)[:, :-1]
        weights = masks.flatten(2) + self.config.epsilon
        weights = weights / weights.sum(-1, keepdim=True)
        colors = functional.avg_pool2d(scaled, self.config.downsample).flatten(2).transpose(1, 2)
        parts = (weights @ self.grid, weights @ colors, masks)
        return Keypoints(*(part.unflatten(0, tuple(pixels.shape[:2])) for part in parts))

    def noise(self, batch_size: int, generator: Generator) -> Float[Tensor, "batch slot noise"]:
        """Return zeros: these slots are told apart by what is learned, and nothing is drawn."""
        del generator
        return torch.zeros(batch_size, self.num_slots, 1)


def _grid(height: int, width: int) -> Float[Tensor, "cell 2"]:
    """Return the middles of all cells, row by row, the topmost first."""
    x, y = ((2 * torch.arange(length) + 1) / length - 1 for length in (width, height))
    rows, columns = torch.meshgrid(-y, x, indexing="ij")
    return torch.stack([columns, rows], dim=-1).flatten(0, 1)
