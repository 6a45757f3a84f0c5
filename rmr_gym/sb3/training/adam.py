"""What the configs of algorithms share whose networks are trained by Adam."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from torch.optim import Adam

from rmr_gym.sb3.training.algorithm import AlgorithmConfig


@dataclass(frozen=True, kw_only=True, slots=True)
class AdamConfig(AlgorithmConfig):
    """Base of the configs of algorithms that are trained by Adam."""

    fused_adam: bool = True
    """Let one kernel of PyTorch make the steps of Adam. ours: behind the features of an encoder stands a layer of
    millions of weights, whose steps are several times faster so; results differ by rounding."""

    MEANT_BEFORE = MappingProxyType({"fused_adam": False})
    """What it means that a field is absent from a document that was written before the field existed."""

    @property
    def adam_epsilon(self) -> float:
        """What Stable-Baselines3 adds to the denominator of Adam for this algorithm."""
        raise NotImplementedError

    def policy_kwargs(self) -> dict[str, Any]:
        """Return the optimizer, with all that Stable-Baselines3 says of it where nobody else does."""
        if not self.fused_adam:
            return {}
        return {"optimizer_class": Adam, "optimizer_kwargs": {"eps": self.adam_epsilon, "fused": True}}
