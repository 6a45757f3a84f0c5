"""Slots to a picture: every slot paints one disc, at a place that is a linear map of the slot."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from rmr_gym.errors import explain
from rmr_gym.models.blocks import mixed_precision
from rmr_gym.models.decoders.decoded import Decoded

_RGB = 3
_DARK = 1.0  # how far below the middle the sigmoid of a colour starts: at 0.27 of full
_NEARLY_ZERO = 1e-6  # the distance has no gradient in the middle of a disc


@dataclass(frozen=True, kw_only=True, slots=True)
class DiscDecoderConfig:
    """Equal discs on black, whose place and colour are linear maps of the slots. ours, not the paper's.

    Lengths are in units of half a picture. The discs start wide and soft, so that a slot learns from pixels which its
    disc does not touch yet.
    """

    size: tuple[int, int] = (64, 64)
    """Height and width of the picture (paper, section 4)."""

    radius: float = 0.4
    """Radius that all discs start with; one number is learned for all."""

    edge: float = 0.2
    """Width of the edges at the start, learned as well."""

    separation: float = 0.1
    """How much nearer a disc must be to take e times as much of a pixel, at the start; learned as well."""

    def __post_init__(self) -> None:
        if min(self.size) < 1:
            raise ValueError(explain(expected="height and width >= 1", got=self.size, fix="Pass (64, 64)."))
        for name in ("radius", "edge", "separation"):
            if not 0 < getattr(self, name) < math.inf:
                fix = "Leave it out."
                raise ValueError(explain(expected=f"a finite {name} > 0", got=getattr(self, name), fix=fix))

    def build(self, input_dim: int) -> DiscDecoder:
        """Build the decoder for slots of a width."""
        return DiscDecoder(self, input_dim)


class DiscDecoder(nn.Module):
    """One disc per slot; every pixel is shared out by how near the middles of the discs are.

    It paints a world of balls in a hundredth of the operations of transposed convolutions, and learns to in some
    hundred updates, because how a disc looks is known to it. In return it can paint nothing else, and it asks for slots
    in which places are linear: what an encoder learns around it says less about what it would learn by itself.

    Source: ours.

    Args:
        config: size and starting values.
        input_dim: width of a slot.

    Attributes:
        config: what it was built from.
        input_dim: width of a slot.
    """

    x: Tensor
    y: Tensor

    def __init__(self, config: DiscDecoderConfig, input_dim: int) -> None:
        super().__init__()
        self.config, self.input_dim = config, input_dim
        self.place = nn.Linear(input_dim, 2)
        self.color = nn.Linear(input_dim, _RGB)
        for layer in (self.place, self.color):
            nn.init.normal_(layer.weight)
            nn.init.zeros_(layer.bias)
        nn.init.constant_(self.color.bias, -_DARK)
        starts = (config.radius, config.edge, config.separation)
        self.log_radius, self.log_edge, self.log_separation = (nn.Parameter(torch.tensor(math.log(v))) for v in starts)
        for name, length, sign in (("y", config.size[0], -1), ("x", config.size[1], 1)):
            middles = sign * ((2 * torch.arange(length) + 1) / length - 1)
            self.register_buffer(name, middles, persistent=False)

    def forward(self, slots: Float[Tensor, "batch slot dim"]) -> Decoded:
        """Paint a picture.

        Args:
            slots: predicted slots.

        Returns:
            The picture in [0, 1]; masks that sum to 1 over the slots in each pixel; the colours of each slot, black
            outside of its disc.
        """
        with mixed_precision(slots.device, enabled=False):  # edges are a fraction of a pixel wide
            # Large weights on small numbers: a step of Adam, equally large for each of many weights, would throw the
            # discs about and their colours into the flat ends of the sigmoid.
            slots = slots.to(self.place.weight.dtype) / math.sqrt(self.input_dim)
            x, y = self.place(slots).unsqueeze(-2).unbind(-1)
            squared = (self.y - y).square()[..., :, None] + (self.x - x).square()[..., None, :]
            distance = (squared + _NEARLY_ZERO).sqrt()
            disc = ((self.log_radius.exp() - distance) / self.log_edge.exp()).sigmoid()
            masks = (-distance / self.log_separation.exp()).softmax(dim=1)
            color = self.color(slots).sigmoid()
            image = torch.einsum("bsc,bshw->bchw", color, masks * disc)  # not from the layers, which are three times it
            return Decoded(image, masks, color[..., None, None] * disc.unsqueeze(2))
