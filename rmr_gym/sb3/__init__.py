"""Encoders in policies of Stable-Baselines3.

Importing this package needs no Stable-Baselines3; the names below load their module at first use.

Example:
    >>> from rmr_gym import sb3
    >>> "EncoderFeaturesExtractor" in dir(sb3)
    True
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rmr_gym.lazy_names import lazy_names

if TYPE_CHECKING:
    from rmr_gym.sb3.agent_features import AgentFeatures, AgentReadingConfig
    from rmr_gym.sb3.agent_loading import load_agent_features
    from rmr_gym.sb3.features_extractor import EncoderFeaturesExtractor
    from rmr_gym.sb3.player import AgentPlayer, agent_players
    from rmr_gym.sb3.policy_kwargs import policy_kwargs_from, ram_policy_kwargs_from
    from rmr_gym.sb3.ram_features_extractor import RamFeaturesExtractor
    from rmr_gym.sb3.training import AgentConfig, evaluate_agent, train_agent
    from rmr_gym.sb3.unfreezing import UnfreezeEncoder
    from rmr_gym.sb3.vec_encode_observation import VecEncodeObservation

__all__ = [
    "AgentConfig",
    "AgentFeatures",
    "AgentPlayer",
    "AgentReadingConfig",
    "EncoderFeaturesExtractor",
    "RamFeaturesExtractor",
    "UnfreezeEncoder",
    "VecEncodeObservation",
    "agent_players",
    "evaluate_agent",
    "load_agent_features",
    "policy_kwargs_from",
    "ram_policy_kwargs_from",
    "train_agent",
]

_WHERE = {
    "AgentConfig": "rmr_gym.sb3.training",
    "AgentFeatures": "rmr_gym.sb3.agent_features",
    "AgentPlayer": "rmr_gym.sb3.player",
    "AgentReadingConfig": "rmr_gym.sb3.agent_features",
    "EncoderFeaturesExtractor": "rmr_gym.sb3.features_extractor",
    "RamFeaturesExtractor": "rmr_gym.sb3.ram_features_extractor",
    "UnfreezeEncoder": "rmr_gym.sb3.unfreezing",
    "VecEncodeObservation": "rmr_gym.sb3.vec_encode_observation",
    "agent_players": "rmr_gym.sb3.player",
    "evaluate_agent": "rmr_gym.sb3.training",
    "load_agent_features": "rmr_gym.sb3.agent_loading",
    "policy_kwargs_from": "rmr_gym.sb3.policy_kwargs",
    "ram_policy_kwargs_from": "rmr_gym.sb3.policy_kwargs",
    "train_agent": "rmr_gym.sb3.training",
}
"""Module of each public name that is loaded at first use."""

__getattr__, __dir__ = lazy_names(__name__, _WHERE)
