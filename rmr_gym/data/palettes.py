"""From colours back to the palette indices that were recorded."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rmr_gym.errors import explain

_NONE = 0xFFFF
_PLACES = np.array([1 << 16, 1 << 8, 1], dtype=np.uint32)


class ColourIndex:
    """Finds the palette index of a colour; of several with the same colour the lowest, which is the console's own.

    Args:
        palette: RGB colours, uint8 `(256, 3)`.

    Example:
        >>> palette = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)
        >>> ColourIndex(palette).indices(palette[[[7, 200]]]).tolist()
        [[7, 200]]
    """

    def __init__(self, palette: NDArray[np.uint8]) -> None:
        self._table = np.full(1 << 24, _NONE, dtype=np.uint16)
        codes = palette.astype(np.uint32) @ _PLACES
        self._table[codes[::-1]] = np.arange(len(codes), dtype=np.uint16)[::-1]  # the last one written stays

    def indices(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Translate pictures.

        Args:
            pixels: RGB colours, `(..., 3)`.

        Returns:
            Indices, uint8 `(...)`.

        Raises:
            ValueError: when a colour is not in the palette.
        """
        found = np.empty(pixels.shape[:-1], dtype=np.uint16)
        for row, picture in enumerate(pixels):  # one at a time: the codes take four times the room
            found[row] = self._table[picture.astype(np.uint32) @ _PLACES]
        if (found == _NONE).any():
            raise ValueError(
                explain(
                    expected="the colours of the console's palette",
                    got="others: the pictures were changed after they were recorded",
                    fix="Record them in RGB, without JPEG and without resizing.",
                )
            )
        return found.astype(np.uint8)
