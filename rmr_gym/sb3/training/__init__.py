"""Agents: what they play, what they see, how they learn, and a training that can be killed at any time."""

from __future__ import annotations

from rmr_gym.sb3.training.algorithms import (
    ALGORITHMS,
    A2cConfig,
    AnyAlgorithmConfig,
    DqnConfig,
    PpoConfig,
    QrDqnConfig,
    RecurrentPpoConfig,
)
from rmr_gym.sb3.training.config import DOCUMENTS, AgentConfig, EvaluationConfig
from rmr_gym.sb3.training.features import (
    FEATURES,
    AnyFeatures,
    EncoderFeatures,
    FineTunedFeatures,
    NatureCnnFeatures,
    StateFeatures,
)
from rmr_gym.sb3.training.run_folder import checkpoints, read_config, read_episodes, read_evaluations
from rmr_gym.sb3.training.scoring import evaluate_agent, load_agent, make_agent_env
from rmr_gym.sb3.training.tasks import BALLS_PUSH, GameOptions, PushOptions, Task, make_task_env
from rmr_gym.sb3.training.train import train_agent

__all__ = [
    "ALGORITHMS",
    "BALLS_PUSH",
    "DOCUMENTS",
    "FEATURES",
    "A2cConfig",
    "AgentConfig",
    "AnyAlgorithmConfig",
    "AnyFeatures",
    "DqnConfig",
    "EncoderFeatures",
    "EvaluationConfig",
    "FineTunedFeatures",
    "GameOptions",
    "NatureCnnFeatures",
    "PpoConfig",
    "PushOptions",
    "QrDqnConfig",
    "RecurrentPpoConfig",
    "StateFeatures",
    "Task",
    "checkpoints",
    "evaluate_agent",
    "load_agent",
    "make_agent_env",
    "make_task_env",
    "read_config",
    "read_episodes",
    "read_evaluations",
    "train_agent",
]
