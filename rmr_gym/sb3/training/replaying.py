"""What the algorithms share that learn the values of actions from a replay buffer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from rmr_gym.sb3.training.adam import AdamConfig


@dataclass(frozen=True, kw_only=True, slots=True)
class ReplayConfig(AdamConfig):
    """Base of the configs of deep Q-learning, with the settings of RL Baselines3 Zoo 2.9 for DQN on Atari.

    A step in the replay buffer holds two observations: 100,000 steps of four 84x84 pictures are 5.6 GB.
    """

    learning_rate: float = 1e-4
    """Step size of Adam."""

    buffer_size: int = 100_000
    """Steps in the replay buffer."""

    batch_size: int = 32
    """Steps in an update."""

    learning_starts: int = 100_000
    """Environment steps before the first update."""

    train_freq: int = 4
    """Steps of each environment between two updates."""

    gradient_steps: int = 1
    """Updates at a time."""

    target_update_interval: int = 1_000
    """Environment steps between two copies to the target network."""

    exploration_fraction: float = 0.1
    """Share of the training over which the share of random actions falls."""

    exploration_final_eps: float = 0.01
    """Share of random actions afterwards."""

    off_policy: ClassVar[bool] = True

    @property
    def adam_epsilon(self) -> float:
        """What PyTorch adds to the denominator of Adam, where Stable-Baselines3 says nothing of it."""
        return 1e-8

    @property
    def steps_per_rollout(self) -> int:
        """Environment steps between two updates, of all environments together."""
        return self.num_envs * self.train_freq

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
