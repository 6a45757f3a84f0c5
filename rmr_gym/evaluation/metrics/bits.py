"""F1 over RAM bits, and the predictor that knows nothing but the frequency of each bit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int, Shaped, UInt8

from rmr_gym.errors import explain
from rmr_gym.evaluation.metrics.arrays import as_bits, check_same_shape


@dataclass(frozen=True, kw_only=True, slots=True)
class BitF1:
    """Three averages of the F1 of single bits (positive class = 1), each in [0, 1]."""

    weighted: float
    """Mean over bits weighted by their number of ones: the headline, the paper's "bit F1" as far as can be told."""

    micro: float
    """F1 of the counts pooled over all bits."""

    macro: float
    """Plain mean over the bits that take both values in the truth; 0 when no bit does."""


def bit_f1(predicted: Shaped[np.ndarray, "..."], true: Shaped[np.ndarray, "..."]) -> BitF1:
    """Score predicted bits against the truth, over the whole set at once.

    The mean of the F1 of batches is not the F1 of the set, so pass all frames together. A bit without any one in
    prediction and truth has no F1; it counts as 0, with weight 0 in `weighted`.

    Source: the paper reports "bit-level F1" without its averaging. `weighted` and `micro` agree with the paper's copy
    baseline equally well; `weighted` is the keyword of the AtariARI benchmark, which the paper follows.

    Args:
        predicted: zeros and ones, `(frame, slot, 8)` or `(frame, bit)`, kept slots only.
        true: the same shape.

    Returns:
        The three averages.

    Raises:
        ValueError: when the shapes differ, the arrays are empty, or values other than 0 and 1 occur.

    Example:
        >>> bit_f1(np.array([[1, 0], [1, 1]]), np.array([[1, 1], [0, 1]]))  # both bits: F1 2/3; ones 1 and 2
        BitF1(weighted=0.6666666666666666, micro=0.6666666666666666, macro=0.6666666666666666)
    """
    check_same_shape(predicted, true, "predicted and true bits")
    predicted, true = as_bits(predicted, "predicted bits"), as_bits(true, "true bits")
    ones = true.sum(axis=0).ravel()
    twice_hits = 2.0 * (predicted & true).sum(axis=0).ravel()
    marked = ones + predicted.sum(axis=0).ravel()  # 2 TP + FP + FN
    per_bit = np.divide(twice_hits, marked, out=np.zeros_like(twice_hits), where=marked > 0)
    varying = (ones > 0) & (ones < len(true))
    return BitF1(
        weighted=float(per_bit @ ones / ones.sum()) if ones.any() else 0.0,
        micro=float(twice_hits.sum() / marked.sum()) if marked.any() else 0.0,
        macro=float(per_bit[varying].mean()) if varying.any() else 0.0,
    )


def target_bits(
    ram: Shaped[np.ndarray, "..."], slots: Int[np.ndarray, " kept"] | None = None
) -> UInt8[np.ndarray, "batch bits"]:
    """Unpack RAM bytes into the bits that a probe predicts.

    Args:
        ram: RAM bytes, `(frame, slot)` uint8.
        slots: indices of the slots to keep, in this order; None keeps all.

    Returns:
        Zeros and ones, `(frame, kept slots * 8)`, the most significant bit of each byte first.

    Raises:
        ValueError: when `ram` is not a table of bytes.

    Example:
        >>> target_bits(np.array([[7, 128]], dtype=np.uint8), np.array([1]))
        array([[1, 0, 0, 0, 0, 0, 0, 0]], dtype=uint8)
    """
    if ram.dtype != np.uint8 or ram.ndim != 2:
        raise ValueError(
            explain(
                expected="RAM bytes, (frame, slot) uint8", got=f"{ram.shape} {ram.dtype}", fix="Pass the stored bytes."
            )
        )
    return np.unpackbits(ram if slots is None else ram[:, slots], axis=1)


def majority_bits(train_bits: Shaped[np.ndarray, "..."], num_frames: int) -> Bool[np.ndarray, "{num_frames} *bits"]:
    """Predict for every frame the value that each bit takes most often in training (ties: 0).

    Print its score beside every probe: a probe that sees nothing in the features learns exactly this.

    Args:
        train_bits: zeros and ones of the training frames.
        num_frames: number of frames to predict.

    Returns:
        A read-only view that repeats one row.
    """
    majority = as_bits(train_bits, "training bits").mean(axis=0) > 0.5
    return np.broadcast_to(majority, (num_frames, *majority.shape))
