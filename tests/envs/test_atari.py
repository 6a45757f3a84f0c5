from __future__ import annotations

import pickle
from typing import Any

import ale_py
import gymnasium as gym
import numpy as np
import pytest
from gymnasium.envs.registration import EnvSpec
from gymnasium.utils.env_checker import check_env
from gymnasium.utils.env_match import check_environments_match
from gymnasium.wrappers import (
    AddRenderObservation,
    AtariPreprocessing,
    MaxAndSkipObservation,
    RepeatAction,
    StickyAction,
)
from stable_baselines3.common.atari_wrappers import AtariWrapper, StickyActionEnv
from stable_baselines3.common.env_checker import check_env as check_env_of_sb3

import rmr_gym
from rmr_gym.envs.atari import make_atari, require_deterministic
from rmr_gym.envs.console import Console, ConsoleConfig
from rmr_gym.envs.frames import resize_frame, to_gray
from rmr_gym.envs.games import GAMES, get_game

IN_GRAY: dict[str, Any] = {"gray": True, "size": (84, 84)}

gym.register_envs(ale_py)


@pytest.mark.parametrize("rom_id", GAMES)
@pytest.mark.filterwarnings("ignore:.*is different from the unwrapped version")  # it says that the id has a wrapper
def test_every_id_passes_the_checkers_of_gymnasium_and_sb3(rom_id: str) -> None:
    env = gym.make(get_game(rom_id).env_id)
    assert env.observation_space == gym.spaces.Dict(
        pixels=gym.spaces.Box(0, 255, (210, 160, 3), np.uint8), ram=gym.spaces.Box(0, 255, (128,), np.uint8)
    )
    assert env.action_space == gym.spaces.Discrete(18)
    assert env.unwrapped.ale.getFloat("repeat_action_probability") == 0.0
    check_env(env)
    check_env_of_sb3(env, warn=True)


def test_environment_below_the_pair_passes_the_checker_of_gymnasium() -> None:
    check_env(gym.make("rmr/Pong-v0").unwrapped)


@pytest.mark.parametrize("rom_id", ["pong", "breakout", "ms_pacman"])
def test_pair_matches_the_stock_pair_of_gymnasium(rom_id: str) -> None:
    stock = gym.make(
        get_game(rom_id).ale_id,
        obs_type="ram",
        render_mode="rgb_array",
        frameskip=4,
        repeat_action_probability=0.0,
        full_action_space=True,
    )
    stock = AddRenderObservation(stock, render_only=False, render_key="pixels", obs_key="ram")
    check_environments_match(
        gym.make(get_game(rom_id).env_id, noop_max=0), stock, num_steps=500, info_comparison="keys-superset"
    )


