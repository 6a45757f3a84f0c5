"""Rollouts: a model of one step fed with its own predictions, and how its error grows with the horizon."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from rmr_gym.errors import explain
from rmr_gym.evaluation.metrics.arrays import check_same_shape

States = TypeVar("States", np.ndarray, Tensor)


@dataclass(frozen=True, kw_only=True, slots=True)
class RolloutErrors:
    """Errors per horizon over all balls; entry 0 is one step ahead."""

    mse: tuple[float, ...]
    """Mean squared error per coordinate, square metres."""

    mean_distance: tuple[float, ...]
    """Mean distance between predicted and true centres, metres."""

    within_radius_fraction: tuple[float, ...]
    """Share of the balls whose distance is below one radius."""


def rollout(step: Callable[[States], States], window: States, num_steps: int) -> States:
    """Predict many steps ahead: drop the oldest entry of the window, append the prediction, repeat.

    The same function rolls positions and pictures: whatever follows the first two axes is left to `step`. No gradient
    is recorded.

    Source: paper, section 4 (unrolls of a model trained on one step) and figure 3.

    Args:
        step: predicts the next entries `(batch, ...)` from windows `(batch, history, ...)`, in the same dtype.
        window: true entries to start from, oldest first; numpy or torch; not written to.
        num_steps: how many entries to predict, at least 1.

    Returns:
        The predictions `(batch, step, ...)`.

    Raises:
        ValueError: when `num_steps` is below 1, the window has no history axis, or a prediction does not fit into it.
    """
    if num_steps < 1:
        raise ValueError(explain(expected="num_steps of at least 1", got=num_steps, fix="Use 10, as the paper does."))
    if window.ndim < 2 or window.shape[1] < 1:
        got = f"shape {tuple(window.shape)}"
        raise ValueError(explain(expected="windows (batch, history, ...)", got=got, fix="Stack the last states."))
    predictions = []
    with torch.no_grad():
        for _ in range(num_steps):
            prediction = step(window)
            _check_fits(prediction, window)
            predictions.append(prediction[:, None])
            window = _join([window[:, 1:], prediction[:, None]])
    return _join(predictions)


def rollout_errors(
    predicted: Float[np.ndarray, "batch step slot 2"],
    true: Float[np.ndarray, "_ _ _ 2"],
    *,
    radius: float,
) -> RolloutErrors:
    """Score predicted trajectories, one number per horizon over the whole set.

    Args:
        predicted: positions in metres.
        true: positions of the same frames.
        radius: of a ball, in metres.

    Returns:
        The errors; NaN where a prediction is NaN, which counts as outside the radius.

    Raises:
        ValueError: when the shapes differ, there is no ball, or the radius is not positive.
    """
    check_same_shape(predicted, true, "predicted and true trajectories")
    if true.size == 0:
        got = f"shape {true.shape}"
        raise ValueError(explain(expected="at least one ball and one step", got=got, fix="Roll out the whole set."))
    if not 0 < radius < math.inf:
        raise ValueError(explain(expected="a radius above 0 metres", got=radius, fix="Pass that of the world."))
    missed = predicted.astype(np.float64) - true
    distance = np.linalg.norm(missed, axis=-1)
    return RolloutErrors(
        mse=tuple(np.square(missed).mean(axis=(0, 2, 3)).tolist()),
        mean_distance=tuple(distance.mean(axis=(0, 2)).tolist()),
        within_radius_fraction=tuple((distance < radius).mean(axis=(0, 2)).tolist()),
    )


def _join(parts: list[States]) -> States:
    """Concatenate along the second axis."""
    if isinstance(parts[0], Tensor):
        return torch.cat(parts, dim=1)
    return np.concatenate(parts, axis=1)


def _check_fits(prediction: States, window: States) -> None:
    # Bytes followed by floats would be joined without a word, as 255 followed by 1.
    found = (type(prediction), tuple(prediction.shape), prediction.dtype)
    wanted = (type(window), (window.shape[0], *window.shape[2:]), window.dtype)
    if found != wanted:
        raise ValueError(
            explain(
                expected=f"predictions {wanted[1]} of {wanted[2]} like the window",
                got=f"{found[0].__name__} {found[1]} of {found[2]}",
                fix="Convert the window to what the model predicts, for pictures floats in [0, 1].",
            )
        )
