from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import ale_py
import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv
from gymnasium.vector.utils import batch_space
from gymnasium.wrappers.vector import RecordEpisodeStatistics
from stable_baselines3.common.vec_env import DummyVecEnv

from rmr_gym import wrappers
from rmr_gym.wrappers.vector import EncodeObservation, encode_observation
from tests.wrappers.random_pictures import ExactFeatures, RandomPictures

gym.register_envs(ale_py)

NUM_ENVS = 3
OPTIONS: list[dict[str, Any]] = [{}, {"stack": 3}, {"stack": 3, "padding": "zero"}, {"stack": 2, "keep": ("steps",)}]
each_mode = pytest.mark.parametrize("mode", list(AutoresetMode))


def single(options: Any) -> gym.Env:
    return wrappers.EncodeObservation(RandomPictures(beside=True), ExactFeatures(), **options)


def play(envs: Any, mode: AutoresetMode) -> Iterator[tuple[Any, Any]]:
    """Observations of all environments and the info of every row; the second reset is that of all."""
    for seed in ([3, 4, 5], [6, 7, 8]):
        yield envs.reset(seed=seed)
        for _ in range(20):
            observations, _, terminations, truncations, infos = envs.step(np.zeros(NUM_ENVS, int))
            yield observations, infos
            ended = terminations | truncations
            if mode == AutoresetMode.DISABLED and ended.any():
                yield envs.reset(options={"reset_mask": ended})


def assert_final_equal(final: Any, expected: Any) -> None:
    assert (final is None) == (expected is None)
    np.testing.assert_equal(final, expected)


@each_mode
@pytest.mark.parametrize(
    ("vector", "options"), [*((SyncVectorEnv, options) for options in OPTIONS), (AsyncVectorEnv, OPTIONS[-1])]
)
def test_rows_are_those_of_single_wrappers(vector: Any, mode: AutoresetMode, options: Any) -> None:
    ours = EncodeObservation(
        vector([partial(RandomPictures, beside=True)] * NUM_ENVS, autoreset_mode=mode), ExactFeatures(), **options
    )
    theirs = SyncVectorEnv([partial(single, options)] * NUM_ENVS, autoreset_mode=mode)
    assert ours.observation_space == theirs.observation_space
    assert ours.single_observation_space == theirs.single_observation_space
    finals = 0
    try:
        for (observations, infos), (expected, expected_infos) in zip(play(ours, mode), play(theirs, mode), strict=True):
            np.testing.assert_equal(observations, expected)
            assert ours.observation_space.contains(observations)
            assert infos.keys() == expected_infos.keys()
            if "final_obs" in infos:
                np.testing.assert_array_equal(infos["_final_obs"], expected_infos["_final_obs"])
                for row in range(NUM_ENVS):
                    assert_final_equal(infos["final_obs"][row], expected_infos["final_obs"][row])
                finals += 1
    finally:
        ours.close()
    assert (finals > 5) == (mode == AutoresetMode.SAME_STEP)


@each_mode
def test_all_frames_of_a_step_are_encoded_in_one_call(mode: AutoresetMode) -> None:
    features = ExactFeatures()
    envs = EncodeObservation(SyncVectorEnv([RandomPictures] * NUM_ENVS, autoreset_mode=mode), features, stack=4)
    calls = [(len(infos.get("final_obs", ())) and infos["_final_obs"].sum()) for _, infos in play(envs, mode)]
    assert len(features.batches) == len(calls)
    if mode == AutoresetMode.SAME_STEP:
        assert features.batches == [NUM_ENVS + finals for finals in calls]
    elif mode == AutoresetMode.NEXT_STEP:
        assert set(features.batches) == {NUM_ENVS}
    else:
        assert set(features.batches) > {1, NUM_ENVS}  # a reset of one encodes one


def test_partial_reset_begins_anew_only_where_the_mask_says_so() -> None:
    envs = EncodeObservation(
        SyncVectorEnv([RandomPictures] * 2, autoreset_mode=AutoresetMode.DISABLED), ExactFeatures(1), stack=3
    )
    envs.reset(seed=0)
    before, *_ = envs.step(np.zeros(2, int))
    options = {"reset_mask": np.array([False, True])}
    after, _ = envs.reset(options=options)
    np.testing.assert_array_equal(after[0], before[0])
    assert len(set(after[1])) == 1


@pytest.mark.parametrize("copy", [True, False])
def test_returned_arrays_are_new_and_may_be_written_into(copy: bool) -> None:
    def rows(spoil: bool) -> list[Any]:
        envs = EncodeObservation(
            SyncVectorEnv([partial(RandomPictures, beside=True)] * 2, copy=copy),
            ExactFeatures(),
            stack=2,
            keep=("steps", "pixels"),
        )
        found = [envs.reset(seed=0)[0]]
        for _ in range(8):
            kept = {key: array.copy() for key, array in found[-1].items()}
            if spoil:
                found[-1]["features"][...] = 7
            found[-1] = kept
            found.append(envs.step(np.zeros(2, int))[0])
        return found

    np.testing.assert_equal(rows(spoil=True)[:-1], rows(spoil=False)[:-1])


def test_observations_stay_as_they_are_when_the_environment_uses_its_array_again() -> None:
    envs = EncodeObservation(
        SyncVectorEnv([partial(RandomPictures, beside=True)] * 2, copy=False), ExactFeatures(), keep=("pixels",)
    )
    first, _ = envs.reset(seed=0)
    kept = {key: array.copy() for key, array in first.items()}
    envs.step(np.zeros(2, int))
    np.testing.assert_equal(first, kept)


