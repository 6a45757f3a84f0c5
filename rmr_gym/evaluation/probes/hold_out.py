"""Setting episodes aside inside the training set, for early stopping."""

from __future__ import annotations

import numpy as np
from jaxtyping import Int, Int64

from rmr_gym.errors import explain
from rmr_gym.seeding import numpy_generator


def hold_out_episodes(
    episodes: Int[np.ndarray, " batch"], fraction: float, *, seed: int
) -> tuple[Int64[np.ndarray, " kept"], Int64[np.ndarray, " held"]]:
    """Split frames into those to fit on and those held out.

    Whole episodes are held out, since neighbouring frames are almost equal; of a single episode, its last frames.

    Args:
        episodes: the episode of each frame, in order of time within an episode.
        fraction: share of the episodes to hold out, in [0, 1); more than 0 holds out at least one.
        seed: seed of the choice.

    Returns:
        Row indices in ascending order; the second is empty when `fraction` is 0.

    Raises:
        ValueError: when nothing would be left on one side.
    """
    num_frames = len(episodes)
    if num_frames < (2 if fraction else 1):
        expected = "at least two labelled frames, one to fit on and one to hold out"
        raise ValueError(explain(expected=expected, got=num_frames, fix="Label more frames."))
    if fraction == 0.0:
        return np.arange(num_frames), np.empty(0, np.int64)
    names = np.unique(episodes)
    if len(names) == 1:
        start = num_frames - _share(num_frames, fraction)
        return np.arange(start), np.arange(start, num_frames)
    shuffled = numpy_generator(seed, "hold out").permutation(names)
    held = np.isin(episodes, shuffled[: _share(len(names), fraction)])
    return np.flatnonzero(~held), np.flatnonzero(held)


def _share(count: int, fraction: float) -> int:
    return min(max(round(fraction * count), 1), count - 1)
