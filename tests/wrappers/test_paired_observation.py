from __future__ import annotations

import pickle
import subprocess
import sys
from functools import partial
from typing import Any

import ale_py
import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AsyncVectorEnv, SyncVectorEnv
from gymnasium.wrappers import (
    AtariPreprocessing,
    DelayObservation,
    FilterObservation,
    FrameStackObservation,
    GrayscaleObservation,
    MaxAndSkipObservation,
    RecordEpisodeStatistics,
    ResizeObservation,
)
from stable_baselines3 import PPO
from stable_baselines3.common.atari_wrappers import AtariWrapper
from stable_baselines3.common.env_checker import check_env as check_env_of_sb3
from stable_baselines3.common.vec_env import DummyVecEnv

import rmr_gym
from rmr_gym.envs.frames import resize_frame
from rmr_gym.wrappers import PairedObservation

gym.register_envs(ale_py)

Env = gym.Env[Any, Any]


def console_env(name: str = "Breakout") -> Env:
    return gym.make(f"ALE/{name}-v5", frameskip=1, repeat_action_probability=0.0, full_action_space=True)


def play_to_the_end(env: Env, seed: int = 0) -> list[tuple[Any, dict[str, Any]]]:
    """Play at random from a seeded reset; return the observation and the info of every row."""
    rng = np.random.default_rng(seed)
    rows = [env.reset(seed=seed)]
    ended = False
    while not ended:
        observation, _, terminated, truncated, info = env.step(int(rng.integers(18)))
        rows.append((observation, info))
        ended = terminated or truncated
    return rows


def gray_84(env: Env) -> np.ndarray:
    return resize_frame(env.unwrapped.ale.getScreenGrayscale(), (84, 84))


@pytest.mark.parametrize("name", ["Pong", "Adventure"])  # one of the 24 games and one that is not
def test_pair_holds_picture_and_ram_of_any_atari_environment(name: str) -> None:
    env = PairedObservation(gym.make(f"ALE/{name}-v5"))
    for call in [lambda: env.reset(seed=0), *[lambda: env.step(1)] * 5, env.reset]:
        row = call()[0]
        assert env.observation_space.contains(row)
        np.testing.assert_array_equal(row["pixels"], env.unwrapped.ale.getScreenRGB())
        np.testing.assert_array_equal(row["ram"], env.unwrapped.ale.getRAM())


@pytest.mark.parametrize(
    ("ram_format", "space"),
    [
        ("bytes", gym.spaces.Box(0, 255, (128,), np.uint8)),
        ("bits", gym.spaces.Box(0, 1, (1024,), np.uint8)),
        ("float", gym.spaces.Box(0, 1, (128,), np.float32)),
    ],
)
def test_ram_has_the_form_that_was_asked_for_in_both_places(ram_format: Any, space: gym.spaces.Box) -> None:
    into_observation = PairedObservation(console_env(), ram_format=ram_format)
    into_info = PairedObservation(console_env(), ram_format=ram_format, into="info")
    assert into_observation.observation_space["ram"] == space
    observation, _ = into_observation.reset(seed=0)
    _, info = into_info.reset(seed=0)
    assert space.contains(observation["ram"])
    np.testing.assert_array_equal(observation["ram"], info["ram"])


def test_keys_rename_picture_and_ram() -> None:
    env = PairedObservation(console_env(), keys=("screen", "memory"))
    assert set(env.observation_space) == {"screen", "memory"}
    assert env.reset(seed=0)[0].keys() == {"screen", "memory"}
    assert "memory" in PairedObservation(console_env(), into="info", keys=("screen", "memory")).reset(seed=0)[1]


def test_into_info_leaves_the_observation_untouched() -> None:
    plain, paired = AtariPreprocessing(console_env()), PairedObservation(AtariPreprocessing(console_env()), into="info")
    assert paired.observation_space is paired.env.observation_space
    for (expected, _), (observation, info) in zip(play_to_the_end(plain), play_to_the_end(paired), strict=True):
        np.testing.assert_array_equal(observation, expected)
        assert info["ram"].shape == (128,)


def test_what_the_info_holds_already_is_not_replaced() -> None:
    env = PairedObservation(console_env(), into="info", keys=("pixels", "lives"))
    with pytest.raises(ValueError, match="an info without 'lives'; got lives, .*Pass another key"):
        env.reset(seed=0)


