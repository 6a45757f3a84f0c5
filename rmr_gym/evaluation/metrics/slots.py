"""Scores of whole RAM bytes ("slots"): which ones to score, accuracy, accuracy where something changed, the mask."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64, Shaped, UInt8

from rmr_gym.errors import explain
from rmr_gym.evaluation.metrics.arrays import as_bits, check_same_shape

BITS_PER_SLOT = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class MaskScore:
    """How well "this slot will change" was predicted, over all (frame, slot) pairs, each in [0, 1]."""

    precision: float
    """Share of the slots marked as changing that changed; 0 when none was marked."""

    recall: float
    """Share of the changed slots that were marked; 0 when none changed."""


def slot_entropy(ram: UInt8[np.ndarray, "batch slot"]) -> Float64[np.ndarray, " slot"]:
    """Entropy of the values of each RAM byte.

    Source: paper, section 5 ("slots with high entropy", after Anand et al.); natural logarithm over the histogram of
    the 256 byte values, which the paper's own copy baseline supports better than bits.

    Args:
        ram: RAM bytes, frames of all episodes pooled.

    Returns:
        Nats, in [0, ln 256].

    Raises:
        ValueError: when there is no frame.
    """
    if len(ram) == 0:
        raise ValueError(explain(expected="RAM of at least one frame", got="none", fix="Collect more episodes."))
    num_slots = ram.shape[1]
    # One histogram for all slots: value v of slot s is counted at 256 s + v.
    cells = ram.astype(np.int64) + 256 * np.arange(num_slots)
    counts = np.bincount(cells.ravel(), minlength=256 * num_slots).reshape(num_slots, 256)
    share = counts / len(ram)
    log_share = np.log(share, out=np.zeros_like(share), where=share > 0)
    entropy: Float64[np.ndarray, " slot"] = np.maximum(-(share * log_share).sum(axis=1), 0.0)  # no -0.0
    return entropy


def kept_slots(ram: UInt8[np.ndarray, "batch slot"], threshold: float = 0.6) -> Int64[np.ndarray, " kept"]:
    """Choose the slots that are scored: those whose entropy exceeds a threshold.

    Compute the list once per game, on the RAM of the validation split, and share it between all models and seeds:
    another list is another metric.

    Source: paper, appendix B.

    Args:
        ram: validation RAM bytes.
        threshold: nats (0.6: AtariARI's).

    Returns:
        Slot indices in ascending order; empty when nothing varies enough.

    Raises:
        ValueError: as `check_entropy_threshold`.
    """
    check_entropy_threshold(threshold)
    return np.flatnonzero(slot_entropy(ram) > threshold)


def check_entropy_threshold(threshold: float) -> None:
    """Refuse what no slot could be compared with.

    Raises:
        ValueError: when the threshold is negative, infinite or not a number.
    """
    if not 0 <= threshold < math.inf:
        fix = "Pass 0.6, as the paper does."
        raise ValueError(explain(expected="an entropy threshold in nats, of at least 0", got=threshold, fix=fix))


def slot_accuracy(predicted: Shaped[np.ndarray, "..."], true: Shaped[np.ndarray, "..."]) -> float:
    """Share of (frame, slot) pairs with all eight bits right.

    Args:
        predicted: zeros and ones, `(frame, slot, 8)` or `(frame, slot * 8)`, kept slots only.
        true: the same shape.

    Returns:
        A number in [0, 1].

    Raises:
        ValueError: when the shapes differ, the arrays are empty, or values other than 0 and 1 occur.
    """
    check_same_shape(predicted, true, "predicted and true bits")
    return float((~changed_slots(predicted, true)).mean())


def changed_slot_accuracy(
    predicted: Shaped[np.ndarray, "..."],
    true: Shaped[np.ndarray, "..."],
    previous: Shaped[np.ndarray, "..."],
) -> float:
    """Slot accuracy over the pairs in which the slot differs from the frame before; copying scores 0.

    Args:
        predicted: predicted next bits, `(frame, slot, 8)` or `(frame, slot * 8)`.
        true: next bits.
        previous: bits of the frame before.

    Returns:
        A number in [0, 1]; NaN when no slot changed.

    Raises:
        ValueError: as `slot_accuracy`.
    """
    check_same_shape(predicted, true, "predicted and true bits")
    check_same_shape(previous, true, "previous and true bits")
    changed = changed_slots(previous, true)
    right = ~changed_slots(predicted, true)
    return float(right[changed].mean()) if changed.any() else float("nan")


def mask_precision_recall(predicted: Shaped[np.ndarray, "..."], true: Shaped[np.ndarray, "..."]) -> MaskScore:
    """Score a predicted change mask.

    Args:
        predicted: 1 where the model overwrites the slot (probability > 0.5), 0 where it copies.
        true: 1 where the slot changes.

    Returns:
        Precision and recall of the class "changes".

    Raises:
        ValueError: when the shapes differ, the arrays are empty, or values other than 0 and 1 occur.
    """
    check_same_shape(predicted, true, "predicted and true mask")
    predicted, true = as_bits(predicted, "predicted mask"), as_bits(true, "true mask")
    hits = int((predicted & true).sum())
    return MaskScore(precision=hits / max(int(predicted.sum()), 1), recall=hits / max(int(true.sum()), 1))


def changed_slots(
    first: Shaped[np.ndarray, "..."], second: Shaped[np.ndarray, "..."]
) -> Bool[np.ndarray, "batch slot"]:
    """Mark the slots in which two sets of bits differ anywhere.

    Raises:
        ValueError: when the bits do not fill whole slots of eight.
    """
    if first[0:1].size % BITS_PER_SLOT or (first.ndim == 3 and first.shape[2] != BITS_PER_SLOT):
        raise ValueError(
            explain(
                expected="bits as (frame, slot, 8) or (frame, slot * 8)",
                got=f"shape {first.shape}",
                fix="Pass whole bytes, most significant bit first.",
            )
        )
    different = as_bits(first, "bits") != as_bits(second, "bits")
    per_slot: Bool[np.ndarray, "batch slot"] = different.reshape(len(different), -1, BITS_PER_SLOT).any(axis=2)
    return per_slot
