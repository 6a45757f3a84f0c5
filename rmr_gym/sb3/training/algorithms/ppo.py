"""Proximal policy optimisation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rmr_gym.errors import missing_extra
from rmr_gym.sb3.training.clipped_policy import ClippedPolicyConfig

if TYPE_CHECKING:
    from stable_baselines3.common.base_class import BaseAlgorithm


@dataclass(frozen=True, kw_only=True, slots=True)
class PpoConfig(ClippedPolicyConfig):
    """PPO with the settings of RL Baselines3 Zoo 2.9 for Atari (`hyperparams/ppo.yml`, `atari`)."""

    def algorithm_class(self) -> type[BaseAlgorithm]:
        """Return the class of the algorithm."""
        try:
            from stable_baselines3 import PPO
        except ImportError as error:
            raise missing_extra("stable_baselines3", "sb3") from error
        return PPO
