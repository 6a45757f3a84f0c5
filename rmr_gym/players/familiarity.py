"""How often each byte of the memory had each of its values: what a player has seen, and what would be new to it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_NUM_VALUES = 256


class Familiarity:
    """Counts of the values of every byte of the memory in an episode.

    The novelty of a state is the mean over its bytes of 1 / sqrt(1 + count of the value). It needs no annotated bytes:
    clocks and random numbers, which take all values, add about the same to every state, and positions, rooms and levels
    tell states apart. The features are those of width-based search, "byte i has the value v"; there they prune, here
    they are worth something, more than nothing and less than any reward.

    Source: features as in Lipovetzky, Ramirez and Geffner 2015, "Classical planning with simulators: results on the
    Atari video games"; counting them is ours, after count-based exploration.

    Example:
        >>> seen = Familiarity(num_bytes=2)
        >>> seen.add(np.array([7, 1], np.uint8))
        >>> round(seen.novelty(np.array([7, 1], np.uint8)), 3), seen.novelty(np.array([8, 2], np.uint8))
        (0.707, 1.0)
    """

    def __init__(self, num_bytes: int = 128) -> None:
        self._offsets = np.arange(num_bytes) * _NUM_VALUES
        self._counts = np.zeros(num_bytes * _NUM_VALUES)
        self._worth = np.full(num_bytes * _NUM_VALUES, 1.0 / num_bytes)

    def add(self, ram: NDArray[np.uint8]) -> None:
        """Count a state, `(byte,)`."""
        at = self._offsets + ram
        self._counts[at] += 1
        self._worth[at] = 1.0 / (len(ram) * np.sqrt(1.0 + self._counts[at]))

    def novelty(self, ram: NDArray[np.uint8]) -> float:
        """Return a number in 0..1, 1 where every byte has a value that it never had before."""
        return float(self._worth.take(self._offsets + ram).sum())
