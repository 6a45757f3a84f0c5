"""Scores of the abstract stage: predicted memory against the next memory, beside the copy baseline."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int, UInt8

from rmr_gym.errors import explain
from rmr_gym.evaluation.metrics import (
    BitF1,
    MaskScore,
    bit_f1,
    changed_slot_accuracy,
    mask_precision_recall,
    slot_accuracy,
    target_bits,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class AbstractScores:
    """How well the next memory was predicted, over all transitions and kept slots."""

    slot_accuracy: float
    """Share of bytes with all bits right, in [0, 1]."""

    changed_slot_accuracy: float
    """The same where the byte changes; 0 for copying, NaN when no byte changes."""

    bit_f1: BitF1
    """F1 over the bits."""

    mask: MaskScore
    """Precision and recall of "this byte is overwritten" against "this byte changes"."""


def score_abstract(
    predicted: UInt8[np.ndarray, "step slot"],
    overwritten: Bool[np.ndarray, "step slot"],
    ram: UInt8[np.ndarray, "step slot"],
    next_ram: UInt8[np.ndarray, "step slot"],
    kept: Int[np.ndarray, " kept"],
) -> AbstractScores:
    """Score predicted memory on the kept slots.

    A byte that is copied is almost always right, so read these numbers beside `score_copy`.

    Source: paper, section 5, table 2.

    Args:
        predicted: predicted next memory, with copied bytes where the model overwrites nothing.
        overwritten: where the model overwrote.
        ram: memory before the action.
        next_ram: memory after it.
        kept: slots to score, `kept_slots` of the validation RAM.

    Returns:
        The scores.

    Raises:
        ValueError: when no slot is kept.
    """
    if len(kept) == 0:
        fix = "Collect with players that press FIRE, or lower the entropy threshold."
        raise ValueError(explain(expected="at least one kept slot", got="none: the RAM hardly varies", fix=fix))
    bits, true, before = (target_bits(memory, kept) for memory in (predicted, next_ram, ram))
    return AbstractScores(
        slot_accuracy=slot_accuracy(bits, true),
        changed_slot_accuracy=changed_slot_accuracy(bits, true, before),
        bit_f1=bit_f1(bits, true),
        mask=mask_precision_recall(overwritten[:, kept], ram[:, kept] != next_ram[:, kept]),
    )


def score_copy(
    ram: UInt8[np.ndarray, "step slot"], next_ram: UInt8[np.ndarray, "step slot"], kept: Int[np.ndarray, " kept"]
) -> AbstractScores:
    """Score the baseline that predicts no change at all.

    Source: paper, section 5, table 2, column "copy".

    Args:
        ram: memory before the action.
        next_ram: memory after it.
        kept: slots to score.

    Returns:
        The scores; those of changed bytes and of the mask are 0.

    Raises:
        ValueError: when no slot is kept.
    """
    return score_abstract(ram, np.zeros(ram.shape, np.bool_), ram, next_ram, kept)
