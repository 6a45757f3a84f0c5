"""A convolutional network from scratch."""

from __future__ import annotations

from dataclasses import dataclass

from rmr_gym.sb3.training.observing import ObservingConfig


@dataclass(frozen=True, kw_only=True, slots=True)
class NatureCnnFeatures(ObservingConfig):
    """Stable-Baselines3's `NatureCNN`, trained with the policy: what everybody starts from.

    Three convolutions and a linear layer of 512, which actor and critic share; behind it nothing but their outputs.
    """
