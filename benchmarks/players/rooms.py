"""How many rooms of a game were seen, by the bytes that tell them apart."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rmr_gym.players import place_bytes


def rooms_seen(game: str, ram: NDArray[np.uint8], *, least_steps: int = 2) -> int | None:
    """Count the different rooms of some episodes, None in games without.

    Args:
        game: rom id.
        ram: memory, `(frame, 128)`.
        least_steps: frames that a room must be seen in: numbers in between are those of no room.

    Example:
        >>> ram = np.zeros((6, 128), np.uint8)
        >>> ram[2:, 1] = 196
        >>> rooms_seen("pitfall", ram), rooms_seen("pong", ram)
        (2, None)
    """
    place = place_bytes(game)
    if place is None:
        return None
    _, counts = np.unique(ram[:, place.room], axis=0, return_counts=True)
    return int((counts >= least_steps).sum())
