"""How often each byte of the memory had each of its values: what a player has seen, and what would be new."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rmr_gym.envs.games import NUM_RAM_BYTES
from rmr_gym.players.place_map import PlaceMap
from rmr_gym.players.places import PlaceBytes

_NUM_VALUES = 256

_SHIFT, _COARSE = 4, 0.75
"""Values that agree but for their last four bits count as alike, with this weight; exact ones with the rest. A place
nearby is less new than one far away, and the neighbours of what was seen are no goals (ours)."""

_PLACES = 0.75
"""Weight of how interesting the place is, where one knows which bytes say it; the bytes have the rest (ours,
measured)."""


class Familiarity:
    """Counts of the values of every byte of the memory in an episode.

    The novelty of a state is the mean of 1 / sqrt(1 + count of the value), and of values like it, over those bytes that
    actions have a hold on: that were seen to differ after different actions. So it needs no annotated bytes and is not
    distracted by clocks and by what moves by itself. The features are those of width-based search, "byte i has the
    value v"; there they prune, here they are worth something, more than nothing and less than any reward.

    But two values that were seen, each at its time, are nothing new together. Where somebody knows which bytes tell
    where the player is, it keeps a map of the places, and most of the novelty is how interesting the place is.

    Source: features as in Lipovetzky, Ramirez and Geffner 2015, "Classical planning with simulators: results on the
    Atari video games"; counting them is ours, after count-based exploration, and so is asking which bytes matter.

    Args:
        num_bytes: size of the memory.
        place: the bytes that say where the player is, None where nobody knows.

    Example:
        >>> seen = Familiarity(num_bytes=2)
        >>> seen.compare(np.array([7, 1], np.uint8), np.array([8, 1], np.uint8))
        >>> seen.add(np.array([7, 1], np.uint8))
        >>> [round(seen.novelty(np.array([value, 1], np.uint8)), 2) for value in (7, 8, 77)]
        [0.71, 0.78, 1.0]
    """

    def __init__(self, num_bytes: int = NUM_RAM_BYTES, *, place: PlaceBytes | None = None) -> None:
        self.places = None if place is None else PlaceMap(place)
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
        if self.places is not None:
            self.places.visit(ram)

    def compare(self, ram: NDArray[np.uint8], other: NDArray[np.uint8]) -> None:
        """Learn which bytes matter, from two states to which different actions led at the same time."""
        differs = ram != other
        if (differs > self._matters).any():
            self._matters |= differs
            self._share = self._matters / self._matters.sum()

    def novelty(self, ram: NDArray[np.uint8]) -> float:
        """Return a number in 0..1, 1 where every byte that matters has a value, and the place, that was never seen."""
        coarse = self._worth[0].take(self._offsets + (ram >> _SHIFT)).dot(self._share)
        fine = self._worth[1].take(self._offsets + ram).dot(self._share)
        of_bytes = float(_COARSE * coarse + (1 - _COARSE) * fine)
        if self.places is None:
            return of_bytes
        return _PLACES * self.places.interest(ram) + (1 - _PLACES) * of_bytes
