"""Advantage actor-critic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rmr_gym.errors import missing_extra
from rmr_gym.sb3.training.algorithm import AlgorithmConfig

if TYPE_CHECKING:
    from stable_baselines3.common.base_class import BaseAlgorithm


@dataclass(frozen=True, kw_only=True, slots=True)
class A2cConfig(AlgorithmConfig):
    """A2C with the settings of RL Baselines3 Zoo 2.9 for Atari (`hyperparams/a2c.yml`, `atari`)."""

    num_envs: int = 16
    """Environments that are stepped together."""

    n_steps: int = 5
    """Steps of each environment between two updates (Stable-Baselines3's default)."""

    learning_rate: float = 7e-4
    """Step size of RMSprop (Stable-Baselines3's default)."""

    ent_coef: float = 0.01
    """Weight of the entropy of the policy."""

    vf_coef: float = 0.25
    """Weight of the error of the value."""

    gae_lambda: float = 1.0
    """Decay of the advantage estimate (Stable-Baselines3's default)."""

    @property
    def steps_per_rollout(self) -> int:
        """Environment steps between two updates, of all environments together."""
        return self.num_envs * self.n_steps

    def algorithm_class(self) -> type[BaseAlgorithm]:
        """Return the class of the algorithm."""
        try:
            from stable_baselines3 import A2C
        except ImportError as error:
            raise missing_extra("stable_baselines3", "sb3") from error
        return A2C

    def keywords(self) -> dict[str, Any]:
        """Return the keywords of its constructor."""
        return {
            "n_steps": self.n_steps,
            "learning_rate": self.learning_rate,
            "ent_coef": self.ent_coef,
            "vf_coef": self.vf_coef,
            "gae_lambda": self.gae_lambda,
            "gamma": self.gamma,
        }

    def policy_kwargs(self) -> dict[str, Any]:
        """Return the optimizer: RMSprop as in TensorFlow, whose epsilon stands inside of the root."""
        try:
            from stable_baselines3.common.sb2_compat.rmsprop_tf_like import RMSpropTFLike
        except ImportError as error:
            raise missing_extra("stable_baselines3", "sb3") from error
        return {"optimizer_class": RMSpropTFLike, "optimizer_kwargs": {"eps": 1e-5}}
