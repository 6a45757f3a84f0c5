from __future__ import annotations

from typing import Any

import ale_py
import gymnasium as gym
import numpy as np
import pytest

import rmr_gym
from rmr_gym.envs.actions import ACTION_NAMES, NUM_ACTIONS, ActionCodec, one_hot_actions
from rmr_gym.envs.game_env import GameEnv
from rmr_gym.envs.games import GAMES

gym.register_envs(ale_py)


def test_action_names_are_those_of_ale_at_their_values() -> None:
    assert {name: action.value for name, action in ale_py.Action.__members__.items()} == {
        name: value for value, name in enumerate(ACTION_NAMES)
    }
    assert NUM_ACTIONS == 18


def test_one_hot_actions_puts_the_one_at_the_value() -> None:
    codes = one_hot_actions(np.array([[0, 17], [3, 3]]))
    assert codes.shape == (2, 2, 18)
    assert codes.dtype == np.float32
    np.testing.assert_array_equal(np.argwhere(codes == 1), [[0, 0, 0], [0, 1, 17], [1, 0, 3], [1, 1, 3]])
    assert codes.sum() == 4


def test_one_hot_actions_takes_a_single_value() -> None:
    np.testing.assert_array_equal(one_hot_actions(2), np.eye(18)[2])


@pytest.mark.parametrize("values", [18, -1, [0, 99], np.array([0.5]), np.array([True])])
def test_one_hot_actions_refuses_what_is_no_action_value(values: Any) -> None:
    with pytest.raises(ValueError, match=r"integers in 0\.\.17"):
        one_hot_actions(values)


@pytest.mark.parametrize("rom_id", GAMES)
def test_codec_translates_the_minimal_action_set_of_every_game(rom_id: str) -> None:
    minimal = GameEnv(rom_id, full_actions=False)
    codec = ActionCodec.of(minimal)
    meanings = minimal.unwrapped.get_action_meanings()
    assert [ACTION_NAMES[codec.to_value(index)] for index in range(len(meanings))] == meanings
    assert [codec.to_index(value) for value in codec.values] == list(range(minimal.action_space.n))


def test_codec_of_the_full_action_set_changes_nothing() -> None:
    assert ActionCodec.of(rmr_gym.make_atari("skiing")).values == tuple(range(18))


def test_codec_keeps_values_apart_from_indices() -> None:
    pong = ActionCodec.of(gym.make("ALE/Pong-v5"))
    assert ACTION_NAMES[pong.to_value(2)] == "RIGHT"
    assert pong.to_value(2) == 3
    skiing = ActionCodec.of(gym.make("ALE/Skiing-v5", full_action_space=True))
    assert len(skiing.values) == 9
    assert ACTION_NAMES[skiing.to_value(2)] == "RIGHT"


def test_codec_reads_through_wrappers() -> None:
    env = gym.wrappers.FrameStackObservation(rmr_gym.make_atari("pong", full_actions=False), 2)
    assert ActionCodec.of(env).values == (0, 1, 3, 4, 11, 12)


def test_skiing_moves_by_value_as_in_its_own_action_set() -> None:
    ours = rmr_gym.make_atari("skiing", noop_max=0)
    theirs = gym.make("ALE/Skiing-v5", frameskip=4, repeat_action_probability=0.0, obs_type="ram")
    assert ours.action_space == gym.spaces.Discrete(18)
    codec = ActionCodec.of(theirs)
    ours.reset(seed=0)
    theirs.reset(seed=0)
    for name in ["RIGHT"] * 20 + ["LEFT"] * 40 + ["NOOP"] * 5:
        value = ACTION_NAMES.index(name)
        observation = ours.step(value)[0]
        np.testing.assert_array_equal(observation["ram"], theirs.step(codec.to_index(value))[0])


def test_skiing_accepts_the_actions_that_its_own_set_lacks() -> None:
    env = rmr_gym.make_atari("skiing", full_actions=True)
    env.reset(seed=0)
    first = env.step(ACTION_NAMES.index("FIRE"))[0]
    last = env.step(ACTION_NAMES.index("DOWNLEFTFIRE"))[0]
    assert (first["ram"] != last["ram"]).any()


@pytest.mark.parametrize("values", [(0, 0), (18,), (-1,)])
def test_codec_refuses_values_that_ale_does_not_know(values: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="distinct ALE action values"):
        ActionCodec(values)


def test_codec_refuses_indices_and_values_outside_the_action_set() -> None:
    codec = ActionCodec((0, 1, 3))
    with pytest.raises(ValueError, match=r"index in 0\.\.2; got 3"):
        codec.to_value(3)
    with pytest.raises(ValueError, match=r"index in 0\.\.2; got -1"):
        codec.to_value(-1)
    with pytest.raises(ValueError, match=r"out of \(0, 1, 3\); got 2.*full_actions=True"):
        codec.to_index(2)


@pytest.mark.parametrize(
    "env",
    [
        pytest.param(lambda: gym.make("CartPole-v1"), id="no console"),
        pytest.param(lambda: gym.make("ALE/Pong-v5", continuous=True), id="continuous"),
        pytest.param(
            lambda: gym.wrappers.TransformAction(gym.make("ALE/Pong-v5"), lambda a: a + 1, gym.spaces.Discrete(2)),
            id="renumbered",
        ),
    ],
)
def test_codec_refuses_environments_whose_actions_are_not_those_of_ale(env: Any) -> None:
    with pytest.raises(ValueError, match="own discrete action space"):
        ActionCodec.of(env())
