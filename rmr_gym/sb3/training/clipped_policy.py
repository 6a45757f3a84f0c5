"""What both forms of proximal policy optimisation share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rmr_gym.errors import explain
from rmr_gym.sb3.training.adam import AdamConfig
from rmr_gym.sb3.training.algorithm import schedule


@dataclass(frozen=True, kw_only=True, slots=True)
class ClippedPolicyConfig(AdamConfig):
    """Base of the configs of PPO, with the settings of RL Baselines3 Zoo 2.9 for Atari."""

    num_envs: int = 8
    """Environments that are stepped together."""

    n_steps: int = 128
    """Steps of each environment between two updates."""

    n_epochs: int = 4
    """Passes over the collected steps."""

    batch_size: int = 256
    """Steps in a minibatch."""

    learning_rate: float = 2.5e-4
    """Step size of Adam at the start."""

    clip_range: float = 0.1
    """How far the probability of an action may move in an update, at the start."""

    anneal: bool = True
    """Let `learning_rate` and `clip_range` fall to 0 over the training."""

    ent_coef: float = 0.01
    """Weight of the entropy of the policy."""

    vf_coef: float = 0.5
    """Weight of the error of the value."""

    gae_lambda: float = 0.95
    """Decay of the advantage estimate (Stable-Baselines3's default)."""

    def __post_init__(self) -> None:
        """Refuse numbers out of range, and minibatches of one step, whose advantage cannot be normalised."""
        AdamConfig.__post_init__(self)
        if min(self.batch_size, self.num_envs * self.n_steps) < 2:
            got = f"batch_size={self.batch_size}, num_envs={self.num_envs}, n_steps={self.n_steps}"
            fix = "Raise batch_size, or n_steps."
            raise ValueError(explain(expected="minibatches of at least 2 steps", got=got, fix=fix))

    @property
    def adam_epsilon(self) -> float:
        """What Stable-Baselines3 adds to the denominator of Adam for policies with a value."""
        return 1e-5

    @property
    def steps_per_rollout(self) -> int:
        """Environment steps between two updates, of all environments together."""
        return self.num_envs * self.n_steps

    def keywords(self) -> dict[str, Any]:
        """Return the keywords of its constructor."""
        return {
            "n_steps": self.n_steps,
            "n_epochs": self.n_epochs,
            "batch_size": self.batch_size,
            "learning_rate": schedule(self.learning_rate, anneal=self.anneal),
            "clip_range": schedule(self.clip_range, anneal=self.anneal),
            "ent_coef": self.ent_coef,
            "vf_coef": self.vf_coef,
            "gae_lambda": self.gae_lambda,
            "gamma": self.gamma,
        }
