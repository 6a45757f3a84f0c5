"""Training and validation episodes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rmr_gym.errors import explain
from rmr_gym.seeding import numpy_generator


def split_episodes(skills: Sequence[float], *, validation_fraction: float, seed: int) -> NDArray[np.bool_]:
    """Choose whole episodes for validation, spread evenly over the skills of the players.

    The episodes are sorted by skill, in random order within a skill, and validation episodes are taken from that line
    at equal distances from a random start. So a skill with k episodes gives k times the fraction of them, rounded up or
    down; when that is less than one, neighbouring skills take turns.

    Source: paper, appendix B: 48 of 96 episodes are for validation; how they are chosen is not said, this is ours.

    Args:
        skills: skill of the player of each episode.
        validation_fraction: share of the episodes, in 0..1 (exclusive); at least one episode stays in each half.
        seed: of the split.

    Returns:
        bool `(num_episodes,)`, True for validation.

    Raises:
        ValueError: when the fraction is out of range or there are fewer than two episodes.

    Example:
        >>> split_episodes([0.0, 0.0, 1.0, 1.0], validation_fraction=0.5, seed=0).reshape(2, 2).sum(axis=1)
        array([1, 1])
    """
    if not 0.0 < validation_fraction < 1.0:
        raise ValueError(
            explain(
                expected="validation_fraction between 0 and 1, exclusive",
                got=validation_fraction,
                fix='Pass for example 0.25, or split="all" to take all episodes.',
            )
        )
    if len(skills) < 2:
        raise ValueError(
            explain(
                expected="at least two episodes to split into training and validation",
                got=len(skills),
                fix='Collect more episodes, or pass split="all".',
            )
        )
    generator = numpy_generator(seed, "split")
    count = num_held_out(len(skills), validation_fraction)
    line = np.lexsort((generator.permutation(len(skills)), np.asarray(skills)))
    places = np.floor((np.arange(count) + generator.random()) * len(skills) / count).astype(np.int64)
    chosen = np.zeros(len(skills), dtype=np.bool_)
    chosen[line[places]] = True
    return chosen


def num_held_out(num_episodes: int, validation_fraction: float) -> int:
    """Return how many of two or more episodes `split_episodes` chooses for validation.

    Example:
        >>> num_held_out(96, 0.5), num_held_out(10, 0.01)
        (48, 1)
    """
    return min(max(round(validation_fraction * num_episodes), 1), num_episodes - 1)
