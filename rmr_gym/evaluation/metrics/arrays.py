"""Checks of the arrays that every metric takes."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Shaped

from rmr_gym.errors import explain


def as_bits(values: Shaped[np.ndarray, "..."], name: str) -> Bool[np.ndarray, "..."]:
    """Return an array of zeros and ones as booleans.

    Args:
        values: booleans, or numbers that are all 0 or 1; probabilities are refused. A boolean array is not copied.
        name: what the array is, for the message.

    Returns:
        Booleans of the same shape.

    Raises:
        ValueError: when the array is empty or holds anything but 0 and 1.
    """
    if values.size == 0:
        raise ValueError(
            explain(
                expected=f"{name} of at least one frame and one bit",
                got=f"shape {values.shape}",
                fix="Give more frames, or a lower entropy threshold so that some slots are kept.",
            )
        )
    if values.dtype == np.bool_:
        return values
    bits = values.astype(np.bool_)
    if not np.array_equal(bits, values):
        raise ValueError(
            explain(
                expected=f"{name} to be 0 or 1",
                got=f"{values.dtype} values from {values.min()} to {values.max()}",
                fix="Threshold probabilities at 0.5; unpack bytes with target_bits.",
            )
        )
    return bits


def check_same_shape(first: Shaped[np.ndarray, "..."], second: Shaped[np.ndarray, "..."], names: str) -> None:
    """Refuse arrays of different shapes, which numpy would broadcast without a word.

    Raises:
        ValueError: when the shapes differ.
    """
    if first.shape != second.shape:
        raise ValueError(
            explain(
                expected=f"{names} of one shape",
                got=f"{first.shape} and {second.shape}",
                fix="Select the same frames and slots in both.",
            )
        )
