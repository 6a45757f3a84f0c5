from __future__ import annotations

import json
import pickle
import subprocess
import sys
from collections import deque
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AsyncVectorEnv, SyncVectorEnv
from gymnasium.wrappers import FrameStackObservation
from stable_baselines3.common.env_checker import check_env as check_env_of_sb3

import rmr_gym
from rmr_gym.wrappers import EncodeObservation, FeatureFunction, PairedObservation
from tests.wrappers.random_pictures import SHAPE, ExactFeatures, RandomPictures


def rows(env: gym.Env, *, seed: int = 0, steps: int = 30) -> list[tuple[Any, bool]]:
    """Observations, and whether each is the first of an episode."""
    found = [(env.reset(seed=seed)[0], True)]
    for _ in range(steps):
        observation, _, terminated, truncated, _ = env.step(0)
        found.append((observation, False))
        if terminated or truncated:
            found.append((env.reset()[0], True))
    return found


def encode(picture: np.ndarray) -> np.ndarray:
    return ExactFeatures()(picture[None])[0]


def test_feature_function_is_what_has_its_two_methods() -> None:
    assert isinstance(ExactFeatures(), FeatureFunction)
    assert not isinstance(encode, FeatureFunction)


def test_observation_is_the_features_of_the_picture() -> None:
    env = EncodeObservation(RandomPictures(), ExactFeatures())
    assert env.observation_space.shape == (3,)
    assert env.observation_space.dtype == np.float32
    for (picture, _), (features, _) in zip(rows(RandomPictures()), rows(env), strict=True):
        np.testing.assert_array_equal(features, encode(picture))
        assert features.dtype == np.float32


@pytest.mark.parametrize("padding", ["reset", "zero"])
def test_stack_holds_the_features_of_the_last_pictures_of_the_episode(padding: Any) -> None:
    env = EncodeObservation(RandomPictures(), ExactFeatures(), stack=4, padding=padding)
    assert env.observation_space.shape == (12,)
    last: deque[np.ndarray] = deque(maxlen=4)
    for (picture, first), (features, _) in zip(rows(RandomPictures()), rows(env), strict=True):
        if first:
            last.extend([picture if padding == "reset" else np.zeros_like(picture)] * 3)
        last.append(picture)
        np.testing.assert_array_equal(features, np.concatenate([encode(one) for one in last]))


def test_stack_is_that_of_gymnasium_with_each_frame_encoded_once() -> None:
    features = ExactFeatures()
    stacked, ours = FrameStackObservation(RandomPictures(), 4), EncodeObservation(RandomPictures(), features, stack=4)
    for (pictures, _), (observation, _) in zip(rows(stacked), rows(ours), strict=True):
        np.testing.assert_array_equal(observation, ExactFeatures()(pictures).reshape(-1))
    assert features.batches == [1] * len(rows(RandomPictures()))


def test_dictionary_gives_its_picture_and_keeps_what_is_asked_for() -> None:
    plain = EncodeObservation(RandomPictures(), ExactFeatures(), stack=2)
    bare = EncodeObservation(RandomPictures(beside=True), ExactFeatures(), stack=2)
    keeping = EncodeObservation(
        RandomPictures(beside=True, key="screen"), ExactFeatures(), key="screen", keep=("steps", "screen"), stack=2
    )
    assert bare.observation_space == plain.observation_space
    assert isinstance(keeping.observation_space, spaces.Dict)
    assert set(keeping.observation_space) == {"features", "steps", "screen"}
    inner = rows(RandomPictures(beside=True, key="screen"))
    for (features, _), (same, _), (kept, _), (observation, _) in zip(
        rows(plain), rows(bare), rows(keeping), inner, strict=True
    ):
        assert keeping.observation_space.contains(kept)
        np.testing.assert_array_equal(same, features)
        np.testing.assert_equal(kept, {"features": features, **observation})


@pytest.mark.parametrize("stack", [1, 3])
@pytest.mark.parametrize("keep", [(), ("steps", "pixels")])
def test_returned_arrays_are_new_and_may_be_written_into(stack: int, keep: Any) -> None:
    def make() -> gym.Env:
        env = RandomPictures(beside=True, reuse=True)
        return EncodeObservation(env, ExactFeatures(), stack=stack, keep=keep)

    expected, spoilt = make(), make()
    kept = []
    for env, spoil in ((expected, False), (spoilt, True)):
        observation, _ = env.reset(seed=3)
        found = []
        for _ in range(6):
            arrays = list(observation.values()) if keep else [observation]
            found.append(([array.copy() for array in arrays], arrays))
            if spoil:
                for array in arrays:
                    array[...] = 7
            observation, *_ = env.step(0)
        kept.append(found)
    for (copies, _), (others, _) in zip(*kept, strict=True):
        np.testing.assert_equal(copies, others)
    for copies, arrays in kept[0]:
        np.testing.assert_equal(arrays, copies)  # later steps have not written into them


