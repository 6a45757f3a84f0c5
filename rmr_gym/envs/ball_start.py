"""A start of bouncing balls that a user gives."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rmr_gym.envs.balls_config import MAX_CROSSINGS, BallsConfig
from rmr_gym.errors import explain

Floats = NDArray[np.float64]

_OPTIONS = ("positions", "velocities")


def read_start(config: BallsConfig, options: Mapping[str, Any]) -> tuple[Floats, Floats]:
    """Read a start from the options of a reset.

    Args:
        config: the parameters of the world.
        options: `positions` in metres and `velocities` in metres per second, each `(ball, 2)`.

    Returns:
        Both as arrays of float64.

    Raises:
        ValueError: when another key is there or one is missing, numbers are not finite, balls stick in a wall or in one
            another, or one is too fast.

    Example:
        >>> read_start(BallsConfig(num_balls=1), {"positions": [[0, 0.1]], "velocities": [[0, 0]]})
        (array([[0. , 0.1]]), array([[0., 0.]]))
    """
    if set(options) != set(_OPTIONS):
        fix = "Leave the options out for a random start."
        raise ValueError(explain(expected=f"the options {' and '.join(_OPTIONS)}", got=sorted(options), fix=fix))
    positions, velocities = (_read_array(config, name, options[name]) for name in _OPTIONS)
    _check_places(config, positions)
    fastest = float(np.linalg.norm(velocities, axis=1).max())
    if fastest * config.frame_seconds > MAX_CROSSINGS * config.box_size:
        expected = f"balls that cross the box at most {MAX_CROSSINGS} times in a frame"
        raise ValueError(explain(expected=expected, got=f"{fastest:g} m/s", fix="Lower the velocities."))
    return positions, velocities


def _read_array(config: BallsConfig, name: str, value: Any) -> Floats:
    try:
        array = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):  # words, or rows of unequal length
        array = np.empty(0)
    if array.shape != (config.num_balls, 2) or not np.isfinite(array).all():
        expected = f"{name} as finite numbers of shape {(config.num_balls, 2)}"
        raise ValueError(explain(expected=expected, got=value, fix="Give each ball its x and y."))
    return array


def _check_places(config: BallsConfig, positions: Floats) -> None:
    """Refuse balls that stick in a wall or in one another by more than the rounding of float32."""
    rounding = 1e-6 * config.box_size
    farthest = float(np.abs(positions).max())
    if farthest > config.bound + rounding:
        expected, fix = (
            f"coordinates in {-config.bound:g}..{config.bound:g} m",
            "The origin is in the middle of the box.",
        )
        raise ValueError(explain(expected=expected, got=f"{farthest:g} m", fix=fix))
    first, second = np.triu_indices(config.num_balls, k=1)
    closest = float(np.linalg.norm(positions[first] - positions[second], axis=1).min(initial=math.inf))
    if closest < 2 * config.radius - rounding:
        expected = f"centres at least {2 * config.radius:g} m apart"
        raise ValueError(explain(expected=expected, got=f"{closest:g} m", fix="Move the balls apart."))