def test_attributes_of_the_environments_are_within_reach() -> None:
    envs = EncodeObservation(SyncVectorEnv([RandomPictures] * 2), ExactFeatures())
    assert envs.unwrapped.call("double", 4) == (8, 8)
    assert envs.num_envs == 2
    assert envs.metadata["autoreset_mode"] == AutoresetMode.NEXT_STEP


def test_stock_wrappers_compose() -> None:
    envs = RecordEpisodeStatistics(EncodeObservation(SyncVectorEnv([RandomPictures] * 2), ExactFeatures(), stack=2))
    envs.reset(seed=0)
    lengths = [envs.step(np.zeros(2, int))[-1].get("episode") for _ in range(8)]
    assert any(length is not None for length in lengths)


@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])
def test_vector_environment_of_ale_is_encoded(mode: AutoresetMode) -> None:
    def make() -> Any:
        return gym.make_vec(
            "ALE/Breakout-v5", num_envs=2, autoreset_mode=mode, stack_num=1, repeat_action_probability=0.0
        )

    plain, features = make(), ExactFeatures()
    envs = EncodeObservation(make(), features, stack=2)
    pictures, before = plain.reset(seed=0)[0], envs.reset(seed=0)[0]
    np.testing.assert_array_equal(before.reshape(2, 2, 3)[:, 1], features(pictures))
    for number in range(400):
        actions = np.array([1, 1]) if number % 2 else np.array([2, 3])
        pictures, _, terminations, _, plain_infos = plain.step(actions)
        observations, *_, infos = envs.step(actions)
        np.testing.assert_array_equal(observations.reshape(2, 2, 3)[:, 1], features(pictures))
        if terminations.any():
            break
        before = observations
    assert terminations.any()
    if mode == AutoresetMode.SAME_STEP:
        row = int(np.flatnonzero(terminations)[0])
        expected = np.concatenate([before[row, 3:], features(plain_infos["final_obs"][row : row + 1])[0]])
        np.testing.assert_array_equal(infos["final_obs"][row], expected)
        np.testing.assert_array_equal(observations[row, :3], observations[row, 3:])
        assert infos["final_obs"].shape == (2, 6)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_vector_environments_of_ale_keep_their_own_modes(order: tuple[int, int]) -> None:
    modes = [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP]
    made = [  # the second one writes its mode into metadata that it shares with the first
        gym.make_vec("ALE/Breakout-v5", num_envs=2, autoreset_mode=mode, stack_num=1, max_num_frames_per_episode=40)
        for mode in modes
    ]
    wrapped = {modes[number]: EncodeObservation(made[number], ExactFeatures(), stack=2) for number in order}
    for mode, envs in wrapped.items():
        envs.reset(seed=0)
        truncated = np.zeros(2, bool)
        while not truncated.any():
            observations, _, _, truncated, infos = envs.step(np.array([2, 3]))
        row = int(np.flatnonzero(truncated)[0])
        begins = [bool((observations[row, :3] == observations[row, 3:]).all())]
        observations, *_ = envs.step(np.array([2, 3]))
        begins.append(bool((observations[row, :3] == observations[row, 3:]).all()))
        same = mode == AutoresetMode.SAME_STEP
        assert begins == [same, not same]
        assert not same or infos["final_obs"].shape == (2, 6)


def test_spaces_of_all_environments_are_those_of_one_together() -> None:
    envs = EncodeObservation(SyncVectorEnv([partial(RandomPictures, beside=True)] * 2), ExactFeatures(), keep=["steps"])
    assert envs.observation_space == batch_space(envs.single_observation_space, 2)
    assert isinstance(envs.env.single_observation_space, spaces.Dict)
    assert set(envs.env.single_observation_space) == {"pixels", "steps"}  # left alone


@pytest.mark.parametrize(
    ("make", "options", "message"),
    [
        (
            lambda: EncodeObservation(SyncVectorEnv([RandomPictures]), ExactFeatures()),
            {},
            "a vector environment of Gymnasium that shows pictures; got <EncodeObservation, SyncVec.*Wrap it once",
        ),
        (lambda: SyncVectorEnv([RandomPictures]), {"keep": ("ram",)}, "keys of the observation to keep"),
        (lambda: gym.make_vec("CartPole-v1", vectorization_mode="sync"), {}, "pictures as bytes in 0..255"),
        (
            lambda: gym.make_vec("ALE/Pong-v5", num_envs=3, batch_size=2, stack_num=1),
            {},
            "observations of all environments at every step; .*batch_size=num_envs",
        ),
    ],
)
def test_what_cannot_be_encoded_is_refused_in_one_sentence(make: Any, options: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        EncodeObservation(make(), ExactFeatures(), **options)


def test_vector_environment_that_does_not_say_how_it_resets_is_refused() -> None:
    envs = SyncVectorEnv([RandomPictures])
    del envs.metadata["autoreset_mode"]
    with pytest.raises(ValueError, match="metadata with an autoreset_mode; got SyncVectorEnv"):
        EncodeObservation(envs, ExactFeatures())


@pytest.mark.parametrize(
    ("env", "message"),
    [
        (RandomPictures(), "got <RandomPictures.*Use rmr_gym.wrappers.EncodeObservation for a single environment"),
        (DummyVecEnv([RandomPictures]), "got <.*DummyVecEnv.*Wrap it in rmr_gym.sb3.VecEncodeObservation"),
    ],
)
def test_environment_of_another_kind_is_told_its_wrapper(env: Any, message: str) -> None:
    # The constructor starts with this; the type checks of this test run stop such calls before it does.
    with pytest.raises(ValueError, match=f"Expected a vector environment of Gymnasium that shows pictures; {message}"):
        encode_observation._check_env(env)
