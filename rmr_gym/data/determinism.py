"""Whether the same memory and the same action always led to the same memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, kw_only=True, slots=True)
class RepeatedPairs:
    """What followed on pairs of memory and action that occur more than once."""

    num_pairs: int
    """Different pairs of RAM and action."""

    num_repeated: int
    """Of these, pairs that occur in two or more transitions."""

    num_ambiguous: int
    """Of these, pairs after which the RAM was not the same every time."""

    @property
    def unique_fraction(self) -> float | None:
        """Share of the repeated pairs with one and the same next RAM, in 0..1; None where nothing repeats."""
        return 1 - self.num_ambiguous / self.num_repeated if self.num_repeated else None


def count_repeated_pairs(ram: NDArray[np.uint8], actions: ArrayLike, next_ram: NDArray[np.uint8]) -> RepeatedPairs:
    """Group transitions by RAM and action, and count the groups in which the next RAM differs.

    The 128 bytes are not the whole state of the console: registers of its chips and the switches of some cartridges lie
    outside. A pair with two outcomes is therefore no error of the recording, which `replay` finds, but a limit to what
    any model of the RAM can predict.

    Args:
        ram: memory before, `(transition, 128)`.
        actions: ALE action values, `(transition,)`.
        next_ram: memory after, `(transition, 128)`.

    Example:
        >>> ram, after = np.zeros((4, 128), np.uint8), np.zeros((4, 128), np.uint8)
        >>> after[1] = 1
        >>> count_repeated_pairs(ram, [0, 0, 5, 7], after)
        RepeatedPairs(num_pairs=3, num_repeated=1, num_ambiguous=1)
    """
    pairs = np.concatenate([ram, np.asarray(actions).astype(np.uint8)[:, None]], axis=1)
    _, pair = np.unique(as_keys(pairs), return_inverse=True)
    _, outcome = np.unique(as_keys(next_ram), return_inverse=True)
    num_pairs = int(pair.max(initial=-1)) + 1
    occurrences = np.bincount(pair, minlength=num_pairs)
    different = np.unique(np.stack([pair, outcome], axis=1), axis=0)[:, 0]
    outcomes = np.bincount(different, minlength=num_pairs)
    return RepeatedPairs(
        num_pairs=num_pairs,
        num_repeated=int((occurrences > 1).sum()),
        num_ambiguous=int((outcomes > 1).sum()),
    )


def as_keys(rows: NDArray[np.uint8]) -> NDArray[Any]:
    """View each row of bytes as one value that can be sorted and compared, `(row,)`."""
    rows = np.ascontiguousarray(rows)
    keys: NDArray[Any] = rows.view(np.dtype((np.void, rows.shape[1]))).reshape(-1)
    return keys
