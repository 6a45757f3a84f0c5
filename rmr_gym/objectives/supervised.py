"""The ceiling: an encoder trained on the memory bits themselves."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Bool
from torch import Tensor, nn
from torch.nn import functional

from rmr_gym.models import NaturalModel, unpack_bits
from rmr_gym.objectives.energy import collapse_monitors
from rmr_gym.objectives.interface import LazyTerms, LossTerms, NaturalBatch, Objective


@dataclass(frozen=True, kw_only=True, slots=True)
class SupervisedConfig:
    """Binary cross-entropy of a linear head on the concatenated slots."""

    def build(self, targets: Bool[Tensor, " bit"], num_features: int) -> Supervised:
        """Build the objective for the bits that vary in the training data."""
        return Supervised(targets, num_features)


class Supervised(Objective):
    """Predicts the bits behind the frame that is encoded. An oracle: it sees what the probe will ask for.

    Args:
        targets: which of the `slot * 8` bits are predicted.
        num_features: width of the concatenated slots.
    """

    targets: Tensor

    def __init__(self, targets: Bool[Tensor, " bit"], num_features: int) -> None:
        super().__init__()
        self.register_buffer("targets", targets.nonzero().squeeze(1))  # an index: a mask would wait for the GPU
        self.head = nn.Linear(num_features, int(targets.sum()))

    def forward(self, model: NaturalModel, batch: NaturalBatch) -> LossTerms:
        """Compute the loss of one batch."""
        slots = model.encode(batch.pixels)
        bits = unpack_bits(batch.ram).flatten(1)[:, self.targets]
        logits = self.head(slots.flatten(1))
        loss = functional.binary_cross_entropy_with_logits(logits, bits)
        logged = {"bit_accuracy": ((logits > 0) == (bits > 0)).float().mean().detach()}
        return LossTerms(loss, LazyTerms(lambda: logged | collapse_monitors(slots)))
