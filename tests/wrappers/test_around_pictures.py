"""Wrappers that want the picture alone, around what has something beside it."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.wrappers import FilterObservation, MaxAndSkipObservation, TimeLimit, TransformObservation
from stable_baselines3 import PPO
from stable_baselines3.common.atari_wrappers import AtariWrapper, MaxAndSkipEnv, WarpFrame
from stable_baselines3.common.env_util import make_atari_env, make_vec_env
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import VecEnv, VecFrameStack

import rmr_gym
from rmr_gym.wrappers import PairedObservation, StateVariables

Env = gym.Env[Any, Any]

WHOLE = 'PairedObservation(AtariWrapper(env), into="info"), where env is rmr_gym.make_atari(game, paired=False'
WARPED = 'PairedObservation(WarpFrame(env), into="info"), where env is rmr_gym.make_atari(game, paired=False)'
GAME = '{"game": "pong", "paired": False, "frame_skip": 1, "noop_max": 0}'


def pair() -> Env:
    return gym.make("rmr/Pong-v0")


@pytest.mark.parametrize(
    ("wrap", "asker", "advice"),
    [
        (AtariWrapper, "AtariWrapper", f"{WHOLE}, frame_skip=1, noop_max=0)"),
        (lambda env: AtariWrapper(env, frame_skip=1), "AtariWrapper", f"{WHOLE})"),
        (WarpFrame, "WarpFrame", WARPED),
        (MaxAndSkipEnv, "MaxAndSkipEnv", 'PairedObservation(MaxAndSkipEnv(env), into="info"), where env is '),
        (MaxAndSkipObservation, "MaxAndSkipObservation", "rmr_gym.make_atari(game, paired=False, frame_skip=1)"),
        (lambda env: WarpFrame(TimeLimit(Monitor(env), 5)), "WarpFrame", WARPED),
        (lambda env: WarpFrame(StateVariables(env)), "WarpFrame", WARPED),
    ],
)
def test_wrapper_for_pictures_around_the_pair_is_told_the_right_order(
    wrap: Callable[[Env], Env], asker: str, advice: str
) -> None:
    with pytest.raises(ValueError, match="^Expected pictures in") as refused:
        wrap(pair())
    said = str(refused.value)
    assert said.startswith(f"Expected pictures in {asker}; got the dictionary of PairedObservation (pixels, ram). ")
    assert advice in said
    assert said.endswith(").")


def test_values_beside_the_picture_are_told_the_right_order() -> None:
    env = StateVariables(rmr_gym.make_atari("pong", paired=False), into="observation")
    with pytest.raises(ValueError, match=r"dictionary of StateVariables \(pixels, variables\).*StateVariables\(WarpF"):
        WarpFrame(env)


def test_advice_for_a_single_environment_works() -> None:
    made = rmr_gym.make_atari("pong", paired=False, frame_skip=1, noop_max=0)
    env = PairedObservation(AtariWrapper(made), into="info")
    assert env.reset(seed=0)[1]["ram"].shape == (128,)
    before = env.unwrapped.ale.getEpisodeFrameNumber()  # type: ignore[attr-defined]
    observation, *_ = env.step(0)
    assert observation.shape == (84, 84, 1)
    assert env.unwrapped.ale.getEpisodeFrameNumber() == before + 4  # type: ignore[attr-defined]


def learn(venv: VecEnv) -> PPO:
    return PPO("CnnPolicy", VecFrameStack(venv, 4), n_steps=4, batch_size=4, n_epochs=1, seed=0).learn(4)


def test_make_atari_env_is_told_two_calls_that_work() -> None:
    with pytest.raises(
        ValueError, match="^Expected pictures in make_atari_env; got the dictionary of Paired"
    ) as refused:
        make_atari_env("rmr/Pong-v0")
    fix = str(refused.value).partition("Call ")[2].removesuffix(".")
    with_ram, without_ram = fix.split(", or, for pictures alone, ")
    assert GAME in with_ram
    assert GAME in without_ram
    names = {name: globals()[name] for name in ("make_vec_env", "make_atari_env", "AtariWrapper", "PairedObservation")}
    for call, has_ram in ((with_ram, True), (without_ram, False)):
        venv = eval(call, {"rmr_gym": rmr_gym, **names})
        assert learn(venv).observation_space.shape == (4, 84, 84)
        assert ("ram" in venv.step([0])[3][0]) is has_ram
        venv.close()


def test_wrapper_that_takes_the_picture_out_of_the_pair_may_stand_between() -> None:
    class PictureAlone(gym.ObservationWrapper[Any, Any, Any]):
        @property
        def observation_space(self) -> spaces.Space[Any]:
            return self.env.observation_space["pixels"]  # type: ignore[index]

        def observation(self, observation: Any) -> Any:
            return observation["pixels"]

    filtered = FilterObservation(pair(), filter_keys=["pixels"])
    picture = filtered.observation_space["pixels"]  # type: ignore[index]
    for env in (PictureAlone(pair()), TransformObservation(filtered, lambda parts: parts["pixels"], picture)):
        assert WarpFrame(TimeLimit(env, 5)).reset(seed=0)[0].shape == (84, 84, 1)


def test_ram_in_the_info_stands_in_nobody_s_way() -> None:
    env = WarpFrame(PairedObservation(rmr_gym.make_atari("pong", paired=False), into="info"))
    assert env.reset(seed=0)[1]["ram"].shape == (128,)


def test_space_that_others_ask_for_is_the_dictionary_and_copies_ask_again() -> None:
    env = pair()
    plain = spaces.Dict(
        {"pixels": spaces.Box(0, 255, (210, 160, 3), np.uint8), "ram": spaces.Box(0, 255, (128,), np.uint8)}
    )
    for one in (env, Monitor(env), pickle.loads(pickle.dumps(env)), copy.deepcopy(env)):
        assert one.observation_space == plain
        with pytest.raises(ValueError, match="pictures in WarpFrame"):
            WarpFrame(one)
    assert make_vec_env("rmr/Pong-v0", n_envs=2).observation_space == plain
