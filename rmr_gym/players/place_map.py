"""A map of the places that a player knows, and how interesting each of them is."""

from __future__ import annotations

import heapq
import itertools
import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rmr_gym.players.places import PlaceBytes

_FADING = 0.95
"""Share of the interest in a place that the places next to it have (ours, measured)."""

_AIMED = 0.5
"""What having aimed at a place counts beside a visit, so that nobody runs for ever against what it cannot pass, or
waits in front of it (ours, measured)."""

_UNPROVEN = 5
"""Moments at the end of a walk that are not taken for reached alive: who falls dies when the fall is over (ours)."""


class PlaceMap:
    """Places, how often each was visited, and which lead to which.

    A place is interesting by 1 / sqrt(1 + visits), or because it leads to such a place, by so much less as that is
    farther away. Without the second, who has seen all that is near would have no reason to go anywhere in particular.

    Source: ours. Counts as in count-based exploration; places are the cells with domain knowledge of Ecoffet et al.
    2021, "First return, then explore", from where one can see the most return to places by loading a state, and here
    nobody can.

    Args:
        place: the bytes that make a place.

    Example:
        >>> known = PlaceMap(PlaceBytes(position=(0,), sizes=(1,)))
        >>> here, there, beyond = (np.array([x], np.uint8) for x in (3, 4, 5))
        >>> for _ in range(3):
        ...     known.visit(here)
        ...     known.visit(there)
        >>> known.connect([here, there, beyond, *[beyond] * 5])
        >>> known.survey()
        >>> [round(known.interest(ram), 4) for ram in (here, there, beyond)]
        [0.9025, 0.95, 1.0]
    """

    def __init__(self, place: PlaceBytes) -> None:
        self._exact = np.array((*place.room, *place.carried), dtype=np.intp)
        self._position = np.array(place.position, dtype=np.intp)
        self._sizes = np.array(place.cell_sizes, dtype=np.uint8)
        self._visits: Counter[bytes] = Counter()
        self._aims: Counter[bytes] = Counter()
        self._origins: dict[bytes, set[bytes]] = {}
        self._interest: dict[bytes, float] = {}
        self._here: bytes | None = None

    def visit(self, ram: NDArray[np.uint8]) -> None:
        """Count where the player is, `(byte,)`."""
        self._here = self._cell(ram)
        self._visits[self._here] += 1

    def connect(self, walk: Sequence[NDArray[np.uint8]]) -> None:
        """Learn which places lead to which, from moments one after the other, the last of which was reached alive."""
        cells = [self._cell(ram) for ram in walk[: max(0, len(walk) - _UNPROVEN)]]
        for origin, cell in itertools.pairwise(cells):
            if origin != cell:
                self._origins.setdefault(cell, set()).add(origin)

    def survey(self) -> None:
        """Work out how interesting all places are by now, and take note of which one is aimed at from here."""
        interest = {cell: self._newness(cell) for cell in self._known()}
        goals = {cell: cell for cell in interest}
        waiting = [(-worth, cell) for cell, worth in interest.items()]
        heapq.heapify(waiting)
        while waiting:  # Dijkstra's algorithm, from the most interesting places backwards
            negative, cell = heapq.heappop(waiting)
            worth = -_FADING * negative
            if -negative < interest[cell]:
                continue  # another way made it more interesting in the meantime
            for origin in self._origins.get(cell, ()):
                if worth > interest[origin]:
                    interest[origin], goals[origin] = worth, goals[cell]
                    heapq.heappush(waiting, (-worth, origin))
        self._interest = interest
        if self._here is not None:
            self._aims[goals[self._here]] += 1

    def interest(self, ram: NDArray[np.uint8]) -> float:
        """Return a number in 0..1, as of the last survey; 1 for a place that nobody has heard of."""
        cell = self._cell(ram)
        known = self._interest.get(cell)
        return self._newness(cell) if known is None else known

    def _known(self) -> set[bytes]:
        origins = (origin for origins in self._origins.values() for origin in origins)
        return {*self._visits, *self._origins, *origins}

    def _newness(self, cell: bytes) -> float:
        return 1 / math.sqrt(1 + self._visits[cell] + _AIMED * self._aims[cell])

    def _cell(self, ram: NDArray[np.uint8]) -> bytes:
        return ram[self._exact].tobytes() + (ram[self._position] // self._sizes).tobytes()
