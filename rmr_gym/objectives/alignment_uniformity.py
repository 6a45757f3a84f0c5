"""The paper's two forces without a margin: predictions meet the next latent, all latents keep apart."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn import functional

from rmr_gym.errors import explain
from rmr_gym.models import NaturalModel
from rmr_gym.objectives.energy import collapse_monitors, standardise_slots
from rmr_gym.objectives.interface import LazyTerms, LossTerms, NaturalBatch, Objective


@dataclass(frozen=True, kw_only=True, slots=True)
class AlignmentUniformityConfig:
    """Squared distance of prediction and next latent, plus the repulsion of all latents of the batch."""

    alignment_weight: float = 2.0
    """Weight of the positive energy beside the repulsion. ours: see docs/objectives.md."""

    sharpness: float = 2.0
    """t of the repulsion `log sum exp(-t d)`: the larger, the more the nearest pairs count (Wang and Isola 2020)."""

    def __post_init__(self) -> None:
        if not (self.alignment_weight > 0 and self.sharpness > 0):
            expected = "alignment_weight > 0 and sharpness > 0"
            raise ValueError(explain(expected=expected, got=self, fix="Pass positive numbers."))

    def build(self) -> AlignmentUniformity:
        """Build the objective."""
        return AlignmentUniformity(self)


class AlignmentUniformity(Objective):
    """`w mean d(zhat, z') + mean_i log sum_j exp(-t d(z_i, z_j))` over all frames of the batch.

    The hinge of C-SWM has the same two parts. Here the negative part never switches off, takes every pair of the batch
    instead of one permutation, and the frames before and after an action are each other's negatives too, so that small
    movements must show. Latents are standardised over the batch and scaled to unit length first: at their initial
    weights encoders of some games write what differs between frames far smaller than a static offset in each slot.

    Source: energies of the paper, section 5; Wang and Isola 2020 for the repulsion.
    """

    def __init__(self, config: AlignmentUniformityConfig) -> None:
        super().__init__()
        self.config = config

    def forward(self, model: NaturalModel, batch: NaturalBatch) -> LossTerms:
        """Compute the loss of one batch."""
        latents = model(batch.pixels, batch.action, batch.next_pixels)
        frames = torch.cat([latents.current, latents.following])
        units, predicted = (
            functional.normalize(slots.flatten(1), dim=1)
            for slots in standardise_slots(frames, latents.predicted, over=frames)
        )
        positive = (predicted - units[len(predicted) :]).square().sum(1)
        negative = (2 - 2 * units @ units.t()).clamp_min(0)
        itself = torch.eye(len(units), dtype=torch.bool, device=units.device)
        repulsion = (-self.config.sharpness * negative).masked_fill(itself, -torch.inf).logsumexp(1)
        logged = {
            "positive": positive.detach().mean(),
            "negative": negative.detach().sum() / (negative.numel() - len(units)),
            "repulsion": repulsion.detach().mean(),
        }
        total = self.config.alignment_weight * positive.mean() + repulsion.mean()
        return LossTerms(total, LazyTerms(lambda: logged | collapse_monitors(latents.current)))
