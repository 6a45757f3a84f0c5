"""Deep Q-learning of quantiles of the return."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rmr_gym.errors import missing_extra
from rmr_gym.sb3.training.replaying import ReplayConfig

if TYPE_CHECKING:
    from stable_baselines3.common.base_class import BaseAlgorithm


@dataclass(frozen=True, kw_only=True, slots=True)
class QrDqnConfig(ReplayConfig):
    """QR-DQN with the settings of RL Baselines3 Zoo 2.9 for Atari (`hyperparams/qrdqn.yml`), but the buffer.

    Its default of a million steps of four 84x84 pictures would take 56 GB.
    """

    learning_rate: float = 5e-5
    """Step size of Adam (sb3-contrib's default)."""

    learning_starts: int = 50_000
    """Environment steps before the first update."""

    target_update_interval: int = 10_000
    """Environment steps between two copies to the target network (sb3-contrib's default)."""

    exploration_fraction: float = 0.025
    """Share of the training over which the share of random actions falls."""

    n_quantiles: int = 200
    """Quantiles of the return of each action (sb3-contrib's default)."""

    @property
    def adam_epsilon(self) -> float:
        """What sb3-contrib adds to the denominator of Adam."""
        return 0.01 / self.batch_size

    def algorithm_class(self) -> type[BaseAlgorithm]:
        """Return the class of the algorithm."""
        try:
            from sb3_contrib import QRDQN
        except ImportError as error:
            raise missing_extra("sb3_contrib", "sb3") from error
        return QRDQN

    def policy_kwargs(self) -> dict[str, Any]:
        """Return the optimizer and the number of quantiles."""
        return ReplayConfig.policy_kwargs(self) | {"n_quantiles": self.n_quantiles}
