"""The paper's objective: the contrastive hinge loss of C-SWM."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from rmr_gym.errors import explain
from rmr_gym.models import NaturalModel
from rmr_gym.objectives.energy import collapse_monitors, pair_energy
from rmr_gym.objectives.interface import LazyTerms, LossTerms, NaturalBatch, Objective

NegativeTime = Literal["current", "next"]


@dataclass(frozen=True, kw_only=True, slots=True)
class HingeConfig:
    """Positive energy plus a hinge that pushes negatives beyond a margin."""

    sigma: float = 0.5
    """Scale of the energies (C-SWM's code, which the paper takes over)."""

    margin: float = 1.0
    """Energy from which a negative no longer counts (C-SWM's code)."""

    negatives: NegativeTime = "current"
    """Frames that negatives are compared with: z_t as in C-SWM's code, or z_{t+1} as in its paper."""

    def __post_init__(self) -> None:
        if not (self.sigma > 0 and self.margin > 0):
            raise ValueError(explain(expected="sigma > 0 and margin > 0", got=self, fix="Pass positive numbers."))
        if self.negatives not in get_args(NegativeTime):
            fix = f"Choose one of {', '.join(get_args(NegativeTime))}."
            raise ValueError(explain(expected="a known kind of negatives", got=self.negatives, fix=fix))

    def build(self) -> Hinge:
        """Build the objective."""
        return Hinge(self)


class Hinge(Objective):
    """`mean d(zhat, z') + mean max(0, margin - d(z, z_negative))`, with gradients through every latent.

    Source: paper, section 5 ("exactly the same TransE-inspired contrastive loss that C-SWM used").
    """

    def __init__(self, config: HingeConfig) -> None:
        super().__init__()
        self.config = config

    def forward(self, model: NaturalModel, batch: NaturalBatch) -> LossTerms:
        """Compute the loss of one batch."""
        latents = model(batch.pixels, batch.action, batch.next_pixels)
        anchor = latents.current if self.config.negatives == "current" else latents.following
        positive = pair_energy(latents.predicted, latents.following, sigma=self.config.sigma)
        negative = pair_energy(anchor, latents.current[batch.permutation], sigma=self.config.sigma)
        hinge = (self.config.margin - negative).clamp_min(0)
        logged = {
            "positive": positive.detach().mean(),
            "negative": negative.detach().mean(),
            "active_margins": (hinge.detach() > 0).float().mean(),
        }
        return LossTerms(positive.mean() + hinge.mean(), LazyTerms(lambda: logged | collapse_monitors(latents.current)))
