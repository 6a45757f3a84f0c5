from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import SyncVectorEnv
from gymnasium.wrappers import FrameStackObservation
from stable_baselines3.common.vec_env import (
    DummyVecEnv,
    SubprocVecEnv,
    VecEnv,
    VecExtractDictObs,
    VecFrameStack,
    VecMonitor,
    VecNormalize,
    VecTransposeImage,
)

from rmr_gym.sb3 import VecEncodeObservation, vec_encode_observation
from rmr_gym.wrappers import EncodeObservation
from tests.wrappers.random_pictures import ExactFeatures, RandomPictures

NUM_ENVS, STEPS = 3, 25


def venv_of(make: Any = RandomPictures, *, seed: int = 0) -> VecEnv:
    venv = DummyVecEnv([make] * NUM_ENVS)
    venv.seed(seed)
    return venv


def play(venv: VecEnv) -> Iterator[tuple[Any, Any]]:
    """Observations of every row, and the last ones of the episodes that ended with it by number of the environment."""
    yield venv.reset(), {}
    for _ in range(STEPS):
        observations, _, dones, infos = venv.step(np.zeros(NUM_ENVS, int))
        ended = {row: info["terminal_observation"] for row, info in enumerate(infos) if "terminal_observation" in info}
        assert ended.keys() == set(np.flatnonzero(dones))
        yield observations, ended


def frame_by_frame(pictures: np.ndarray) -> np.ndarray:
    """Features of stacked pictures `(height, width, frame)`, oldest first, each encoded by itself."""
    return np.concatenate([ExactFeatures()(pictures[None, ..., number, None])[0] for number in range(4)])


def test_stack_equals_vec_frame_stack_encoded_frame_by_frame() -> None:
    stacked = play(VecFrameStack(venv_of(), 4))
    ours = play(VecEncodeObservation(venv_of(), ExactFeatures(), stack=4, padding="zero"))
    ends = 0
    for (pictures, lasts), (observations, finals) in zip(stacked, ours, strict=True):
        np.testing.assert_array_equal(observations, [frame_by_frame(one) for one in pictures])
        np.testing.assert_equal(finals, {row: frame_by_frame(last) for row, last in lasts.items()})
        ends += len(finals)
    assert ends > 10


def test_vec_frame_stack_outside_gives_the_same_but_for_what_stands_before_an_episode() -> None:
    ours = VecEncodeObservation(venv_of(), ExactFeatures(), stack=3, padding="zero")
    outside = VecFrameStack(VecEncodeObservation(venv_of(), ExactFeatures()), 3)
    assert outside.observation_space == ours.observation_space
    black = ExactFeatures()(np.zeros((1, 6, 5, 1), np.uint8))[0]
    for (observations, finals), (others, other_finals) in zip(play(ours), play(outside), strict=True):
        for mine, other in [*zip(observations, others, strict=True), *((finals[i], other_finals[i]) for i in finals)]:
            for features, same in zip(mine.reshape(3, -1), np.reshape(other, (3, -1)), strict=True):
                assert (features == same).all() or ((features == black).all() and not same.any())


def test_stacks_on_both_sides_are_refused() -> None:
    with pytest.raises(ValueError, match=r"got VecFrameStack\(DummyVecEnv\)\. Stack once: .*stack=2"):
        VecEncodeObservation(VecFrameStack(venv_of(), 4), ExactFeatures(), stack=2)
    with pytest.raises(ValueError, match=r"single pictures to stack; got .*\. Stack once: .*FrameStackObservation"):
        VecEncodeObservation(venv_of(lambda: FrameStackObservation(RandomPictures(), 4)), ExactFeatures(), stack=2)
    assert VecEncodeObservation(VecFrameStack(venv_of(), 4), ExactFeatures()).num_envs == NUM_ENVS


