"""Interquartile means and probabilities of improvement, and how far they would move with other seeds."""

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
    low, high = _percentiles(drawn)
    estimates = statistic(scores.T)
    return [
        Interval(estimate=float(estimates[point]), low=float(low[point]), high=float(high[point]))
        for point in range(scores.shape[1])
    ]


def stratified(
    scores: Float64[np.ndarray, "run task"],
    statistic: Statistic,
    generator: np.random.Generator,
    *,
    repetitions: int = REPETITIONS,
) -> Interval:
    """Return the interval of a statistic over all runs of all tasks, by the stratified bootstrap of `rliable`.

    The runs of each task are drawn with replacement, independently of those of the others; the tasks stay.

    Args:
        scores: one row per run, one column per task.
        statistic: reduces the last axis, the runs of all tasks in one row.
        generator: source of randomness.
        repetitions: how often runs are drawn.

    Example:
        >>> stratified(np.array([[1.0, 5.0], [1.0, 5.0]]), interquartile_mean, np.random.default_rng(0)).high
        3.0
    """
    num_runs, num_tasks = scores.shape
    rows = generator.integers(num_runs, size=(repetitions, num_runs, num_tasks))
    drawn = statistic(scores[rows, np.arange(num_tasks)].reshape(repetitions, -1))
    low, high = _percentiles(drawn)
    return Interval(estimate=float(statistic(scores.reshape(1, -1))[0]), low=float(low), high=float(high))


def probability_of_improvement(
    first: Float64[np.ndarray, "run task"],
    second: Float64[np.ndarray, "other_run task"],
    generator: np.random.Generator,
    *,
    repetitions: int = REPETITIONS,
) -> Interval:
    """Return how likely a run of the first arm scores above one of the second, with its interval.

    Any run of one is compared with any run of the other on the same task, a tie counts one half, and tasks are
    averaged. For the interval the runs of both are drawn independently, task by task.

    Source: Agarwal et al. 2021, and `rliable.metrics.probability_of_improvement`.

    Args:
        first: one row per run, one column per task.
        second: the same tasks; the number of runs may differ.
        generator: source of randomness.
        repetitions: how often runs are drawn.

    Example:
        >>> one = probability_of_improvement(np.array([[2.0], [1.0]]), np.array([[1.0]]), np.random.default_rng(0))
        >>> one.estimate, one.high
        (0.75, 1.0)
    """
    above = first.T[:, :, None] - second.T[:, None, :]  # task, run, other run
    wins = 0.5 * (1 + np.sign(above))
    drawn = np.zeros(repetitions)
    for of_task in wins:  # one at a time, which keeps memory small
        counts = [generator.multinomial(n, np.full(n, 1 / n), size=repetitions) for n in of_task.shape]
        drawn += np.einsum("ri,ij,rj->r", counts[0], of_task, counts[1], optimize=True) / of_task.size
    low, high = _percentiles(drawn / len(wins))
    return Interval(estimate=float(wins.mean()), low=float(low), high=float(high))


def _percentiles(drawn: np.ndarray) -> np.ndarray:
    tail = 100 * (1 - LEVEL) / 2
    return np.asarray(np.percentile(drawn, [tail, 100 - tail], axis=0), dtype=np.float64)
