"""The algorithms that agents are trained with: one config each, with the settings of RL Baselines3 Zoo for Atari."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rmr_gym.registry import Registry, union_of
from rmr_gym.sb3.training.algorithms.a2c import A2cConfig
from rmr_gym.sb3.training.algorithms.dqn import DqnConfig
from rmr_gym.sb3.training.algorithms.ppo import PpoConfig
from rmr_gym.sb3.training.algorithms.qrdqn import QrDqnConfig
from rmr_gym.sb3.training.algorithms.recurrent_ppo import RecurrentPpoConfig

ALGORITHMS: Registry[type[AnyAlgorithmConfig]] = Registry(
    "algorithm",
    ("ppo", PpoConfig),
    ("a2c", A2cConfig),
    ("dqn", DqnConfig),
    ("qrdqn", QrDqnConfig),
    ("recurrent_ppo", RecurrentPpoConfig),
)
"""Name of each algorithm and its config."""

if TYPE_CHECKING:
    AnyAlgorithmConfig = PpoConfig | A2cConfig | DqnConfig | QrDqnConfig | RecurrentPpoConfig
else:  # what can be read from JSON is what stands in the registry
    AnyAlgorithmConfig = union_of(ALGORITHMS)

__all__ = [
    "ALGORITHMS",
    "A2cConfig",
    "AnyAlgorithmConfig",
    "DqnConfig",
    "PpoConfig",
    "QrDqnConfig",
    "RecurrentPpoConfig",
]
