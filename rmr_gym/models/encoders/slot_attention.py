"""Windows of pictures to slots: Slot Attention on each frame, joined slot by slot."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

import torch
from jaxtyping import Float, Num
from torch import Generator, Tensor, nn

from rmr_gym.errors import explain
from rmr_gym.models.blocks import keep_variance, mixed_precision, perceptron
from rmr_gym.models.encoders.slot_attention_module import Attended, SlotAttention
from rmr_gym.models.interfaces import VideoEncoder
from rmr_gym.models.position import PositionEmbedding

SlotInitialisation = Literal["shared_noise", "learned"]

_RGB, _KERNEL = 3, 5


@dataclass(frozen=True, kw_only=True, slots=True)
class SlotAttentionConfig:
    """Convolutions, Slot Attention per frame, and one linear layer on the slots of all frames."""

    size: tuple[int, int] = (64, 64)
    """Height and width of the pictures (paper, section 4)."""

    history: int = 3
    """Pictures in a window (paper, section 4)."""

    num_slots: int = 10
    """Slots, one per ball. ours: the paper gives none; with 11 one is left for the background."""

    slot_dim: int = 128
    """Width of a slot as the processor sees it; must be the width of the processor (paper, appendix A)."""

    channels: int = 32
    """Width of the convolutions and of the cells. ours: the paper gives none; Slot Attention has 64, its sibling for
    video at 64x64 has 32."""

    num_convs: int = 4
    """Convolutions of 5x5 with ReLU (Slot Attention; the paper gives none)."""

    downsample: int = 1
    """Stride of the first convolution: 1 attends to every pixel as Slot Attention does, 2 or 4 to every fourth or
    sixteenth, at nearly as much less cost. ours."""

    slot_size: int = 64
    """Width of a slot of one frame (Slot Attention; the paper gives none)."""

    hidden_dim: int = 128
    """Width of the hidden layer of the residual perceptron (Slot Attention; the paper gives none)."""

    iterations: int = 3
    """Rounds of attention per frame (Slot Attention; the paper gives none)."""

    attention_gain: float = 1.0
    """Factor on the initial weights of queries and keys; 1 starts with attention that is almost even. ours, for short
    runs: 5. Trained to give the true positions (learned initial slots, batches of 8, learning rate 1e-3), the encoder
    does not leave the mean after 150 updates with a gain of 1, and has 13 % of its error with 5."""

    epsilon: float = 1e-8
    """Added to the attention before it is normalised over the cells (Slot Attention)."""

    initialisation: SlotInitialisation = "shared_noise"
    """Where the slots start. "shared_noise": at `mu + exp(log_sigma) * noise`, with one draw of the noise for all
    frames of a window, so that slot k has a chance to be the same ball in each; "learned": at one learned vector per
    slot, which makes the slots of all windows distinguishable. ours: the paper gives none."""

    chain_frames: bool = False
    """Whether the slots of a frame start where those of the frame before ended, as in SAVi without its predictor. ours:
    the paper gives none."""

    def __post_init__(self) -> None:
        sizes = (self.history, self.num_slots, self.slot_dim, self.channels, self.num_convs)
        if min(*self.size, *sizes, self.slot_size, self.hidden_dim, self.iterations) < 1:
            expected = "sizes, counts and widths >= 1"
            raise ValueError(explain(expected=expected, got=self, fix="Raise the number."))
        if self.downsample not in (1, 2, 4) or any(length % self.downsample for length in self.size):
            expected = f"a downsample of 1, 2 or 4 that divides the size {self.size}"
            raise ValueError(explain(expected=expected, got=self.downsample, fix="Pass 1."))
        if not 0 < self.attention_gain < math.inf:
            expected = "a finite attention_gain > 0"
            raise ValueError(explain(expected=expected, got=self.attention_gain, fix="Pass 1."))
        if not self.epsilon > 0:
            raise ValueError(explain(expected="epsilon > 0", got=self.epsilon, fix="Pass 1e-8."))
        if self.initialisation not in get_args(SlotInitialisation):
            fix = f"Choose one of {', '.join(get_args(SlotInitialisation))}."
            raise ValueError(explain(expected="a known initialisation", got=self.initialisation, fix=fix))

    def build(self) -> SlotAttentionEncoder:
        """Build the encoder."""
        return SlotAttentionEncoder(self)


class FrameSlots(NamedTuple):
    """Slots of each frame of a window, and the share of each cell that they took in its last iteration."""

    slots: Float[Tensor, "batch history slot dim"]
    masks: Float[Tensor, "batch history slot height width"]


class SlotAttentionEncoder(VideoEncoder):
    """The same convolutions and the same Slot Attention on each frame; the slots of all frames joined slot by slot.

    Joining by index means something only while slot k follows one object through the window. Slot Attention itself
    does not care for the order, so the frames start from the same slots; the slots of a window are then equivariant
    to permutations of its noise.

    Source: paper, section 4 and appendix A ("concatenated slot-wise"); Locatello et al. 2020.
    """

    config: SlotAttentionConfig

    def __init__(self, config: SlotAttentionConfig) -> None:
        super().__init__()
        self.config = config
        self.num_slots, self.slot_dim = config.num_slots, config.slot_dim
        self.input_shape = (config.history, _RGB, *config.size)
        layers: list[nn.Module] = []
        for index in range(config.num_convs):
            in_channels, stride = (config.channels, 1) if index else (_RGB, config.downsample)
            layers += [nn.Conv2d(in_channels, config.channels, _KERNEL, stride, _KERNEL // 2), nn.ReLU(inplace=True)]
        self.trunk = nn.Sequential(*layers)
        height, width = (length // config.downsample for length in config.size)
        keep_variance(self.trunk)
        self.position = PositionEmbedding(channels=config.channels, size=(height, width))
        self.cells = nn.Sequential(nn.LayerNorm(config.channels), *perceptron([config.channels] * 3))
        self.attention = SlotAttention(
            input_dim=config.channels,
            slot_size=config.slot_size,
            hidden_dim=config.hidden_dim,
            iterations=config.iterations,
            epsilon=config.epsilon,
        )
        with torch.no_grad():
            self.attention.query.weight.mul_(config.attention_gain)
            self.attention.key.weight.mul_(config.attention_gain)
        if config.initialisation == "learned":
            self.initial = nn.Parameter(torch.randn(config.num_slots, config.slot_size))
        else:
            self.mu = nn.Parameter(nn.init.xavier_uniform_(torch.empty(1, config.slot_size)))
            self.log_sigma = nn.Parameter(nn.init.xavier_uniform_(torch.empty(1, config.slot_size)))
        self.head = nn.Linear(config.history * config.slot_size, config.slot_dim)

    def forward(
        self,
        pixels: Num[Tensor, "batch history channel height width"],
        noise: Float[Tensor, "batch slot noise"],
    ) -> Float[Tensor, "batch slot dim"]:
        """Encode windows of pictures.

        Args:
            pixels: bytes in 0..255 or floats in [0, 1], oldest picture first.
            noise: what `noise` drew; without effect on learned initial slots.

        Raises:
            ValueError: when pictures or noise have another shape than the encoder was built for.
        """
        per_frame = self.attend(pixels, noise).slots
        slots: Tensor = self.head(per_frame.transpose(1, 2).flatten(2))
        return slots

    def attend(
        self,
        pixels: Num[Tensor, "batch history channel height width"],
        noise: Float[Tensor, "batch slot noise"],
    ) -> FrameSlots:
        """Find the slots of each frame, and what they attend to; arguments and errors as in `forward`.

        Returns:
            Slots, and attention masks at the resolution of the cells, which sum to 1 over the slots.
        """
        self._check(pixels, noise)
        batch, history = pixels.shape[:2]
        maps = self._features(pixels.flatten(0, 1))
        cells = self.cells(maps.permute(0, 2, 3, 1).flatten(1, 2))
        with mixed_precision(cells.device, enabled=False):  # thousands of cells are normalised and averaged
            cells = cells.to(self.head.weight.dtype).unflatten(0, (batch, history))
            slots, attention = self._follow(cells, self._start(noise.to(cells)))
        return FrameSlots(slots, attention.view(*attention.shape[:3], *maps.shape[2:]))

    def noise(self, batch_size: int, generator: Generator) -> Float[Tensor, "batch slot noise"]:
        """Draw standard normal noise, one vector per slot of each window, shared by its frames."""
        return torch.randn(batch_size, self.num_slots, self.config.slot_size, generator=generator)

    def _features(self, frames: Tensor) -> Tensor:
        scaled = frames if frames.is_floating_point() else frames.to(self.head.weight.dtype) / 255
        # Cells come out next to each other in memory, as the attention reads them.
        return self.position(self.trunk(scaled.contiguous(memory_format=torch.channels_last)))  # type: ignore[no-any-return]

    def _start(self, noise: Tensor) -> Tensor:
        if self.config.initialisation == "learned":
            return self.initial.expand(len(noise), -1, -1)
        return self.mu + self.log_sigma.exp() * noise

    def _follow(self, cells: Tensor, start: Tensor) -> tuple[Tensor, Tensor]:
        """Return slots and attention of all frames, with an axis for the frames behind the batch."""
        batch, history = cells.shape[:2]
        if not self.config.chain_frames:
            found = self.attention(cells.flatten(0, 1), start.repeat_interleave(history, dim=0))
            return found.slots.unflatten(0, (batch, history)), found.attention.unflatten(0, (batch, history))
        frames: list[Attended] = []
        for frame in cells.unbind(1):
            frames.append(self.attention(frame, frames[-1].slots if frames else start))
        return torch.stack([found.slots for found in frames], 1), torch.stack([found.attention for found in frames], 1)

    def _check(self, pixels: Tensor, noise: Tensor) -> None:
        if tuple(pixels.shape[1:]) != self.input_shape:
            got, fix = f"{tuple(pixels.shape)}", "Open the data set with this history and size, in colour."
            raise ValueError(explain(expected=f"windows of shape (batch, *{self.input_shape})", got=got, fix=fix))
        expected = (len(pixels), self.num_slots, self.config.slot_size)
        if tuple(noise.shape) != expected:
            fix = "Draw it with `noise` of this encoder."
            raise ValueError(explain(expected=f"noise of shape {expected}", got=tuple(noise.shape), fix=fix))