def test_features_that_come_in_one_array_again_and_again_are_copied() -> None:
    class Reusing(ExactFeatures):
        out = np.zeros((1, 3), np.float32)

        def __call__(self, pixels: np.ndarray) -> np.ndarray:
            self.out[...] = super().__call__(pixels)
            return self.out

    for (features, _), (expected, _) in zip(
        rows(EncodeObservation(RandomPictures(), Reusing(), stack=2)),
        rows(EncodeObservation(RandomPictures(), ExactFeatures(), stack=2)),
        strict=True,
    ):
        np.testing.assert_array_equal(features, expected)


@pytest.mark.parametrize("options", [{"stack": 4}, {"keep": ("ram",), "stack": 2, "padding": "zero"}])
@pytest.mark.filterwarnings("ignore:.*is different from the unwrapped version")
def test_wrapped_game_passes_the_checkers(options: Any) -> None:
    env = EncodeObservation(gym.make("rmr/Pong-v0"), ExactFeatures(), **options)
    check_env(env)
    check_env_of_sb3(env, warn=True)


def test_ram_is_encoded_as_pictures_are() -> None:
    env = EncodeObservation(rmr_gym.make_atari("pong"), ExactFeatures(), key="ram", keep=("pixels",))
    observation, _ = env.reset(seed=0)
    assert observation["features"].shape == (3,)
    assert observation["pixels"].shape == (210, 160, 3)


def test_pair_goes_into_the_info_of_encoded_pictures() -> None:
    env = PairedObservation(EncodeObservation(rmr_gym.make_atari("pong", paired=False), ExactFeatures()), into="info")
    observation, info = env.reset(seed=0)
    assert observation.shape == (3,)
    np.testing.assert_array_equal(info["ram"], env.unwrapped.ale.getRAM())  # type: ignore[attr-defined]


def test_spec_makes_the_environment_again_and_holds_the_same_features() -> None:
    features = ExactFeatures()
    env = EncodeObservation(gym.make("rmr/Pong-v0"), features, stack=2)
    assert env.spec is not None
    assert env.spec.additional_wrappers[-1].kwargs["features"] is features
    again = gym.make(env.spec)
    np.testing.assert_array_equal(again.reset(seed=1)[0], env.reset(seed=1)[0])


def test_spec_cannot_become_json_as_with_a_function_of_gymnasium() -> None:
    stock = gym.wrappers.TransformObservation(gym.make("rmr/Pong-v0"), lambda observation: observation, None)
    for env in (stock, EncodeObservation(gym.make("rmr/Pong-v0"), ExactFeatures())):
        assert env.spec is not None
        with pytest.raises(TypeError, match="not JSON serializable"):
            env.spec.to_json()
        json.dumps({name: one for name, one in env.spec.additional_wrappers[-1].kwargs.items() if name == "stack"})


def test_unpickled_wrapper_goes_on_with_its_options() -> None:
    env = EncodeObservation(RandomPictures(beside=True), ExactFeatures(), keep=("steps",), stack=3)
    env.reset(seed=0)
    env.step(0)
    again = pickle.loads(pickle.dumps(env))
    assert again.observation_space == env.observation_space
    np.testing.assert_equal(again.step(0)[0], env.step(0)[0])  # in the middle of an episode


@pytest.mark.parametrize("vector", [SyncVectorEnv, AsyncVectorEnv])
def test_vector_environment_of_encoded_ones_works(vector: Any) -> None:
    envs = vector([lambda: EncodeObservation(RandomPictures(), ExactFeatures(), stack=2)] * 2)
    try:
        observations, _ = envs.reset(seed=[4, 5])
        single = EncodeObservation(RandomPictures(), ExactFeatures(), stack=2)
        np.testing.assert_array_equal(observations[1], single.reset(seed=5)[0])
    finally:
        envs.close()


def test_features_of_another_shape_than_promised_are_refused() -> None:
    class Lying(ExactFeatures):
        def features_shape(self, observation_shape: tuple[int, ...]) -> tuple[int]:
            return (4,)

    with pytest.raises(ValueError, match=r"features of shape \(1, 4\); got \(1, 3\). Correct features_shape"):
        EncodeObservation(RandomPictures(), Lying()).reset(seed=0)


