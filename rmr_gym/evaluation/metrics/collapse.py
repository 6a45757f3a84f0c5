"""Whether features have collapsed: effective rank and variance per slot, without labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64

from rmr_gym.errors import explain


@dataclass(frozen=True, kw_only=True, slots=True)
class CollapsePanel:
    """Label-free monitors of an encoder's features; the more of them fall, the closer the collapse."""

    effective_rank: float
    """Number of directions in use; see `effective_rank`."""

    smallest_slot_variance: float
    """Variance over frames of the stillest slot, mean over its dimensions."""

    median_slot_variance: float
    """The same, median over slots."""

    num_dead_slots: int
    """Slots whose variance is below a millionth of the mean over slots (all of them when nothing varies)."""


def effective_rank(features: Float[np.ndarray, "batch feature"], max_frames: int = 2000) -> float:
    """Exponential of the entropy of the normalised singular values of the centred features.

    A constant vector per slot adds no information for a probe, so the mean over frames is removed first; RankMe
    itself does not centre. The value is bounded by the number of frames, so compare encoders on equally many.

    Source: RankMe (Garrido et al., 2023), equation 1, on centred features.

    Args:
        features: one row per frame, float16 or wider.
        max_frames: longer inputs are thinned to this many evenly spaced rows; the cost grows with its cube.

    Returns:
        A number from 1 to `min(frames - 1, features)`; 0 when no feature varies.

    Raises:
        ValueError: when there are fewer than two frames or a value is not finite.
    """
    if len(features) < 2:
        raise ValueError(explain(expected="at least two frames", got=len(features), fix="Encode more frames."))
    rows = np.linspace(0, len(features) - 1, min(len(features), max_frames)).astype(np.int64)
    values = features[rows].astype(np.float64)
    if not np.isfinite(values).all():
        raise ValueError(
            explain(
                expected="finite features", got="NaN or infinity", fix="Encode with dtype float32, or train less hot."
            )
        )
    total = float(np.square(values).sum())
    values -= values.mean(axis=0)
    gram = values @ values.T if len(values) <= values.shape[1] else values.T @ values
    power = np.maximum(np.linalg.eigvalsh(gram), 0.0)  # squared singular values
    if power.sum() <= 1e-12 * total:  # what is left after centring is rounding
        return 0.0
    singular = np.sqrt(power)
    share = singular[singular > 0] / singular.sum()
    return float(np.exp(-(share * np.log(share)).sum()))


def slot_variance(features: Float[np.ndarray, "batch feature"], num_slots: int) -> Float64[np.ndarray, " slot"]:
    """Variance over frames of each slot, mean over the slot's dimensions.

    Args:
        features: concatenated slots, one row per frame.
        num_slots: number of equally wide slots in a row.

    Returns:
        One non-negative number per slot.

    Raises:
        ValueError: when the row cannot be cut into `num_slots` equal slots.
    """
    if features.shape[1] % num_slots:
        raise ValueError(
            explain(
                expected=f"rows of {num_slots} equally wide slots",
                got=f"{features.shape[1]} features",
                fix="Pass the encoder's own num_slots.",
            )
        )
    per_slot = np.split(features, num_slots, axis=1)  # views; only one slot at a time is widened to float64
    return np.array([slot.astype(np.float64).var(axis=0).mean() for slot in per_slot])


def collapse_panel(features: Float[np.ndarray, "batch feature"], num_slots: int) -> CollapsePanel:
    """Compute all label-free monitors of a set of features.

    Args:
        features: concatenated slots, one row per frame.
        num_slots: number of equally wide slots in a row.

    Returns:
        The panel.

    Raises:
        ValueError: as `effective_rank` and `slot_variance`.
    """
    variance = slot_variance(features, num_slots)
    return CollapsePanel(
        effective_rank=effective_rank(features),
        smallest_slot_variance=float(variance.min()),
        median_slot_variance=float(np.median(variance)),
        num_dead_slots=int((variance <= 1e-6 * variance.mean()).sum()),
    )
