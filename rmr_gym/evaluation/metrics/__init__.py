"""Scores of predicted memory, pictures, masks and positions, and of features: numpy arrays in, plain numbers out."""

from __future__ import annotations

from rmr_gym.evaluation.metrics.baselines import black, constant_velocity, copy_last
from rmr_gym.evaluation.metrics.bits import BitF1, bit_f1, majority_bits, target_bits
from rmr_gym.evaluation.metrics.collapse import CollapsePanel, collapse_panel, effective_rank, slot_variance
from rmr_gym.evaluation.metrics.images import ImageErrors, ImageScores, foreground_mse, image_mse, psnr
from rmr_gym.evaluation.metrics.masks import adjusted_rand_index, ball_labels, mask_centroids
from rmr_gym.evaluation.metrics.slots import (
    MaskScore,
    changed_slot_accuracy,
    check_entropy_threshold,
    kept_slots,
    mask_precision_recall,
    slot_accuracy,
    slot_entropy,
)
from rmr_gym.evaluation.metrics.trajectories import PositionErrors, SplitError, collisions, position_errors

__all__ = [
    "BitF1",
    "CollapsePanel",
    "ImageErrors",
    "ImageScores",
    "MaskScore",
    "PositionErrors",
    "SplitError",
    "adjusted_rand_index",
    "ball_labels",
    "bit_f1",
    "black",
    "changed_slot_accuracy",
    "check_entropy_threshold",
    "collapse_panel",
    "collisions",
    "constant_velocity",
    "copy_last",
    "effective_rank",
    "foreground_mse",
    "image_mse",
    "kept_slots",
    "majority_bits",
    "mask_centroids",
    "mask_precision_recall",
    "position_errors",
    "psnr",
    "slot_accuracy",
    "slot_entropy",
    "slot_variance",
    "target_bits",
]