def test_refusal_of_the_features_comes_through() -> None:
    class Choosy(ExactFeatures):
        def features_shape(self, observation_shape: tuple[int, ...]) -> tuple[int]:
            raise ValueError(f"no features of {observation_shape}")

    with pytest.raises(ValueError, match=r"no features of \(6, 5, 1\)"):
        EncodeObservation(RandomPictures(), Choosy())


@pytest.mark.parametrize(
    ("make", "options", "message"),
    [
        (RandomPictures, {"stack": 0}, "stack as an integer of at least 1; got 0"),
        (RandomPictures, {"key": "pixels"}, "a dictionary with the key 'pixels'; got Box.*Leave key out"),
        (RandomPictures, {"keep": ("ram",)}, "to keep; got .'ram'.*Leave keep out"),
        (
            lambda: RandomPictures(beside=True, key="screen"),
            {},
            "key 'pixels' in the observation; got .'screen', 'steps'",
        ),
        (lambda: RandomPictures(beside=True), {"keep": ("ram",)}, r"got \['ram'\]. Keep some of \['pixels', 'steps'\]"),
        (lambda: RandomPictures(beside=True), {"keep": ("features",)}, "'features' is the key of the features"),
        (lambda: gym.make("CartPole-v1"), {}, "pictures as bytes in 0..255 or floats in 0..1; got .*Box"),
        (lambda: gym.make("FrozenLake-v1"), {}, "pictures as bytes in 0..255 or floats in 0..1; got .*Discrete"),
        (
            lambda: FrameStackObservation(RandomPictures(), 4),
            {"stack": 2},
            "single pictures to stack; .*Stack once",
        ),
        (
            lambda: EncodeObservation(RandomPictures(), ExactFeatures()),
            {},
            "a single environment that shows pictures; got <EncodeObservation<RandomPictures.*Wrap it once",
        ),
    ],
)
def test_what_cannot_be_encoded_is_refused_in_one_sentence(make: Any, options: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        EncodeObservation(make(), ExactFeatures(), **options)


def test_what_types_forbid_is_refused_where_nobody_checks_them() -> None:
    # In a process of its own, because the type checks of this test run stop such calls before the wrapper does.
    code = """
from gymnasium.vector import SyncVectorEnv
from stable_baselines3.common.vec_env import DummyVecEnv
from rmr_gym.wrappers import EncodeObservation
from tests.wrappers.random_pictures import *
right, features = RandomPictures(), ExactFeatures()
wrong = [(env, features, 1) for env in (SyncVectorEnv([RandomPictures]), DummyVecEnv([RandomPictures]), "pong")]
for env, features, stack in (*wrong, (right, "encoders/pong", 1), (right, features, 2.0)):
    try:
        EncodeObservation(env, features, stack=stack)
    except ValueError as error:
        print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    first, second, third, fourth, fifth = done.stdout.splitlines()
    assert first.startswith("Expected a single environment that shows pictures; got SyncVectorEnv")
    assert first.endswith("Wrap it in rmr_gym.wrappers.vector.EncodeObservation.")
    assert second.endswith("Wrap it in rmr_gym.sb3.VecEncodeObservation.")
    assert third.endswith("got pong. Make the environment with rmr_gym.make_atari(game), or with gym.make.")
    assert fourth.startswith("Expected a feature function; got a str. Pass rmr_gym.FrozenFeatures(path)")
    assert fifth.startswith("Expected stack as an integer of at least 1; got 2.0.")


def test_wrong_order_of_frame_stacking_only_changes_the_shape() -> None:
    outside = FrameStackObservation(EncodeObservation(RandomPictures(), ExactFeatures()), 4)
    inside = EncodeObservation(RandomPictures(), ExactFeatures(), stack=4)
    for (matrix, _), (vector, _) in zip(rows(outside), rows(inside), strict=True):
        np.testing.assert_array_equal(matrix.reshape(-1), vector)


def test_pictures_that_were_scaled_beyond_one_are_refused() -> None:
    wide = gym.wrappers.TransformObservation(
        RandomPictures(), lambda picture: picture * 1.0, spaces.Box(0, 255, SHAPE, np.float64)
    )
    with pytest.raises(ValueError, match="Encode before anything that scales"):
        EncodeObservation(wide, ExactFeatures())