@pytest.mark.parametrize("into", ["observation", "info"])
def test_info_has_the_same_keys_at_every_reset_and_step(into: Any) -> None:
    env = PairedObservation(AtariPreprocessing(console_env()), into=into)
    keys = {"lives", "episode_frame_number", "frame_number"} | ({"ram", "pair_aligned"} if into == "info" else set())
    assert env.reset(seed=0)[1].keys() == env.reset()[1].keys() == env.step(0)[4].keys() == keys


def test_info_of_the_environment_is_not_written_into() -> None:
    class Keeping(gym.Wrapper[Any, Any, Any, Any]):
        def reset(self, **options: Any) -> Any:
            observation, self.kept = self.env.reset(**options)
            return observation, self.kept

    keeping = Keeping(console_env())
    PairedObservation(keeping, into="info").reset(seed=0)
    assert "seeds" in keeping.kept
    assert "ram" not in keeping.kept


def test_returned_arrays_stay_as_they_are_when_the_environment_uses_its_array_again() -> None:
    class Reusing(gym.ObservationWrapper[Any, Any, Any]):
        buffer = np.zeros((210, 160, 3), np.uint8)

        def observation(self, observation: np.ndarray) -> np.ndarray:
            self.buffer[...] = observation
            return self.buffer

    env = PairedObservation(Reusing(gym.make("ALE/Pong-v5")))
    first, _ = env.reset(seed=0)
    kept = {key: array.copy() for key, array in first.items()}
    for _ in range(70):
        env.step(3)
    np.testing.assert_equal(first, kept)


@pytest.mark.parametrize("stack", [None, 4])
@pytest.mark.parametrize("name", ["Breakout", "MsPacman"])
def test_last_picture_of_preprocessing_is_read_again_when_the_game_ends_in_a_skip(name: str, stack: int | None) -> None:
    layer = AtariPreprocessing(console_env(name))
    env = PairedObservation(RecordEpisodeStatistics(layer if stack is None else FrameStackObservation(layer, stack)))
    stale = 0
    for seed in range(3):
        last, info = play_to_the_end(env, seed)[-1]
        newest = last["pixels"] if stack is None else last["pixels"][-1]
        np.testing.assert_array_equal(newest, gray_84(env))
        np.testing.assert_array_equal(last["ram"], env.unwrapped.ale.getRAM())
        assert "pair_aligned" not in info
        stale += (layer._get_obs() != newest).any()
        first, _ = env.reset()
        np.testing.assert_array_equal(first["pixels"] if stack is None else first["pixels"][-1], gray_84(env))
        np.testing.assert_array_equal(first["ram"], env.unwrapped.ale.getRAM())
    assert stale > 0  # what Gymnasium shows is another picture


def test_pictures_of_preprocessing_are_left_alone_before_the_end() -> None:
    plain = play_to_the_end(AtariPreprocessing(console_env()))
    paired = play_to_the_end(PairedObservation(AtariPreprocessing(console_env())))
    for (expected, _), (pair, _) in zip(plain[:-1], paired[:-1], strict=True):
        np.testing.assert_array_equal(pair["pixels"], expected)


def test_earlier_pictures_of_a_stack_are_left_alone_at_the_end() -> None:
    env = PairedObservation(FrameStackObservation(AtariPreprocessing(console_env()), 3))
    (before, _), (last, _) = play_to_the_end(env)[-2:]
    np.testing.assert_array_equal(last["pixels"][:2], before["pixels"][1:])


@pytest.mark.parametrize(
    "env",
    [
        pytest.param(
            lambda: PairedObservation(ResizeObservation(AtariPreprocessing(console_env()), (42, 42))), id="resized"
        ),
        pytest.param(lambda: PairedObservation(MaxAndSkipObservation(console_env())), id="gymnasium"),
        pytest.param(lambda: PairedObservation(AtariWrapper(console_env())), id="sb3"),
        pytest.param(lambda: PairedObservation(AtariPreprocessing(console_env()), into="info"), id="info"),
    ],
)
def test_row_whose_picture_may_be_old_is_marked(env: Any) -> None:
    rows = play_to_the_end(env())
    assert [info["pair_aligned"] for _, info in rows] == [True] * (len(rows) - 1) + [False]


def test_environments_that_show_the_present_screen_need_no_mark() -> None:
    env = PairedObservation(GrayscaleObservation(rmr_gym.make_atari("pong", paired=False)), into="info")
    assert "pair_aligned" not in env.reset(seed=0)[1]


