"""How single bytes of the RAM behave in recorded play: what they follow, whether they count, what they are like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int, Int8, Int64, Real, UInt8

from rmr_gym.data import TransitionDataset
from rmr_gym.envs.actions import ACTION_NAMES
from rmr_gym.errors import explain

AXES = ("right", "up", "fire")
"""Directions of an action: +1 towards the name, -1 away from it, which for FIRE does not occur."""

MOST_LAG = 2
"""Steps after which a byte may still answer to an action; some games read the joystick on every second frame."""

_MOST_STEPS = 50_000
_CERTAIN = 4.0  # standard errors from which on a correlation is reported
_CLOCK, _MONOTONE, _FEW = 0.95, 0.95, 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Counting:
    """A byte that moves in one direction, around the end of its range where it has one."""

    direction: int
    """1 or -1."""

    step: int
    """Most frequent change, in -128..127."""

    every_step: bool
    """Whether it makes this change at nearly every step, as a clock does."""

    decimal: bool
    """Whether it holds two decimal digits, as scores do: 09 is followed by 10 in hexadecimal digits."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ActionResponse:
    """How a byte follows the player."""

    axis: str
    """Which of `AXES` its direction follows most."""

    correlation: float
    """Of the sign of its change and of the action on this axis."""

    lag: int
    """Steps between action and change: 0 is the change of the same step."""

    information: float
    """Bits that the action tells about whether it rises, falls or stays, at the lag that tells most."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Likeness:
    """Another byte that goes along."""

    index: int
    """Place of the other byte."""

    correlation: float
    """Of the values, over all frames."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Play:
    """The RAM and the actions of whole recorded windows, one after the other."""

    frames: UInt8[np.ndarray, "frame byte"]
    """RAM of every frame."""

    change: Int8[np.ndarray, "step byte"]
    """Change of every byte at each step, around the end of its range."""

    actions: Int64[np.ndarray, "step lag"]
    """ALE value of the action of a step and of those before it; -1 where an episode was not recorded yet."""


