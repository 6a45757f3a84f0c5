"""Another objective plus a spring that holds the processor near the weights that it began with."""

from __future__ import annotations

import torch
from torch import Tensor

from rmr_gym.models import NaturalModel, Processor
from rmr_gym.objectives.interface import LazyTerms, LossTerms, NaturalBatch, Objective


class Anchored(Objective):
    """`loss + weight * |theta - theta_0|^2` over all weights of the processor.

    Lies between a processor that is trained freely (weight 0) and a frozen one (weight infinite).

    Args:
        objective: the loss.
        processor: at its initial weights, which are copied.
        weight: of the squared distance.
    """

    def __init__(self, objective: Objective, processor: Processor, weight: float) -> None:
        super().__init__()
        self.objective, self.weight = objective, weight
        for place, parameter in enumerate(processor.parameters()):
            self.register_buffer(f"anchor_{place}", parameter.detach().clone())

    def forward(self, model: NaturalModel, batch: NaturalBatch) -> LossTerms:
        """Compute the loss of one batch."""
        terms: LossTerms = self.objective(model, batch)
        distance = self.squared_distance(model.processor)
        logged = LazyTerms(lambda: {**terms.logged, "anchor_distance": distance.detach().sqrt()})
        return LossTerms(terms.total + self.weight * distance, logged)

    def squared_distance(self, processor: Processor) -> Tensor:
        """Return the squared distance of the weights of a processor from the anchor."""
        parts = [
            (parameter - self.get_buffer(f"anchor_{place}")).square().sum()
            for place, parameter in enumerate(processor.parameters())
        ]
        return torch.stack(parts).sum()