def test_frame_stack_inside_and_outside() -> None:
    inside = PairedObservation(FrameStackObservation(rmr_gym.make_atari("pong", paired=False, gray=True), 4))
    assert inside.observation_space["pixels"].shape == (4, 210, 160)
    assert inside.observation_space["ram"].shape == (128,)
    outside = FrameStackObservation(rmr_gym.make_atari("pong", gray=True), 4)
    assert outside.observation_space["ram"].shape == (4, 128)
    for env in (inside, outside):
        check = env.reset(seed=0)[0]
        assert env.observation_space.contains(check)
        assert env.observation_space.contains(env.step(2)[0])


def test_episode_statistics_pass_through_inside_and_outside() -> None:
    inside = PairedObservation(RecordEpisodeStatistics(rmr_gym.make_atari("breakout", paired=False)))
    outside = RecordEpisodeStatistics(rmr_gym.make_atari("breakout"))
    for env in (inside, outside):
        rows = play_to_the_end(env)
        assert rows[-1][1]["episode"]["l"] == len(rows) - 1


def test_filter_leaves_ram_alone() -> None:
    env = FilterObservation(gym.make("rmr/Pong-v0"), filter_keys=["ram"])
    assert list(env.reset(seed=0)[0]) == ["ram"]


@pytest.mark.parametrize("vector", [SyncVectorEnv, partial(AsyncVectorEnv, shared_memory=True)])
@pytest.mark.parametrize("into", ["observation", "info"])
def test_vector_environment_holds_the_ram_of_each(vector: Any, into: Any) -> None:
    def make() -> Env:
        return PairedObservation(AtariPreprocessing(console_env("Pong")), into=into)

    envs, single = vector([make, make]), make()
    try:
        observations, infos = envs.reset(seed=[4, 5])
        assert (observations if into == "observation" else infos)["ram"].shape == (2, 128)
        observations, *_, infos = envs.step(np.array([1, 1]))
    finally:
        envs.close()
    single.reset(seed=5)
    observation, *_, info = single.step(1)
    if into == "observation":
        np.testing.assert_equal({key: rows[1] for key, rows in observations.items()}, observation)
    else:
        np.testing.assert_array_equal(infos["ram"][1], info["ram"])
        np.testing.assert_array_equal(observations[1], observation)


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_make_vec_pairs_the_environments_as_the_error_for_vector_environments_advises(mode: str) -> None:
    envs = gym.make_vec("ALE/Pong-v5", num_envs=2, vectorization_mode=mode, wrappers=[PairedObservation])
    try:
        assert envs.reset(seed=0)[0]["ram"].shape == (2, 128)
    finally:
        envs.close()


def test_next_step_autoreset_gives_the_pair_of_the_end_and_then_that_of_the_start() -> None:
    make = partial(rmr_gym.make_atari, "pong", noop_max=0, max_frames=12)
    envs = SyncVectorEnv([make, make])
    start, _ = envs.reset(seed=0)
    for _ in range(3):
        end, _, _, truncated, _ = envs.step(np.array([1, 1]))
    assert truncated.all()
    again, _, _, truncated, infos = envs.step(np.array([1, 1]))
    assert not truncated.any()
    np.testing.assert_array_equal(infos["episode_frame_number"], [0, 0])
    np.testing.assert_array_equal(again["ram"], start["ram"])
    assert (end["ram"] != start["ram"]).any()


@pytest.mark.parametrize(("into", "ram_format"), [("observation", "bits"), ("observation", "float"), ("info", "bytes")])
@pytest.mark.filterwarnings("ignore:.*is different from the unwrapped version")
def test_pair_over_preprocessing_passes_the_checkers(into: Any, ram_format: Any) -> None:
    env = PairedObservation(AtariPreprocessing(console_env(), grayscale_newaxis=True), into=into, ram_format=ram_format)
    check_env(env)
    check_env_of_sb3(env, warn=True)


def test_unpickled_wrapper_goes_on_with_its_options() -> None:
    env = PairedObservation(AtariPreprocessing(console_env()), ram_format="bits", keys=("screen", "memory"))
    again = pickle.loads(pickle.dumps(env))
    assert again.observation_space == env.observation_space
    np.testing.assert_equal(again.reset(seed=2)[0], env.reset(seed=2)[0])


def test_spec_rebuilds_the_chain() -> None:
    env = PairedObservation(AtariPreprocessing(console_env()), into="info", ram_format="float")
    again = gym.make(gym.envs.registration.EnvSpec.from_json(env.spec.to_json()))
    assert str(again) == str(env)
    np.testing.assert_equal(again.reset(seed=2)[1]["ram"], env.reset(seed=2)[1]["ram"])


