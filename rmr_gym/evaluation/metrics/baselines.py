"""Predictions of the next state or picture that need no model: what every trained one has to beat."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Shaped

from rmr_gym.errors import explain


def copy_last(window: Shaped[np.ndarray, "batch history *state"]) -> Shaped[np.ndarray, "batch *state"]:
    """Predict that nothing moves: the next state or picture equals the last one.

    Args:
        window: consecutive states or pictures, oldest first; any dtype.

    Returns:
        A view of the last entry of each window.

    Example:
        >>> copy_last(np.array([[1.0, 2.0, 4.0]]))
        array([4.])
    """
    last: Shaped[np.ndarray, "batch *state"] = window[:, -1]
    return last


def constant_velocity(window: Float[np.ndarray, "batch history *state"]) -> Float[np.ndarray, "batch *state"]:
    """Predict that every ball moves on as it did over the last frame: `2 x_t - x_{t-1}`.

    Exact, up to rounding, for balls without gravity that collide neither in the last frame nor in the next.

    Args:
        window: consecutive positions, oldest first, in any unit.

    Returns:
        Positions in the unit and dtype of the window; they may lie outside the box.

    Raises:
        ValueError: when a window holds fewer than two states.

    Example:
        >>> constant_velocity(np.array([[1.0, 2.0, 4.0]]))
        array([6.])
    """
    if window.shape[1] < 2:
        got = f"shape {window.shape}"
        raise ValueError(explain(expected="windows of at least two states", got=got, fix="Pass history=3 states."))
    moved_on: Float[np.ndarray, "batch *state"] = 2 * window[:, -1] - window[:, -2]
    return moved_on


def black(window: Shaped[np.ndarray, "batch history *state"]) -> Shaped[np.ndarray, "batch *state"]:
    """Predict a black picture.

    On a black background its error over all pixels is small, however wrong it is: print it beside every image error.

    Args:
        window: consecutive pictures, oldest first; only shape and dtype count.

    Returns:
        Zeros of the dtype of the window.
    """
    return np.zeros_like(window[:, -1])
