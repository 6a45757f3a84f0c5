"""Objective of the abstract pipeline: which bytes are overwritten, and with what."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from rmr_gym.errors import explain
from rmr_gym.models import RamPrediction
from rmr_gym.objectives.interface import LossTerms


@dataclass(frozen=True, kw_only=True, slots=True)
class MaskedRamConfig:
    """Binary cross-entropy of the mask and, where the true mask is set, of the bits."""

    bit_weight: float = 1.0
    """Weight of the bits' term beside the mask's. ours: the paper gives none."""

    teacher_forcing: bool = True
    """Average the bits' term over bytes that truly changed (paper, appendix F), or over all bytes."""

    def __post_init__(self) -> None:
        if not self.bit_weight > 0:
            raise ValueError(explain(expected="bit_weight > 0", got=self.bit_weight, fix="Pass a positive number."))


def masked_ram_loss(
    prediction: RamPrediction,
    bits: Float[Tensor, "batch slot 8"],
    next_bits: Float[Tensor, "batch slot 8"],
    config: MaskedRamConfig,
) -> LossTerms:
    """Compute the loss of the abstract pipeline.

    Teacher forcing puts the true mask in the place of the predicted one when the output is composed: bytes that are
    copied then give the bit decoder no gradient.

    Source: paper, appendix F, equations 4 and 5, and the paragraph after them.

    Args:
        prediction: logits of the model.
        bits: memory before the action, 0 or 1.
        next_bits: memory after the action.
        config: weights of the terms.

    Returns:
        The total with the terms `mask_loss`, `bit_loss` and the share of changed bytes.
    """
    changed = (bits != next_bits).any(-1)
    mask_loss = functional.binary_cross_entropy_with_logits(prediction.mask_logits, changed.to(bits.dtype))
    per_slot = functional.binary_cross_entropy_with_logits(prediction.bit_logits, next_bits, reduction="none").mean(-1)
    counted = changed if config.teacher_forcing else torch.ones_like(changed)
    bit_loss = (per_slot * counted).sum() / counted.sum().clamp_min(1)  # a batch without a change has no bit loss
    logged = {
        "mask_loss": mask_loss.detach(),
        "bit_loss": bit_loss.detach(),
        "changed_slots": changed.to(bits.dtype).mean(),
    }
    return LossTerms(mask_loss + config.bit_weight * bit_loss, logged)