def test_sb3_trains_on_the_pair_and_its_file_holds_no_class_of_ours(tmp_path: Any) -> None:
    make = partial(rmr_gym.make_atari, "pong", gray=True, size=(36, 36), paired=False)
    venv = DummyVecEnv([lambda: PairedObservation(make(), ram_format="float")])
    model = PPO("MultiInputPolicy", venv, n_steps=4, batch_size=4, n_epochs=1, seed=0).learn(4)
    model.save(tmp_path / "model")
    assert type(PPO.load(tmp_path / "model").observation_space) is gym.spaces.Dict


@pytest.mark.parametrize(
    ("env", "message"),
    [
        (
            lambda: gym.make("CartPole-v1"),
            "an environment of the Arcade Learning Environment; got .*CartPole.*make_atari",
        ),
        (lambda: rmr_gym.make_atari("pong"), "without PairedObservation; got .*outside of all wrappers"),
        (
            lambda: FrameStackObservation(DelayObservation(console_env(), 1), 2),
            "pictures of the present.*; got .*Delay.*outside",
        ),
        (lambda: gym.make("ALE/Pong-v5", obs_type="ram"), r'is a picture; got .*\(128,\).*obs_type="rgb"'),
        (lambda: gym.make("ALE/Pong-v5", sound_obs=True), 'is a picture; got .*Dict.*into="info"'),
    ],
)
def test_environment_that_cannot_be_paired_is_refused_in_one_sentence(env: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PairedObservation(env())


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("Pair(env, into='infos')", 'into out of observation, info; got infos. Pass into="observation".'),
        ("Pair(env, ram_format='hex')", 'ram_format out of bytes, bits, float; got hex. Pass ram_format="bytes".'),
        ("Pair(env, keys=('a', 'a'))", "two different keys; got ('a', 'a'). Pass keys=(\"pixels\", \"ram\")."),
        ("Pair(env, keys=('a',))", 'two different keys; got (\'a\',). Pass keys=("pixels", "ram").'),
        (
            "Pair(gym.make_vec('ALE/Pong-v5', vectorization_mode='sync'))",
            "an environment of the Arcade Learning Environment; got SyncVectorEnv(ALE/Pong-v5, num_envs=1). Wrap the "
            'single ones: gym.make_vec(id, vectorization_mode="sync", wrappers=[PairedObservation]).',
        ),
        (
            "Pair('pong')",
            "an environment of the Arcade Learning Environment; got pong. "
            "Make the environment with rmr_gym.make_atari(game), or with gym.make of an ALE id.",
        ),
    ],
)
def test_wrong_argument_is_refused_in_one_sentence(call: str, message: str) -> None:
    # In a process of its own, because the type checks of this test run stop such calls before the wrapper does.
    code = (
        "import gymnasium as gym, ale_py; from rmr_gym.wrappers import PairedObservation as Pair;"
        f"env = gym.make('ALE/Pong-v5'); {call}"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == f"ValueError: Expected {message}"


@pytest.mark.parametrize("wrap", [AtariPreprocessing, GrayscaleObservation, partial(ResizeObservation, shape=(84, 84))])
def test_picture_wrapper_around_the_pair_is_told_the_right_order(wrap: Any) -> None:
    advice = r"Box observation space, got the Dict of PairedObservation. Put PairedObservation outside of the wrappers"
    with pytest.raises(TypeError, match=advice):
        wrap(PairedObservation(console_env()))


def test_ram_that_never_changes_is_an_error() -> None:
    class Console:
        def getRAM(self) -> np.ndarray:  # noqa: N802
            return np.full(128, 63, np.uint8)

    class Frozen(gym.Env[Any, Any]):
        ale = Console()
        observation_space = gym.spaces.Box(0, 255, (2, 2), np.uint8)
        action_space = gym.spaces.Discrete(2)

        def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
            return np.zeros((2, 2), np.uint8), {}

        def step(self, action: Any) -> Any:
            return np.zeros((2, 2), np.uint8), 0.0, False, False, {}

    env = PairedObservation(Frozen())
    env.reset()
    for _ in range(1_000):
        env.step(0)
    with pytest.raises(RuntimeError, match="the same 128 bytes for 1000 steps"):
        env.step(0)


@pytest.mark.parametrize("rom_id", rmr_gym.GAMES)
def test_ram_of_every_game_changes_at_once_even_without_action(rom_id: str) -> None:
    env = rmr_gym.make_atari(rom_id, noop_max=0)
    first = env.reset(seed=0)[0]["ram"]
    assert (env.step(0)[0]["ram"] != first).any()
    assert env._unchanged_steps == 1  # the first step is what later ones are compared with
    env.step(0)
    assert env._unchanged_steps is None
