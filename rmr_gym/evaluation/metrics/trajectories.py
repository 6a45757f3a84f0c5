"""Errors of predicted positions, apart for balls that collide and balls that fly on."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from rmr_gym.errors import explain
from rmr_gym.evaluation.metrics.arrays import check_same_shape
from rmr_gym.evaluation.metrics.baselines import constant_velocity, copy_last

COLLISION_TOLERANCE = 1e-5
"""Metres by which a ball must miss the path of free flight to count as colliding, in a box of 1 m. ours: a hundred
times the rounding of float32 positions there, and 1/3500 of the way that .35 m/s goes in a frame of .1 s. Measured in
ten default worlds of 100 frames: everything from 3e-7 to 1e-4 marks 32 % of the balls. Rounding grows with the box."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SplitError:
    """Mean squared error per coordinate over all balls of a set and over parts of it; NaN where a part is empty."""

    overall: float
    """Every ball of every window."""

    colliding_balls: float
    """The balls that collide."""

    free_balls: float
    """The balls that do not; 0 for constant velocity, up to the tolerance and to gravity."""

    colliding_windows: float
    """Every ball of the windows in which any ball collides."""

    free_windows: float
    """Every ball of the other windows."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PositionErrors:
    """How well next positions were predicted."""

    metres: SplitError
    """In square metres."""

    network: SplitError
    """In the square of the networks' unit, half an edge of the box."""

    colliding_ball_fraction: float
    """Share of the (window, ball) pairs in which the ball collides."""

    colliding_window_fraction: float
    """Share of the windows in which any ball collides."""


def collisions(
    window: Float[np.ndarray, "batch history slot 2"],
    target: Float[np.ndarray, "_ _ 2"],
    tolerance: float = COLLISION_TOLERANCE,
    *,
    fall: float = 0.0,
) -> Bool[np.ndarray, "batch slot"]:
    """Mark the balls that leave their free flight between the last two states of the window and the next one.

    A ball counts where `|x_{t+1} - 2 x_t + x_{t-1}|`, without the share of gravity, exceeds the tolerance: it hit a
    ball or a wall between t - 1 and t + 1. A hit between t - 1 and t counts because constant velocity is wrong after
    it, too.

    Args:
        window: consecutive positions in metres, oldest first.
        target: the next positions.
        tolerance: metres, see `COLLISION_TOLERANCE`.
        fall: gravity times the square of the time of a frame, in metres: how far below constant velocity balls fly.

    Returns:
        True where the ball collides.

    Raises:
        ValueError: when a window holds fewer than two states, the target is of other balls or windows, or the tolerance
            is not positive.
    """
    if not 0 < tolerance < math.inf:
        raise ValueError(explain(expected="a tolerance above 0 metres", got=tolerance, fix="Use 1e-5."))
    check_same_shape(copy_last(window), target, "positions in the window and target positions")
    missed = target.astype(np.float64) - constant_velocity(window.astype(np.float64)) + (0.0, fall)
    colliding: Bool[np.ndarray, "batch slot"] = np.linalg.norm(missed, axis=-1) > tolerance
    return colliding


def position_errors(
    predicted: Float[np.ndarray, "batch slot 2"],
    target: Float[np.ndarray, "_ _ 2"],
    window: Float[np.ndarray, "_ _ _ 2"],
    *,
    box_size: float = 1.0,
    tolerance: float = COLLISION_TOLERANCE,
    fall: float = 0.0,
) -> PositionErrors:
    """Score predicted positions over a whole set, apart for collisions.

    Between collisions constant velocity is exact where nothing falls, so the error where balls collide is what tells a
    model from it.

    Source: paper, appendix A (mean squared error of the next positions; its unit is not given).

    Args:
        predicted: predicted next positions in metres.
        target: the next positions.
        window: the states before, oldest first.
        box_size: length of an edge of the box in metres.
        tolerance: metres, see `COLLISION_TOLERANCE`.
        fall: as for `collisions`.

    Returns:
        The errors in both units.

    Raises:
        ValueError: when `box_size` is not positive, there is no window or the shapes differ, and as `collisions`.
    """
    if not 0 < box_size < math.inf:
        raise ValueError(explain(expected="box_size above 0 metres", got=box_size, fix="Pass that of the world."))
    if target.size == 0:
        got = f"shape {target.shape}"
        raise ValueError(explain(expected="at least one window and one ball", got=got, fix="Pass the whole set."))
    check_same_shape(predicted, target, "predicted and target positions")
    colliding = collisions(window, target, tolerance, fall=fall)
    squared = np.square(predicted.astype(np.float64) - target).mean(axis=-1)
    any_collides: Bool[np.ndarray, " batch"] = colliding.max(axis=1)
    return PositionErrors(
        metres=_split(squared, colliding, any_collides),
        network=_split(squared / (box_size / 2) ** 2, colliding, any_collides),
        colliding_ball_fraction=float(colliding.mean()),
        colliding_window_fraction=float(any_collides.mean()),
    )


def _split(
    squared: Float[np.ndarray, "batch slot"],
    colliding: Bool[np.ndarray, "batch slot"],
    any_collides: Bool[np.ndarray, " batch"],
) -> SplitError:
    return SplitError(
        overall=_mean(squared),
        colliding_balls=_mean(squared[colliding]),
        free_balls=_mean(squared[~colliding]),
        colliding_windows=_mean(squared[any_collides]),
        free_windows=_mean(squared[~any_collides]),
    )


def _mean(values: Float[np.ndarray, "..."]) -> float:
    return float(values.mean()) if values.size else math.nan
