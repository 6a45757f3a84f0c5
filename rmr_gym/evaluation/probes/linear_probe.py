"""A fitted linear read-out, and what every way of fitting one shares."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor
from torch.nn import functional

from rmr_gym.errors import explain
from rmr_gym.evaluation.features import feature_chunks


class LinearProbe:
    """A fitted linear read-out.

    Args:
        mean: mean of each feature in training.
        precision: one over its standard deviation; 0 for constant features.
        weight: one row per target bit, for standardised features.
        bias: log-odds of each bit at the mean.

    Attributes:
        num_epochs: passes over the data before fitting ended.
    """

    def __init__(
        self,
        *,
        mean: Float[Tensor, " feature"],
        precision: Float[Tensor, " feature"],
        weight: Float[Tensor, "target feature"],
        bias: Float[Tensor, " target"],
        num_epochs: int = 0,
    ) -> None:
        self.mean, self.precision, self.weight, self.bias = mean, precision, weight, bias
        self.num_epochs = num_epochs

    def standardise(self, features: Float[Tensor, "batch feature"]) -> Float[Tensor, "batch feature"]:
        """Apply the training statistics."""
        return (features - self.mean) * self.precision

    @torch.no_grad()
    def logits(self, features: Float[np.ndarray, "batch feature"]) -> Float[Tensor, "batch target"]:
        """Return the log-odds of each bit, on the device of the probe."""
        chunks = feature_chunks(features, device=self.mean.device)
        return torch.cat([functional.linear(self.standardise(chunk), self.weight, self.bias) for chunk in chunks])

    def predict(self, features: Float[np.ndarray, "batch feature"]) -> UInt8[np.ndarray, "batch target"]:
        """Return zeros and ones for each frame."""
        return (self.logits(features) > 0).to(torch.uint8).cpu().numpy()


def with_constant_bits(
    weight: Float[Tensor, "fitted feature"],
    bias: Float[Tensor, " fitted"],
    frequency: Float[np.ndarray, " target"],
    varying: Bool[np.ndarray, " target"],
) -> tuple[Float[Tensor, "target feature"], Float[Tensor, " target"]]:
    """Put the rows of the varying bits among those of the constant ones, which are predicted as what they are.

    Args:
        weight: one row per varying bit.
        bias: one entry per varying bit.
        frequency: share of ones of every bit.
        varying: which bits the rows belong to.

    Returns:
        Weight and bias of all bits.
    """
    all_weight = weight.new_zeros(len(varying), weight.shape[1])
    all_bias = torch.where(torch.from_numpy(frequency).to(weight) > 0.5, 1.0, -1.0)
    chosen = torch.from_numpy(varying).to(weight.device)
    all_weight[chosen], all_bias[chosen] = weight, bias
    return all_weight, all_bias


def check_same_frames(
    features: Float[np.ndarray, "batch feature"],
    targets: UInt8[np.ndarray, "_ target"],
    episodes: Int[np.ndarray, " _"],
) -> None:
    """Refuse arrays of different lengths.

    Raises:
        ValueError: when the lengths differ.
    """
    if not len(features) == len(targets) == len(episodes):
        raise ValueError(
            explain(
                expected="features, targets and episodes of the same frames",
                got=f"{len(features)}, {len(targets)} and {len(episodes)} rows",
                fix="Select the same rows in all three.",
            )
        )
