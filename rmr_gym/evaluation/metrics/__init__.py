"""Scores of predicted RAM and of features: numpy arrays in, plain floats and dataclasses out."""

from __future__ import annotations

from rmr_gym.evaluation.metrics.bits import BitF1, bit_f1, majority_bits, target_bits
from rmr_gym.evaluation.metrics.collapse import CollapsePanel, collapse_panel, effective_rank, slot_variance
from rmr_gym.evaluation.metrics.slots import (
    MaskScore,
    changed_slot_accuracy,
    kept_slots,
    mask_precision_recall,
    slot_accuracy,
    slot_entropy,
)

__all__ = [
    "BitF1",
    "CollapsePanel",
    "MaskScore",
    "bit_f1",
    "changed_slot_accuracy",
    "collapse_panel",
    "effective_rank",
    "kept_slots",
    "majority_bits",
    "mask_precision_recall",
    "slot_accuracy",
    "slot_entropy",
    "slot_variance",
    "target_bits",
]
