"""Looking at the wrappers around an environment."""

from __future__ import annotations

import gymnasium as gym
from gymnasium.wrappers import RecordEpisodeStatistics, TimeLimit
from stable_baselines3.common.atari_wrappers import ClipRewardEnv

from rmr_gym.envs.layers import class_names, layers


def test_layers_walks_from_the_outside_in() -> None:
    env = TimeLimit(RecordEpisodeStatistics(gym.make("CartPole-v1", disable_env_checker=True)), 5)
    assert [type(layer).__name__ for layer in layers(env)][:2] == ["TimeLimit", "RecordEpisodeStatistics"]
    assert list(layers(env.unwrapped)) == []


def test_class_names_are_those_of_the_layer_and_of_what_it_is_made_from() -> None:
    class Mine(ClipRewardEnv):
        pass

    names = class_names(Mine(gym.make("CartPole-v1")))
    assert {"Mine", "ClipRewardEnv", "RewardWrapper", "Wrapper"} <= names
    assert "ActionWrapper" not in names
