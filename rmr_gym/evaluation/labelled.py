"""Encoded frames with the memory behind them, and which of them to label."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, Int64, UInt8

from rmr_gym.errors import explain
from rmr_gym.seeding import numpy_generator


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class LabelledFeatures:
    """Encoded frames and the memory behind them.

    Raises:
        ValueError: when the arrays differ in length.
    """

    features: Float[np.ndarray, "batch feature"]
    """Concatenated slots of each frame."""

    ram: UInt8[np.ndarray, "_ slot"]
    """Memory at the time of the frame."""

    episodes: Int[np.ndarray, " _"]
    """Episode of each frame."""

    def __post_init__(self) -> None:
        lengths = (len(self.features), len(self.ram), len(self.episodes))
        if len(set(lengths)) != 1:
            expected = "features, RAM and episodes of the same frames"
            raise ValueError(
                explain(expected=expected, got=f"{lengths} rows", fix="Select the same rows in all three.")
            )


def labelled_frames(episodes: Int[np.ndarray, " batch"], count: int | None, *, seed: int) -> Int64[np.ndarray, " rows"]:
    """Draw frames evenly from all episodes, as far as each has enough.

    Args:
        episodes: the episode of each frame.
        count: how many frames; None, or more than there are, takes all.
        seed: seed of the draw.

    Returns:
        Row indices in ascending order.
    """
    if count is None or count >= len(episodes):
        return np.arange(len(episodes))
    shuffled = numpy_generator(seed, "labelled frames").permutation(len(episodes))
    grouped = shuffled[np.argsort(episodes[shuffled], kind="stable")]  # random order within each episode
    starts = np.searchsorted(episodes[grouped], episodes[grouped])
    place = np.empty(len(episodes), np.int64)  # how many frames of its episode come before a frame
    place[grouped] = np.arange(len(grouped)) - starts
    # All first frames of the episodes, then all second ones, ...; the last round in random order.
    return np.sort(shuffled[np.argsort(place[shuffled], kind="stable")][:count])