@pytest.mark.parametrize(
    "options", [{}, {"stack": 4}, {"stack": 4, "padding": "zero"}, {"stack": 2, "keep": ("steps", "pixels")}]
)
def test_rows_are_those_of_the_single_wrapper_inside(options: Any) -> None:
    make = partial(RandomPictures, beside=True)
    inside = venv_of(lambda: EncodeObservation(make(), ExactFeatures(), **options))
    outside = VecEncodeObservation(venv_of(make), ExactFeatures(), **options)
    assert outside.observation_space == inside.observation_space
    for (observations, finals), (expected, expected_finals) in zip(play(outside), play(inside), strict=True):
        np.testing.assert_equal(observations, expected)
        np.testing.assert_equal(finals, expected_finals)


def test_reset_in_the_middle_of_episodes_begins_all_stacks_anew() -> None:
    venv = VecEncodeObservation(venv_of(), ExactFeatures(), stack=3)
    for _ in play(venv):
        pass
    for features in venv.reset().reshape(NUM_ENVS, 3, 3):
        np.testing.assert_array_equal(features, features[[0, 0, 0]])


def test_all_frames_of_a_step_are_encoded_in_one_call() -> None:
    features = ExactFeatures()
    ended = [len(finals) for _, finals in play(VecEncodeObservation(venv_of(), features, stack=4))]
    assert features.batches == [NUM_ENVS + number for number in ended]


def test_returned_arrays_are_new_and_may_be_written_into() -> None:
    def rows(*, spoil: bool) -> list[Any]:
        found = []
        make = partial(RandomPictures, beside=True)
        for observations, finals in play(
            VecEncodeObservation(venv_of(make), ExactFeatures(), stack=2, keep=["pixels"])
        ):
            arrays = [*observations.values(), *(array for final in finals.values() for array in final.values())]
            found.append(([array.copy() for array in arrays], arrays))
            if spoil:
                for array in arrays:
                    array[...] = 7
        return found

    clean, spoilt = rows(spoil=False), rows(spoil=True)
    for (copies, arrays), (others, _) in zip(clean, spoilt, strict=True):
        np.testing.assert_equal(arrays, copies)  # later steps have not written into them
        np.testing.assert_equal(others, copies)


def test_infos_of_the_environment_are_not_written_into() -> None:
    class Keeping(VecTransposeImage):
        def step_wait(self) -> Any:
            self.kept = super().step_wait()
            return self.kept

    inner = Keeping(venv_of(), skip=True)
    for _, finals in play(VecEncodeObservation(inner, ExactFeatures())):
        for row in finals:
            assert inner.kept[3][row]["terminal_observation"].shape == (6, 5, 1)


def test_attributes_and_methods_of_the_environments_are_within_reach() -> None:
    venv = VecEncodeObservation(VecMonitor(venv_of()), ExactFeatures())
    assert venv.env_method("double", 4) == [8] * NUM_ENVS
    assert venv.get_attr("key", indices=[1]) == ["pixels"]
    venv.set_attr("key", "screen")
    assert venv.get_attr("key") == ["screen"] * NUM_ENVS
    assert venv.has_attr("steps") is False
    venv.reset()
    assert venv.has_attr("steps")
    assert venv.env_is_wrapped(EncodeObservation) == [False] * NUM_ENVS
    assert venv.episode_returns.shape == (NUM_ENVS,)  # of VecMonitor


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # the default imports PyTorch in every process
def test_environments_in_processes_of_their_own_are_encoded_here() -> None:
    inner = SubprocVecEnv([RandomPictures] * NUM_ENVS, "fork")
    inner.seed(0)
    venv = VecEncodeObservation(inner, ExactFeatures(), stack=3)
    try:
        for (observations, finals), (expected, expected_finals) in zip(
            play(venv), play(VecEncodeObservation(venv_of(), ExactFeatures(), stack=3)), strict=True
        ):
            np.testing.assert_array_equal(observations, expected)
            np.testing.assert_equal(finals, expected_finals)
        assert venv.env_method("double", 1) == [2] * NUM_ENVS
    finally:
        venv.close()


