"""InfoNCE over the energies of C-SWM: every other sample of the batch is a negative."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn import functional

from rmr_gym.errors import explain
from rmr_gym.models import NaturalModel
from rmr_gym.objectives.energy import all_energies, collapse_monitors
from rmr_gym.objectives.interface import LazyTerms, LossTerms, NaturalBatch, Objective


@dataclass(frozen=True, kw_only=True, slots=True)
class InfoNceConfig:
    """Cross-entropy of picking the true next frame out of the batch by its energy."""

    sigma: float = 0.5
    """Scale of the energies (C-SWM's code)."""

    temperature: float = 1.0
    """Energies are divided by it before the softmax."""

    def __post_init__(self) -> None:
        if not (self.sigma > 0 and self.temperature > 0):
            expected = "sigma > 0 and temperature > 0"
            raise ValueError(explain(expected=expected, got=self, fix="Pass positive numbers."))

    def build(self) -> InfoNce:
        """Build the objective."""
        return InfoNce(self)


class InfoNce(Objective):
    """`-log softmax_j(-d(zhat_i, z'_j) / temperature)` at j = i.

    There is no margin: the term never switches off, and pairs that are hardest to tell apart weigh most.

    Source: energies of the paper, section 5; van den Oord et al. 2018 for the loss.
    """

    def __init__(self, config: InfoNceConfig) -> None:
        super().__init__()
        self.config = config

    def forward(self, model: NaturalModel, batch: NaturalBatch) -> LossTerms:
        """Compute the loss of one batch."""
        latents = model(batch.pixels, batch.action, batch.next_pixels)
        energies = all_energies(latents.predicted, latents.following, sigma=self.config.sigma)
        target = torch.arange(len(energies), device=energies.device)
        logits = -energies / self.config.temperature
        loss = functional.cross_entropy(logits, target)
        positive = energies.diagonal()
        negatives = energies.detach().sum() - positive.detach().sum()
        logged = {
            "positive": positive.detach().mean(),
            "negative": negatives / (energies.numel() - len(energies)),
            "accuracy": (logits.argmax(1) == target).float().mean(),
        }
        return LossTerms(loss, LazyTerms(lambda: logged | collapse_monitors(latents.current)))