def read_play(dataset: TransitionDataset, *, most_steps: int = _MOST_STEPS) -> Play:
    """Read RAM and actions out of a data set of a game, of larger ones of every second, third, ... episode.

    Args:
        dataset: of a game.
        most_steps: about how many steps to take.

    Raises:
        ValueError: when the data are not of a game.
    """
    _ = dataset.ram  # says so when there is none
    files = [dataset.store.files[place] for place in dataset.episode_indices]
    files = files[:: 1 + len(dataset) // most_steps]
    return Play(
        frames=np.concatenate([file.abstract for file in files]),
        # Differences of bytes wrap around as they shall.
        change=np.concatenate([np.diff(file.abstract, axis=0).view(np.int8) for file in files]),
        actions=np.concatenate([_lagged(file.actions) for file in files]),
    )


def changing_bytes(play: Play) -> Int64[np.ndarray, " changing"]:
    """Return the places of the bytes that change within an episode."""
    return np.flatnonzero((play.change != 0).any(axis=0))


def counting(values: UInt8[np.ndarray, " frame"], change: Int8[np.ndarray, " step"]) -> Counting | None:
    """Tell whether a byte counts.

    Args:
        values: of the byte, in all frames.
        change: of the byte, at all steps.

    Returns:
        How it counts; None when it goes both ways or changes less than five times.

    Example:
        >>> counting(np.arange(10, dtype=np.uint8), np.ones(9, np.int8)).every_step
        True
    """
    moved = change[change != 0]
    if len(moved) < _FEW:
        return None
    up, down = float((moved > 0).mean()), float(((moved < 0) & (moved > -128)).mean())  # half a turn is neither
    if max(up, down) < _MONOTONE:
        return None
    found, counts = np.unique(moved, return_counts=True)
    step = int(found[counts.argmax()])
    digits = int(np.maximum(values & 0x0F, values >> 4).max())
    carried = bool((np.abs(moved.astype(np.int64)) == 7).any()) and bool((values > 9).any())  # 0x09 to 0x10
    return Counting(
        direction=1 if up > down else -1,
        step=step,
        every_step=bool(counts.max() / len(change) >= _CLOCK),
        decimal=digits <= 9 and carried,
    )


def action_response(change: Int8[np.ndarray, " step"], actions: Int64[np.ndarray, "step lag"]) -> ActionResponse | None:
    """Tell how a byte follows the player.

    Args:
        change: of the byte, at all steps.
        actions: see `Play`.

    Returns:
        Its strongest answer; None when that cannot be told from chance.
    """
    sign = np.sign(change).astype(np.int64)
    found: list[tuple[float, str, int, float]] = []
    for lag in range(actions.shape[1]):
        known = actions[:, lag] >= 0
        axes = _AXIS_VALUES[actions[known, lag]]
        for axis, values in zip(AXES, axes.T, strict=True):
            correlation = correlate(sign[known], values)
            found.append((abs(correlation) * np.sqrt(known.sum()), axis, lag, correlation))
    certainty, axis, lag, correlation = max(found, key=lambda one: one[0])
    information = max(_information(sign, actions[:, lag]) for lag in range(actions.shape[1]))
    if certainty < _CERTAIN:
        return None
    return ActionResponse(axis=axis, correlation=correlation, lag=lag, information=information)


def likeness(
    frames: UInt8[np.ndarray, "frame byte"], index: int, others: Sequence[int] | Int[np.ndarray, " other"]
) -> Likeness | None:
    """Find the byte among others whose values go along most with those of a byte.

    Returns:
        The other byte; None when there is no other.
    """
    found = [
        Likeness(index=int(other), correlation=correlate(frames[:, index], frames[:, other]))
        for other in others
        if other != index
    ]
    return max(found, key=lambda one: abs(one.correlation), default=None)


def correlate(one: Real[np.ndarray, " row"], other: Real[np.ndarray, " other"]) -> float:
    """Return Pearson's correlation; 0 where either does not vary.

    Example:
        >>> correlate(np.array([1, 2, 3]), np.array([3, 2, 1]))
        -1.0
    """
    if len(one) != len(other):
        raise ValueError(explain(expected="as many values", got=(len(one), len(other)), fix="Take the same rows."))
    a, b = (values.astype(np.float64) - values.mean() for values in (one, other))
    scale = float(np.sqrt((a @ a) * (b @ b)))
    return round(float(a @ b) / scale, 12) if scale > 0 else 0.0


def _information(sign: Int64[np.ndarray, " step"], action: Int64[np.ndarray, " step"]) -> float:
    """Return the mutual information of an action and the sign of a change in bits, less its bias on few data."""
    known = action >= 0
    counts = np.zeros((len(ACTION_NAMES), 3))
    np.add.at(counts, (action[known], sign[known] + 1), 1)
    counts = counts[counts.any(axis=1)][:, counts.any(axis=0)]
    joint = counts / counts.sum()
    apart = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0, keepdims=True)
    seen = joint > 0
    bits = float((joint[seen] * np.log2(joint[seen] / apart[seen])).sum())
    bias = (counts.shape[0] - 1) * (counts.shape[1] - 1) / (2 * counts.sum() * np.log(2))  # Miller and Madow
    return max(0.0, bits - float(bias))


def _lagged(actions: UInt8[np.ndarray, " step"]) -> Int64[np.ndarray, "step lag"]:
    lagged = np.full((len(actions), MOST_LAG + 1), -1, np.int64)
    for lag in range(min(MOST_LAG + 1, len(actions))):
        lagged[lag:, lag] = actions[: len(actions) - lag]
    return lagged


def _axis_values() -> Float64[np.ndarray, "18 3"]:
    """Return the direction of every ALE action on every axis."""
    signs = [
        (("RIGHT" in name) - ("LEFT" in name), ("UP" in name) - ("DOWN" in name), int("FIRE" in name))
        for name in ACTION_NAMES
    ]
    return np.array(signs, np.float64)


_AXIS_VALUES = _axis_values()
