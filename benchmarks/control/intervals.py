"""Interquartile means over runs, and how far they would move with other seeds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from scipy import stats

REPETITIONS = 10_000
LEVEL = 0.95


Statistic = Callable[[np.ndarray], np.ndarray]
"""Reduces the last axis."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Interval:
    """An estimate with its percentile interval."""

    estimate: float
    """From the scores as they are."""

    low: float
    """Lower end."""

    high: float
    """Upper end."""


def interquartile_mean(scores: Float64[np.ndarray, "*rest run"]) -> Float64[np.ndarray, "*rest"]:
    """Return the mean without the lowest and the highest quarter of the runs, rounded down; with 3 runs the mean.

    Source: Agarwal et al. 2021, "Deep reinforcement learning at the edge of the statistical precipice".

    Example:
        >>> float(interquartile_mean(np.array([0.0, 1.0, 2.0, 90.0])))
        1.5
    """
    return np.asarray(stats.trim_mean(scores, 0.25, axis=-1), dtype=np.float64)


def resampled(
    scores: Float64[np.ndarray, "run point"],
    statistic: Statistic,
    generator: np.random.Generator,
    *,
    repetitions: int = REPETITIONS,
) -> list[Interval]:
    """Return intervals of a statistic over runs, by the bootstrap of `rliable`.

    Runs are drawn with replacement, whole ones at all points. On one task the stratified bootstrap is this.

    Args:
        scores: one row per run.
        statistic: reduces the last axis, the runs.
        generator: source of randomness.
        repetitions: how often runs are drawn.

    Returns:
        One interval per point.
    """
    rows = generator.integers(len(scores), size=(repetitions, len(scores)))
    drawn = statistic(np.moveaxis(scores[rows], 1, -1))  # repetition, point
    tail = 100 * (1 - LEVEL) / 2
    low, high = np.percentile(drawn, [tail, 100 - tail], axis=0)
    estimates = statistic(scores.T)
    return [
        Interval(estimate=float(estimates[point]), low=float(low[point]), high=float(high[point]))
        for point in range(scores.shape[1])
    ]
