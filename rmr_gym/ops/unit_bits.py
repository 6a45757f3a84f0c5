"""Where the ReLUs of a layer were open, as one bit per unit."""

from __future__ import annotations

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

# Eight bytes of 0 or 1, seen as one word: the product gathers them in its highest byte, byte i as bit i.
_GATHER = 0x0102040810204080
_REPEAT = 0x0101010101010101
_BIT_OF_ITS_BYTE = 0x8040201008040201 - (1 << 64)  # bit i of byte i, as a signed number

_WORD = {2: torch.int16, 4: torch.int32, 8: torch.int64}  # by the bytes of a number


def pack_open_(layer: Float[Tensor, "sample receiver sender width"]) -> UInt8[Tensor, "sample receiver byte"]:
    """Tell which units of a layer are positive, and destroy the layer.

    A number is positive exactly where its bytes, read as an integer, are above 0. That makes one pass of what would be
    several: PyTorch does not vectorise conversions to bool, nor those from float32 to bytes.

    Args:
        layer: after its ReLU; sender times width is a multiple of 8.
    """
    words = layer.view(_WORD[layer.element_size()]).clamp_(0, 1)
    flags = words.to(torch.uint8).flatten(2)
    return flags.view(torch.int64).mul_(_GATHER).bitwise_right_shift_(56).to(torch.uint8)


def unpack_open(
    bits: UInt8[Tensor, "sample receiver byte"], width: int, dtype: torch.dtype
) -> Float[Tensor, "sample receiver sender width"]:
    """Return 1 where a unit was positive and 0 elsewhere."""
    words = bits.to(torch.int64).mul_(_REPEAT).bitwise_and_(_BIT_OF_ITS_BYTE)
    return words.view(torch.uint8).clamp_(max=1).view(*bits.shape[:2], -1, width).to(dtype)
