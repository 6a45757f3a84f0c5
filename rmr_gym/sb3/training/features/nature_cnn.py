"""A convolutional network from scratch."""

from __future__ import annotations

from dataclasses import dataclass

from rmr_gym.sb3.training.observing import ObservingConfig

LEAST_SIDE = 36
"""Pixels a side of which its first two convolutions leave the three that its last one looks at: 36, 8, 3."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NatureCnnFeatures(ObservingConfig):
    """Stable-Baselines3's `NatureCNN`, trained with the policy: what everybody starts from.

    Three convolutions and a linear layer of 512, which actor and critic share; behind it nothing but their outputs.
    """
