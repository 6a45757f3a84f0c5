"""Deep Q-learning of quantiles of the return."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from rmr_gym.errors import missing_extra
from rmr_gym.sb3.training.algorithm import AlgorithmConfig

if TYPE_CHECKING:
    from stable_baselines3.common.base_class import BaseAlgorithm


@dataclass(frozen=True, kw_only=True, slots=True)
class QrDqnConfig(AlgorithmConfig):
    """QR-DQN with the settings of RL Baselines3 Zoo 2.9 for Atari (`hyperparams/qrdqn.yml`), but the buffer."""

    learning_rate: float = 5e-5
    """Step size of Adam (sb3-contrib's default)."""

    buffer_size: int = 100_000
    """Steps in the replay buffer. ours: sb3-contrib's million of 84x84 stacks would take 56 GB."""

    batch_size: int = 32
    """Steps in an update (sb3-contrib's default)."""

    learning_starts: int = 50_000
    """Environment steps before the first update."""

    train_freq: int = 4
    """Steps of each environment between two updates (sb3-contrib's default)."""

    gradient_steps: int = 1
    """Updates at a time (sb3-contrib's default)."""

    target_update_interval: int = 10_000
    """Environment steps between two copies to the target network (sb3-contrib's default)."""

    exploration_fraction: float = 0.025
    """Share of the training over which the share of random actions falls."""

    exploration_final_eps: float = 0.01
    """Share of random actions afterwards (sb3-contrib's default)."""

    n_quantiles: int = 200
    """Quantiles of the return of each action (sb3-contrib's default)."""

    off_policy: ClassVar[bool] = True

    @property
    def steps_per_rollout(self) -> int:
        """Environment steps between two updates, of all environments together."""
        return self.num_envs * self.train_freq

    def algorithm_class(self) -> type[BaseAlgorithm]:
        """Return the class of the algorithm."""
        try:
            from sb3_contrib import QRDQN
        except ImportError as error:
            raise missing_extra("sb3_contrib", "sb3") from error
        return QRDQN

    def keywords(self) -> dict[str, Any]:
        """Return the keywords of its constructor."""
        return {
            "learning_rate": self.learning_rate,
            "buffer_size": self.buffer_size,
            "batch_size": self.batch_size,
            "learning_starts": self.learning_starts,
            "train_freq": self.train_freq,
            "gradient_steps": self.gradient_steps,
            "target_update_interval": self.target_update_interval,
            "exploration_fraction": self.exploration_fraction,
            "exploration_final_eps": self.exploration_final_eps,
            "gamma": self.gamma,
        }

    def policy_kwargs(self) -> dict[str, Any]:
        """Return the number of quantiles."""
        return {"n_quantiles": self.n_quantiles}