@pytest.mark.parametrize("rom_id", ["pong", "skiing", "tennis", "video_pinball"])
def test_pair_is_what_the_emulator_shows(rom_id: str, replay: Any) -> None:
    actions = np.random.default_rng(1).integers(18, size=100).tolist()
    env = make_atari(rom_id, noop_max=0)
    pairs = [env.reset(seed=0)[0], *(env.step(action)[0] for action in actions)]
    for frame, console in enumerate(replay(rom_id, actions, 4)):
        if frame % 4 == 0:
            pair = pairs[frame // 4]
            np.testing.assert_array_equal(pair["ram"], console.getRAM())
            np.testing.assert_array_equal(pair["pixels"], console.getScreenRGB())


@pytest.mark.parametrize("options", [{}, {"max_pool": True, **IN_GRAY}], ids=["plain", "pooled"])
def test_pair_is_aligned_on_first_terminal_and_later_first_rows(options: dict[str, Any], replay: Any) -> None:
    actions = np.random.default_rng(0).integers(18, size=1_000).tolist()
    env = make_atari("breakout", noop_max=0, **options)
    rams = [env.reset(seed=0)[0]["ram"]]
    for action in actions:
        observation, _, terminated, _, _ = env.step(action)
        rams.append(observation["ram"])
        if terminated:
            break
    assert terminated
    expected = [console.getRAM() for console in replay("breakout", actions, 4)]
    np.testing.assert_array_equal(np.stack(rams[:-1]), np.stack(expected[: 4 * len(rams) - 7 : 4]))
    np.testing.assert_array_equal(rams[-1], expected[-1])
    first, _ = env.reset()
    np.testing.assert_array_equal(first["ram"], env.unwrapped.ale.getRAM())
    assert (first["ram"] != rams[-1]).any()


@pytest.mark.parametrize(("rom_id", "steps"), [("breakout", 1_000), ("pong", 60), ("skiing", 60), ("yars_revenge", 60)])
def test_pooled_pairs_are_those_that_the_recording_console_stores(rom_id: str, steps: int) -> None:
    actions = np.random.default_rng(0).integers(18, size=steps).tolist()
    colour, gray = (make_atari(rom_id, noop_max=0, max_pool=True, **options) for options in ({}, IN_GRAY))
    console = Console(ConsoleConfig(game=rom_id, max_pool=True))
    colour.reset(seed=0)
    gray.reset(seed=0)
    console.restart(num_noops=0)
    terminated = False
    for action in actions:
        pair, stored_reward, stored_terminated = console.step(action)
        observation, reward, terminated, _, _ = colour.step(action)
        assert (reward, terminated) == (stored_reward, stored_terminated)
        np.testing.assert_array_equal(observation["ram"], pair.ram)
        np.testing.assert_array_equal(observation["pixels"], console.palette[pair.screen])
        stored_gray = resize_frame(to_gray(console.palette)[pair.screen], (84, 84))
        np.testing.assert_array_equal(gray.step(action)[0]["pixels"], stored_gray)
        if terminated:
            break
    assert terminated == (rom_id == "breakout")


def test_make_atari_is_gym_make() -> None:
    by_name, by_id = make_atari("ms_pacman", gray=True), gym.make("rmr/MsPacman-v0", gray=True)
    assert str(by_name) == str(by_id)
    check_environments_match(by_name, by_id, num_steps=20)


def test_make_atari_without_pair_shows_the_picture_alone() -> None:
    env = make_atari("pong", paired=False, gray=True, size=(84, 84))
    assert env.observation_space == gym.spaces.Box(0, 255, (84, 84), np.uint8)
    assert not env.spec.additional_wrappers


def test_make_atari_refuses_an_unknown_game() -> None:
    with pytest.raises(ValueError, match="Did you mean 'pong'"):
        make_atari("ponk")


@pytest.mark.parametrize(
    "env",
    [
        pytest.param(lambda: gym.make("rmr/Pong-v0"), id="defaults"),
        pytest.param(
            lambda: make_atari(
                "pong", gray=True, gray_newaxis=True, size=(84, 96), max_pool=True, sticky=0.25, noop_max=3
            ),
            id="options",
        ),
        pytest.param(lambda: gym.make("rmr/Pong-v0", max_episode_steps=7), id="time limit"),
    ],
)
def test_spec_makes_the_same_environment_again_also_through_json(env: Any) -> None:
    env = env()
    from_json = EnvSpec.from_json(env.spec.to_json())
    assert from_json == env.spec
    for again in (gym.make(from_json), env.spec.make(), gym.make(gym.make(from_json).spec)):
        assert str(again) == str(env)
        assert again.spec == env.spec
    check_environments_match(env, gym.make(from_json), num_steps=20)


def test_unpickled_environment_plays_the_same() -> None:
    env = gym.make("rmr/Breakout-v0", gray=True)
    again = pickle.loads(pickle.dumps(env))
    assert again.spec == env.spec
    check_environments_match(env, again, num_steps=50)


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_vector_environment_holds_the_pairs_of_its_environments(mode: str) -> None:
    envs = gym.make_vec("rmr/Pong-v0", num_envs=2, vectorization_mode=mode, noop_max=5)
    singles = [gym.make("rmr/Pong-v0", noop_max=5) for _ in range(2)]
    try:
        observations, infos = envs.reset(seed=[1, 2])
        expected = [single.reset(seed=seed) for single, seed in zip(singles, [1, 2], strict=True)]
        for action in range(6):
            for key in ("pixels", "ram"):
                np.testing.assert_array_equal(observations[key], np.stack([row[0][key] for row in expected]))
            for key in ("lives", "episode_frame_number", "frame_number"):
                np.testing.assert_array_equal(infos[key], [row[-1][key] for row in expected])
            observations, _, _, _, infos = envs.step(np.array([action, action]))
            expected = [single.step(action) for single in singles]
    finally:
        envs.close()


def test_require_deterministic_accepts_our_environments() -> None:
    require_deterministic(gym.wrappers.FrameStackObservation(make_atari("pong"), 2))


@pytest.mark.parametrize(
    "wrap",
    [
        AtariPreprocessing,
        AtariWrapper,
        MaxAndSkipObservation,
        lambda env: RepeatAction(env, 4),
        lambda env: StickyAction(env, 0.0),
        lambda env: StickyActionEnv(env, 0.0),
    ],
)
def test_require_deterministic_accepts_wrappers_that_draw_nothing(wrap: Any) -> None:
    require_deterministic(wrap(gym.make("ALE/Pong-v5", repeat_action_probability=0.0, frameskip=1)))


@pytest.mark.parametrize(
    ("env", "message"),
    [
        (lambda: gym.make("ALE/Pong-v5"), "repeat_action_probability=0.25. Make it with repeat_action_probability=0.0"),
        (lambda: make_atari("pong", sticky=0.1), r"repeat_action_probability=0.1\. .*sticky=0.0"),
        (
            lambda: gym.make("ALE/Pong-v5", repeat_action_probability=0.0, frameskip=(2, 5)),
            r"fixed frame skip; got frameskip=\(2, 5\)",
        ),
        (
            lambda: gym.wrappers.TimeLimit(StickyAction(make_atari("pong"), 0.25), 9),
            "without sticky actions; got StickyAction. Leave",
        ),
        (
            lambda: AtariWrapper(make_atari("pong", paired=False, frame_skip=1), action_repeat_probability=0.1),
            "without sticky actions; got StickyActionEnv. Leave",
        ),
        (lambda: gym.make("CartPole-v1"), "Arcade Learning Environment; got .*CartPole"),
    ],
)
def test_require_deterministic_refuses(env: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        require_deterministic(env())


def test_public_names_of_the_package_are_the_same_objects() -> None:
    assert rmr_gym.make_atari is make_atari
    assert rmr_gym.GAMES is GAMES
