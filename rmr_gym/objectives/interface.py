"""What an objective is: a batch and a model in, one number to minimise and named terms to watch out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from jaxtyping import Float, Int, Num, UInt8
from torch import Tensor, nn

from rmr_gym.models import NaturalModel


@dataclass(frozen=True, slots=True)
class LossTerms:
    """What an objective returns."""

    total: Float[Tensor, ""]
    """What is minimised."""

    logged: Mapping[str, Float[Tensor, ""]] = field(default_factory=dict)
    """Parts and monitors, detached, by name."""


class NaturalBatch(NamedTuple):
    """Pixel transitions of one step, equal for all arms of a seed."""

    pixels: Num[Tensor, "batch channel height width"]
    action: Int[Tensor, " batch"]
    """ALE action values."""
    next_pixels: Num[Tensor, "batch channel height width"]
    permutation: Int[Tensor, " batch"]
    """Which sample serves each sample as its negative."""
    ram: UInt8[Tensor, "batch slot"]
    """Memory behind `pixels`; only oracles such as `supervised` may look at it."""


class Objective(nn.Module, ABC):
    """Loss of the natural pipeline; may have parameters of its own, which are trained with the model's."""

    @abstractmethod
    def forward(self, model: NaturalModel, batch: NaturalBatch) -> LossTerms:
        """Compute the loss of one batch."""
