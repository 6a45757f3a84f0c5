"""Slots to a picture: every slot paints its own layer, and the layers are mixed."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from rmr_gym.errors import explain
from rmr_gym.models.blocks import keep_variance, mixed_precision
from rmr_gym.models.decoders.decoded import Decoded
from rmr_gym.models.position import PositionEmbedding

_RGB, _KERNEL, _GRID = 3, 5, 8
_DARK = 2.0  # how far below the middle the sigmoid of a colour starts: at 0.12 of full


@dataclass(frozen=True, kw_only=True, slots=True)
class BroadcastDecoderConfig:
    """Transposed convolutions on slots that were copied to every cell of an 8x8 grid."""

    size: tuple[int, int] = (64, 64)
    """Height and width of the picture (paper, section 4)."""

    channels: int = 64
    """Width of the transposed convolutions (Slot Attention; the paper gives none)."""

    strides: tuple[int, ...] = (2, 2, 2, 1, 1)
    """Stride of each transposed convolution of 5x5; the paper has five (appendix A). Their product takes the 8x8 grid
    to the size. ours: the order is that of the sibling of Slot Attention for video; (1, 1, 2, 2, 2) keeps the layers of
    stride 1 on the small grid and needs six times fewer products."""

    bounded_colors: bool = False
    """Whether colours go through a sigmoid that starts dark. Slot Attention leaves them linear, and the paper says
    nothing. ours, for short runs: with linear colours and given the true positions, 200 updates of 8 pictures do not
    get past a black picture; with the sigmoid 150 take the error to half of it."""

    def __post_init__(self) -> None:
        if self.channels < 1:
            raise ValueError(explain(expected="channels >= 1", got=self.channels, fix="Pass 64."))
        if not self.strides or min(self.strides) < 1:
            raise ValueError(explain(expected="strides >= 1", got=self.strides, fix="Pass (2, 2, 2, 1, 1)."))
        length = _GRID * math.prod(self.strides)
        if self.size != (length, length):
            fix = f"Choose strides whose product times {_GRID} is height and width."
            expected = f"the size {(length, length)} that the strides {self.strides} lead to"
            raise ValueError(explain(expected=expected, got=self.size, fix=fix))

    def build(self, input_dim: int) -> BroadcastDecoder:
        """Build the decoder for slots of a width."""
        return BroadcastDecoder(self, input_dim)


class BroadcastDecoder(nn.Module):
    """Spatial broadcast decoder with one colour and one opacity per slot and pixel, `g~` of the paper's bouncing balls.

    A slot is copied to every cell of a small grid, the position of the cell is added, and transposed convolutions
    paint the layer. The opacities are softmax-normalised over the slots, so that every pixel is shared out. Slots
    narrower than the convolutions first go through a linear layer to `channels`, since a position added to two
    coordinates could not be told from them.

    Source: paper, appendix A ("5 transposed convolutions and a linear layer"); Watters et al. 2019.

    Args:
        config: widths and strides.
        input_dim: width of a slot.

    Attributes:
        config: what it was built from.
        input_dim: width of a slot.
    """

    def __init__(self, config: BroadcastDecoderConfig, input_dim: int) -> None:
        super().__init__()
        self.config, self.input_dim = config, input_dim
        width = max(input_dim, config.channels)
        self.lift = nn.Linear(input_dim, width) if input_dim < width else nn.Identity()
        self.position = PositionEmbedding(channels=width, size=(_GRID, _GRID))
        layers: list[nn.Module] = []
        for stride in config.strides:
            # The padding makes the output exactly `stride` times as large as the input.
            layers.append(nn.ConvTranspose2d(width, config.channels, _KERNEL, stride, _KERNEL // 2, stride - 1))
            layers.append(nn.ReLU(inplace=True))  # the maps of all slots are what takes the memory
            width = config.channels
        self.trunk = nn.Sequential(*layers)
        keep_variance(self.trunk)
        self.readout = nn.Conv2d(width, _RGB + 1, kernel_size=1)

    def forward(self, slots: Float[Tensor, "batch slot dim"]) -> Decoded:
        """Paint a picture.

        Args:
            slots: predicted slots.

        Returns:
            The picture in the range of the training pictures, [0, 1], but not clipped to it; masks that sum to 1 over
            the slots in each pixel; the colours of each slot.
        """
        batch, num_slots, _ = slots.shape
        cells = self.lift(slots).flatten(0, 1)[..., None, None].expand(-1, -1, _GRID, _GRID)
        layers = self.trunk(self.position(cells).contiguous(memory_format=torch.channels_last))
        with mixed_precision(layers.device, enabled=False):  # opacities near 0 and 1 and small errors of colour count
            painted = self.readout(layers.to(self.readout.weight.dtype)).unflatten(0, (batch, num_slots))
            colors, logits = painted[:, :, :_RGB], painted[:, :, _RGB]
            if self.config.bounded_colors:
                colors = (colors - _DARK).sigmoid()
            masks = logits.softmax(dim=1)
            image = (masks.unsqueeze(2) * colors).sum(1)
        return Decoded(image, masks, colors)
