"""What an objective is: a batch and a model in, one number to minimise and named terms to watch out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from jaxtyping import Float, Int, Num, UInt8
from torch import Tensor, nn

from rmr_gym.models import NaturalModel


class LazyTerms(Mapping[str, Float[Tensor, "..."]]):
    """Terms that are computed when the first of them is read: most steps of a run are not written to the log.

    Args:
        compute: returns the terms; called once at most. What it needs is kept until then.
    """

    def __init__(self, compute: Callable[[], Mapping[str, Float[Tensor, "..."]]]) -> None:
        self._compute = compute

    def __getitem__(self, name: str) -> Float[Tensor, "..."]:
        """Return a term."""
        return self._terms[name]

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names."""
        return iter(self._terms)

    def __len__(self) -> int:
        """Return the number of terms."""
        return len(self._terms)

    @cached_property
    def _terms(self) -> Mapping[str, Float[Tensor, "..."]]:
        return self._compute()


@dataclass(frozen=True, slots=True)
class LossTerms:
    """What an objective returns."""

    total: Float[Tensor, ""]
    """What is minimised."""

    logged: Mapping[str, Float[Tensor, ""]] = field(default_factory=dict)
    """Parts and monitors, detached, by name; a `LazyTerms` where they cost something."""


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