def test_picture_may_be_taken_out_of_the_dictionary_before() -> None:
    make = partial(RandomPictures, beside=True, key="screen")
    taken = play(VecEncodeObservation(VecExtractDictObs(venv_of(make), "screen"), ExactFeatures(), stack=2))
    named = play(VecEncodeObservation(venv_of(make), ExactFeatures(), stack=2, key="screen"))
    for (observations, finals), (expected, expected_finals) in zip(taken, named, strict=True):
        np.testing.assert_array_equal(observations, expected)
        np.testing.assert_equal(finals, expected_finals)


def dictionaries() -> VecEnv:
    return venv_of(partial(RandomPictures, beside=True))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: VecNormalize(venv_of()),
            r"got VecNormalize\(DummyVecEnv\). Put VecNormalize outside, VecNormalize\(VecEncodeObservation\(",
        ),
        (
            lambda: VecMonitor(VecNormalize(dictionaries())),
            r"got VecMonitor\(VecNormalize\(Dummy.*Put VecNormalize out",
        ),
        (
            lambda: VecEncodeObservation(venv_of(), ExactFeatures()),
            r"got VecEncodeObservation\(DummyVecEnv\). Encode once",
        ),
        (lambda: venv_of(lambda: EncodeObservation(RandomPictures(), ExactFeatures())), "got DummyVecEnv. Encode once"),
        (lambda: DummyVecEnv([lambda: gym.make("CartPole-v1")]), "pictures as bytes in 0..255"),
    ],
)
def test_wrong_order_is_told_the_right_one(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        VecEncodeObservation(make(), ExactFeatures())


@pytest.mark.parametrize(
    "make",
    [
        lambda: VecNormalize(venv_of(), norm_obs=False),
        lambda: VecNormalize(dictionaries(), norm_obs_keys=["steps"]),
        lambda: VecTransposeImage(venv_of(partial(RandomPictures, shape=(36, 36, 1)))),
    ],
)
def test_wrappers_that_leave_pictures_as_they_are_may_stand_inside(make: Any) -> None:
    assert VecEncodeObservation(make(), ExactFeatures()).reset().shape == (NUM_ENVS, 3)


def test_pictures_that_are_kept_may_be_transposed_outside() -> None:
    venv = venv_of(partial(RandomPictures, shape=(36, 40, 1), beside=True))
    encoded = VecEncodeObservation(venv, ExactFeatures(), keep=["pixels"])
    observations = VecTransposeImage(encoded).reset()
    assert observations["pixels"].shape == (NUM_ENVS, 1, 36, 40)  # type: ignore[call-overload]


def test_workers_are_told_that_it_goes_around_them(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises((ConnectionError, EOFError)):  # all that Stable-Baselines3 tells of a worker that failed
        SubprocVecEnv([lambda: VecEncodeObservation(venv_of(), ExactFeatures())], start_method="fork")
    assert "VecEncodeObservation(SubprocVecEnv([make_env] * 8), features)" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("env", "message"),
    [
        (SyncVectorEnv([RandomPictures]), r"make_vec_env\(id, n_envs=8\).*rmr_gym.wrappers.vector.EncodeObservation"),
        (RandomPictures(), r"got <RandomPictures.*Wrap DummyVecEnv\(\[lambda: env\]\)"),
        ("pong", r"got pong. Wrap DummyVecEnv\(\[lambda: env\]\)"),
    ],
)
def test_environment_of_another_kind_is_told_what_to_do(env: Any, message: str) -> None:
    # The constructor starts with this; the type checks of this test run stop such calls before it does.
    with pytest.raises(ValueError, match=f"a vectorised environment of Stable-Baselines3 that shows .*{message}"):
        vec_encode_observation._check_env(env, "pixels")
