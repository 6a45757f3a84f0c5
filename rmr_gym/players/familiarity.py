"""How often each byte of the memory had each of its values: what a player has seen, and what would be new."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_NUM_VALUES = 256

_SHIFT, _COARSE = 4, 0.75
"""Values that agree but for their last four bits count as alike, with this weight; exact ones with the rest. A place
nearby is less new than one far away, and the neighbours of what was seen are no goals (ours)."""


class Familiarity:
    """Counts of the values of every byte of the memory in an episode.

    The novelty of a state is the mean of 1 / sqrt(1 + count of the value), and of values like it, over those bytes that
    actions have a hold on: that were seen to differ after different actions. So it needs no annotated bytes and is not
    distracted by clocks and by what moves by itself. The features are those of width-based search, "byte i has the
    value v"; there they prune, here they are worth something, more than nothing and less than any reward.

    Source: features as in Lipovetzky, Ramirez and Geffner 2015, "Classical planning with simulators: results on the
    Atari video games"; counting them is ours, after count-based exploration, and so is asking which bytes matter.

    Example:
        >>> seen = Familiarity(num_bytes=2)
        >>> seen.compare(np.array([7, 1], np.uint8), np.array([8, 1], np.uint8))
        >>> seen.add(np.array([7, 1], np.uint8))
        >>> [round(seen.novelty(np.array([value, 1], np.uint8)), 2) for value in (7, 8, 77)]
        [0.71, 0.78, 1.0]
    """

    def __init__(self, num_bytes: int = 128) -> None:
        self._offsets = np.arange(num_bytes) * _NUM_VALUES
        self._counts = np.zeros((2, num_bytes * _NUM_VALUES))
        self._worth = np.ones((2, num_bytes * _NUM_VALUES))
        self._matters = np.zeros(num_bytes, dtype=bool)
        self._share = np.zeros(num_bytes)

    def add(self, ram: NDArray[np.uint8]) -> None:
        """Count a state, `(byte,)`."""
        for fine, at in enumerate((self._offsets + (ram >> _SHIFT), self._offsets + ram)):
            self._counts[fine, at] += 1
            self._worth[fine, at] = 1.0 / np.sqrt(1.0 + self._counts[fine, at])

    def compare(self, ram: NDArray[np.uint8], other: NDArray[np.uint8]) -> None:
        """Learn which bytes matter, from two states to which different actions led at the same time."""
        differs = ram != other
        if (differs > self._matters).any():
            self._matters |= differs
            self._share = self._matters / self._matters.sum()

    def novelty(self, ram: NDArray[np.uint8]) -> float:
        """Return a number in 0..1, 1 where every byte that matters has a value that it never had before."""
        coarse = self._worth[0].take(self._offsets + (ram >> _SHIFT)).dot(self._share)
        fine = self._worth[1].take(self._offsets + ram).dot(self._share)
        return float(_COARSE * coarse + (1 - _COARSE) * fine)
