"""Abstract encoder: bits of memory to slots."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from rmr_gym.errors import explain

NUM_BITS = 8
"""Bits of a memory cell."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RamEncoderConfig:
    """Sizes of the abstract encoder."""

    num_slots: int = 128
    """Bytes of memory (the console has 128)."""

    slot_dim: int = 64
    """Width of a slot (paper, section 5)."""

    def __post_init__(self) -> None:
        if min(self.num_slots, self.slot_dim) < 1:
            raise ValueError(explain(expected="num_slots and slot_dim >= 1", got=self, fix="Raise the number."))

    def build(self) -> RamEncoder:
        """Build the encoder."""
        return RamEncoder(num_slots=self.num_slots, slot_dim=self.slot_dim)


class RamEncoder(nn.Module):
    """Linear map of each byte's bits, plus a learned identity per byte.

    `z = W x + U o + b`, where o is the one-hot address of the byte: `U o` picks a column of U.

    Source: paper, appendix F, equation 1.

    Args:
        num_slots: bytes of memory.
        slot_dim: width of a slot.

    Attributes:
        config: both sizes.
    """

    def __init__(self, *, num_slots: int, slot_dim: int) -> None:
        super().__init__()
        self.config = RamEncoderConfig(num_slots=num_slots, slot_dim=slot_dim)
        self.bits = nn.Linear(NUM_BITS, slot_dim)
        # Drawn like the other columns of one linear layer on the concatenation [x, o].
        bound = (NUM_BITS + num_slots) ** -0.5
        self.address = nn.Parameter(torch.empty(num_slots, slot_dim).uniform_(-bound, bound))

    def forward(self, bits: Float[Tensor, "batch slot 8"]) -> Float[Tensor, "batch slot dim"]:
        """Encode bits (0 or 1, most significant first)."""
        slots: Tensor = self.bits(bits) + self.address
        return slots
