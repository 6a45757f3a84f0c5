from __future__ import annotations

import warnings
from typing import Any

import ale_py
import gymnasium as gym
import numpy as np
import pytest
from gymnasium.wrappers import (
    AtariPreprocessing,
    FrameStackObservation,
    GrayscaleObservation,
    MaxAndSkipObservation,
    RecordEpisodeStatistics,
    ResizeObservation,
    TimeLimit,
)
from stable_baselines3.common.atari_wrappers import AtariWrapper

import rmr_gym
from rmr_gym.wrappers import EncodeObservation, PairedObservation
from rmr_gym.wrappers.stock_layers import present_picture, skips_frames, visible_preprocessing

gym.register_envs(ale_py)


def console_env() -> gym.Env[Any, Any]:
    return gym.make("ALE/Pong-v5", frameskip=1, repeat_action_probability=0.0)


@pytest.mark.parametrize("wrap", [AtariPreprocessing, MaxAndSkipObservation, AtariWrapper])
def test_skips_frames_finds_the_wrappers_of_gymnasium_and_sb3(wrap: Any) -> None:
    assert skips_frames(TimeLimit(wrap(console_env()), 5))


def test_skips_frames_finds_nothing_in_an_environment_that_skips_by_itself() -> None:
    assert not skips_frames(GrayscaleObservation(gym.make("ALE/Pong-v5", frameskip=4)))


class Mean:
    def features_shape(self, observation_shape: tuple[int, ...]) -> tuple[int, ...]:
        return (1,)

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        return pixels.mean(axis=tuple(range(1, pixels.ndim)), dtype=np.float32)[:, None]


@pytest.mark.parametrize("outer", [PairedObservation, lambda env: EncodeObservation(env, Mean())])
@pytest.mark.parametrize(
    ("env", "message"),
    [
        (
            lambda: AtariWrapper(rmr_gym.make_atari("pong", paired=False)),
            "skipped once; got 4 frames per step by MaxAndSkipEnv and 4 frames per step by GameEnv, 16 in all"
            r". Make the game with make_atari\(game, frame_skip=1, noop_max=0\)",
        ),
        (
            lambda: MaxAndSkipObservation(gym.make("ALE/Pong-v5"), 3),
            "by MaxAndSkipObservation and .* AtariEnv, 12 in all",
        ),
        (
            lambda: MaxAndSkipObservation(MaxAndSkipObservation(console_env(), 2), 3),
            "3 frames per step by MaxAndSkipObservation and 2 .*, 6 in all",
        ),
    ],
)
def test_frames_that_are_skipped_twice_are_warned_of(outer: Any, env: Any, message: str) -> None:
    with pytest.warns(UserWarning, match=message) as caught:
        outer(env())
    assert len(caught) == 1


def test_warning_counts_the_frames_that_pass_in_a_step() -> None:
    env = AtariWrapper(rmr_gym.make_atari("pong", paired=False))
    env.reset(seed=0)
    before = env.unwrapped.ale.getEpisodeFrameNumber()  # type: ignore[attr-defined]
    env.step(0)
    assert env.unwrapped.ale.getEpisodeFrameNumber() == before + 16  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "env",
    [
        lambda: rmr_gym.make_atari("pong", paired=False),
        lambda: AtariWrapper(rmr_gym.make_atari("pong", paired=False, frame_skip=1, noop_max=0)),
        lambda: AtariWrapper(rmr_gym.make_atari("pong", paired=False), frame_skip=1),
        lambda: AtariPreprocessing(gym.make("ALE/Pong-v5"), frame_skip=1),
        lambda: AtariPreprocessing(console_env()),
    ],
)
def test_frames_that_are_skipped_once_are_not_warned_of(env: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        PairedObservation(env())


def test_visible_preprocessing_looks_through_layers_that_leave_the_picture() -> None:
    layer = AtariPreprocessing(console_env())
    assert visible_preprocessing(layer) == (layer, False)
    assert visible_preprocessing(TimeLimit(RecordEpisodeStatistics(layer), 5)) == (layer, False)
    assert visible_preprocessing(TimeLimit(FrameStackObservation(layer, 4), 5)) == (layer, True)


def test_visible_preprocessing_stops_at_layers_that_change_the_picture() -> None:
    layer = AtariPreprocessing(console_env())
    flipped = gym.wrappers.TransformObservation(layer, np.flipud, layer.observation_space)
    twice = FrameStackObservation(FrameStackObservation(layer, 2), 2)
    for env in (ResizeObservation(layer, (42, 42)), flipped, twice, console_env()):
        assert visible_preprocessing(env) == (None, False)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"grayscale_newaxis": True},
        {"scale_obs": True},
        {"grayscale_obs": False, "screen_size": (84, 96)},
        {"screen_size": (160, 210)},
    ],
    ids=str,
)
def test_present_picture_is_the_first_picture_of_the_layer(options: dict[str, Any]) -> None:
    layer = AtariPreprocessing(console_env(), **options)
    first, _ = layer.reset(seed=0)  # the one that Gymnasium does not pool
    picture = present_picture(layer)
    assert picture.dtype == first.dtype
    np.testing.assert_array_equal(picture, first)
