"""Proximal policy optimisation with an LSTM."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from rmr_gym.errors import missing_extra
from rmr_gym.sb3.training.clipped_policy import ClippedPolicyConfig

if TYPE_CHECKING:
    from stable_baselines3.common.base_class import BaseAlgorithm


@dataclass(frozen=True, kw_only=True, slots=True)
class RecurrentPpoConfig(ClippedPolicyConfig):
    """Recurrent PPO with the settings of RL Baselines3 Zoo 2.9 for Atari (`hyperparams/ppo_lstm.yml`, `atari`)."""

    lstm_hidden_size: int = 128
    """Width of the LSTM of the actor; the critic has none."""

    recurrent: ClassVar[bool] = True

    def algorithm_class(self) -> type[BaseAlgorithm]:
        """Return the class of the algorithm."""
        try:
            from sb3_contrib import RecurrentPPO
        except ImportError as error:
            raise missing_extra("sb3_contrib", "sb3") from error
        return RecurrentPPO

    def policy_kwargs(self) -> dict[str, Any]:
        """Return the optimizer and the size of the LSTM."""
        lstm = {"enable_critic_lstm": False, "lstm_hidden_size": self.lstm_hidden_size}
        return ClippedPolicyConfig.policy_kwargs(self) | lstm
