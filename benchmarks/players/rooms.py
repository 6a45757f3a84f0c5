"""How many rooms of a game were seen, by the bytes that tell them apart."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

ROOM_BYTES: dict[str, tuple[int, ...]] = {
    "hero": (117, 28),
    "montezuma_revenge": (57, 3),
    "pitfall": (1,),
    "venture": (90,),
}
"""Bytes that together number the room or the level: those called room and level in the annotated variables of the
package (after AtariARI); in Pitfall, which has none there, the random number from which a scene is made."""


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
    if game not in ROOM_BYTES:
        return None
    _, counts = np.unique(ram[:, ROOM_BYTES[game]], axis=0, return_counts=True)
    return int((counts >= least_steps).sum())
