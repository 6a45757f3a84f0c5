"""The forms in which RAM is given to users."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from rmr_gym.envs.games import NUM_RAM_BYTES

RamFormat = Literal["bytes", "bits", "float"]
"""uint8 `(128,)`; uint8 `(1024,)` of 0 and 1, most significant bit first; float32 `(128,)` in 0..1."""


def ram_space(ram_format: RamFormat) -> spaces.Box:
    """Return the space of RAM in a format.

    Example:
        >>> ram_space("bits")
        Box(0, 1, (1024,), uint8)
    """
    if ram_format == "bits":
        return spaces.Box(0, 1, (8 * NUM_RAM_BYTES,), np.uint8)
    if ram_format == "float":
        return spaces.Box(0.0, 1.0, (NUM_RAM_BYTES,), np.float32)
    return spaces.Box(0, 255, (NUM_RAM_BYTES,), np.uint8)


def encode_ram(ram: NDArray[np.uint8], ram_format: RamFormat) -> NDArray[Any]:
    """Return RAM in a format, always as a new array.

    Args:
        ram: uint8 `(128,)`.
        ram_format: see `RamFormat`.

    Returns:
        An array of the space `ram_space(ram_format)`.

    Example:
        >>> encode_ram(np.array([3], dtype=np.uint8), "bits")
        array([0, 0, 0, 0, 0, 0, 1, 1], dtype=uint8)
    """
    if ram_format == "bits":
        return np.unpackbits(ram)
    if ram_format == "float":
        return ram.astype(np.float32) / np.float32(255)
    return ram.copy()
