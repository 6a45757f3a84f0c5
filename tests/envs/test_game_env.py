from __future__ import annotations

import pickle
from collections.abc import Iterator
from typing import Any

import ale_py
import gymnasium as gym
import numpy as np
import pytest
from gymnasium.wrappers import AtariPreprocessing

from rmr_gym.envs.atari import make_atari
from rmr_gym.envs.frames import resize_frame
from rmr_gym.envs.game_env import GameEnv

gym.register_envs(ale_py)


def random_actions(count: int) -> list[int]:
    return np.random.default_rng(0).integers(18, size=count).tolist()


def last_frames_of_steps(consoles: Iterator[ale_py.ALEInterface]) -> Iterator[ale_py.ALEInterface]:
    """Yield the console after the last frame of each four-frame step, the first before any, the last at the end."""
    for frame, console in enumerate(consoles):
        if frame % 4 == 0 or console.game_over():
            yield console


@pytest.mark.parametrize("rom_id", ["breakout", "ms_pacman"])
@pytest.mark.parametrize("gray", [False, True])
def test_pictures_are_the_screens_after_the_last_frame_of_each_step(rom_id: str, gray: bool, replay: Any) -> None:
    actions = random_actions(1_000)
    env = GameEnv(rom_id, gray=gray, noop_max=0)
    picture, _ = env.reset(seed=0)
    for action, console in zip([*actions, None], last_frames_of_steps(replay(rom_id, actions, 4)), strict=False):
        np.testing.assert_array_equal(picture, console.getScreenGrayscale() if gray else console.getScreenRGB())
        if console.game_over():
            break
        before = picture
        picture, _, terminated, _, _ = env.step(action)
    assert terminated
    assert (picture != before).any()  # so that an old picture would have been noticed


@pytest.mark.parametrize("rom_id", ["breakout", "ms_pacman"])
def test_pooled_pictures_show_the_last_two_frames_also_at_the_end(rom_id: str, replay: Any) -> None:
    actions = random_actions(1_000)
    env = GameEnv(rom_id, gray=True, max_pool=True, noop_max=0)
    screens = [console.getScreenGrayscale() for console in replay(rom_id, actions, 4)]
    np.testing.assert_array_equal(env.reset(seed=0)[0], screens[0])
    for step, action in enumerate(actions, start=1):
        picture, _, terminated, _, _ = env.step(action)
        last = min(4 * step, len(screens) - 1)
        np.testing.assert_array_equal(picture, np.maximum(screens[last - 1], screens[last]))
        if terminated:
            break
    assert last == len(screens) - 1


def test_pooled_colour_pictures_have_only_colours_of_the_two_frames(replay: Any) -> None:
    actions = random_actions(40)
    env = GameEnv("yars_revenge", max_pool=True, noop_max=0)
    pictures = [env.reset(seed=0)[0], *(env.step(action)[0] for action in actions)]
    screens = [console.getScreenRGB() for console in replay("yars_revenge", actions, 4)]
    mixed = 0
    for step, picture in enumerate(pictures[1:], start=1):
        earlier, later = screens[4 * step - 1], screens[4 * step]
        is_later = (picture == later).all(axis=-1)
        assert (is_later | (picture == earlier).all(axis=-1)).all()
        mixed += (~is_later).any()
    assert mixed > 0


@pytest.mark.parametrize("rom_id", ["pong", "seaquest", "space_invaders", "yars_revenge"])
def test_pooled_gray_pictures_equal_those_of_gymnasium_while_the_game_goes_on(rom_id: str) -> None:
    ours = GameEnv(rom_id, gray=True, size=(84, 84), max_pool=True)
    theirs = AtariPreprocessing(
        gym.make(
            f"ALE/{''.join(part.title() for part in rom_id.split('_'))}-v5",
            frameskip=1,
            repeat_action_probability=0.0,
            full_action_space=True,
        )
    )
    np.testing.assert_array_equal(ours.reset(seed=3)[0], theirs.reset(seed=3)[0])
    for action in random_actions(80):
        picture, reward, terminated, _, info = ours.step(action)
        expected, expected_reward, expected_terminated, _, expected_info = theirs.step(action)
        assert (reward, terminated, info) == (expected_reward, expected_terminated, expected_info)
        assert not terminated
        np.testing.assert_array_equal(picture, expected)


def test_resized_colour_pictures_are_the_screen_averaged() -> None:
    env = GameEnv("pong", size=(105, 80))
    picture, _ = env.reset(seed=0)
    assert picture.shape == env.observation_space.shape == (105, 80, 3)
    np.testing.assert_array_equal(picture, resize_frame(env.ale.getScreenRGB(), (105, 80)))


def test_reset_lets_one_to_noop_max_frames_pass() -> None:
    env = GameEnv("pong", noop_max=3)
    env.reset(seed=0)
    assert {env.reset()[1]["episode_frame_number"] for _ in range(30)} == {1, 2, 3}


def test_reset_lets_no_frame_pass_without_noops() -> None:
    assert GameEnv("pong", noop_max=0).reset(seed=0)[1]["episode_frame_number"] == 0


def test_reset_starts_again_when_the_game_ends_in_the_noops() -> None:
    env = GameEnv("pong", noop_max=30, max_frames=2)
    _, info = env.reset(seed=0)
    assert info["episode_frame_number"] < 2


def test_reset_with_a_seed_repeats_the_episode_and_without_goes_on() -> None:
    env = GameEnv("space_invaders")

    def episode(seed: int | None) -> tuple[int, bytes]:
        _, info = env.reset(seed=seed)
        return info["episode_frame_number"], b"".join(env.step(action)[0].tobytes() for action in random_actions(20))

    first = episode(5)
    others = [episode(None) for _ in range(3)]
    assert episode(5) == first
    assert any(other != first for other in others)


def test_info_has_the_same_keys_at_reset_and_step() -> None:
    env = GameEnv("pong")
    keys = {"lives", "episode_frame_number", "frame_number"}
    assert env.reset(seed=0)[1].keys() == env.reset()[1].keys() == env.step(0)[4].keys() == keys


def test_episode_is_truncated_at_max_frames_with_the_present_picture() -> None:
    env = GameEnv("pong", noop_max=0, max_frames=10)
    env.reset(seed=0)
    flags = [env.step(3)[2:4] for _ in range(2)]
    picture, _, terminated, truncated, info = env.step(3)
    assert flags == [(False, False)] * 2
    assert (terminated, truncated, info["episode_frame_number"]) == (False, True, 10)
    np.testing.assert_array_equal(picture, env.ale.getScreenRGB())


def test_step_returns_new_arrays() -> None:
    env = GameEnv("pong", gray=True)
    first, _ = env.reset(seed=0)
    kept = first.copy()
    for action in random_actions(60):
        second = env.step(action)[0]
        assert not np.shares_memory(first, second)
    assert (second != kept).any()
    np.testing.assert_array_equal(first, kept)


@pytest.mark.parametrize("action", [3, np.int64(3), np.float32(3), np.array(3)])
def test_step_takes_any_number_for_an_action(action: Any) -> None:
    ours, reference = GameEnv("pong", noop_max=0), GameEnv("pong", noop_max=0)
    for env in (ours, reference):
        env.reset(seed=0)
        for _ in range(20):
            env.step(1)
    np.testing.assert_array_equal(ours.step(action)[0], reference.step(3)[0])


@pytest.mark.parametrize("action", [18, -1, 3.5, "3"])
def test_step_refuses_an_action_outside_the_space(action: Any) -> None:
    env = GameEnv("pong")
    env.reset(seed=0)
    with pytest.raises(ValueError, match=rf"action index in 0\.\.17; got {action}"):
        env.step(action)


def test_sticky_reaches_the_console() -> None:
    assert GameEnv("pong", sticky=0.25).ale.getFloat("repeat_action_probability") == 0.25
    assert GameEnv("pong").ale.getFloat("repeat_action_probability") == 0.0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"frame_skip": 0}, "frame_skip as an integer of at least 1; got 0"),
        ({"noop_max": -1}, "noop_max as an integer of at least 0; got -1"),
        ({"max_frames": 0}, "max_frames as an integer of at least 1; got 0"),
        ({"sticky": 1.5}, r"sticky as a probability in 0\.\.1; got 1.5"),
        ({"size": (84,)}, r"size as \(height, width\)"),
        ({"gray_newaxis": True}, "gray_newaxis with gray pictures only.*got gray=False. Pass gray=True"),
        ({"mode": 99}, r"a mode of pong out of \[0, 1\] .*; got mode=99, difficulty=None"),
        ({"mode": -1}, "got mode=-1"),
        ({"mode": 1, "difficulty": 7}, r"a difficulty out of \[0, 1, 2, 3\]; got mode=1, difficulty=7"),
    ],
)
def test_option_outside_its_range_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        GameEnv("pong", **options)


def test_integers_of_numpy_are_taken_and_reach_the_spec_as_those_of_python() -> None:
    env = make_atari("pong", frame_skip=np.int64(2), noop_max=np.int32(0), max_frames=np.int64(40))
    assert env.spec is not None
    again = gym.make(gym.envs.registration.EnvSpec.from_json(env.spec.to_json()))
    for made in (env, again):
        made.reset(seed=0)
        lengths = [made.step(0)[3] for _ in range(20)]
        assert lengths == [False] * 19 + [True]


def test_mode_and_difficulty_reach_the_console() -> None:
    plain, hard = GameEnv("breakout", noop_max=0), GameEnv("breakout", noop_max=0, mode=4, difficulty=1)
    plain.reset(seed=0)
    hard.reset(seed=0)
    assert (plain.ale.getRAM() != hard.ale.getRAM()).any()


def test_gray_picture_with_an_axis_for_its_channel_has_the_same_pixels() -> None:
    options: dict[str, Any] = {"gray": True, "size": (84, 84), "max_pool": True}
    flat, with_axis = GameEnv("pong", **options), GameEnv("pong", **options, gray_newaxis=True)
    assert with_axis.observation_space == gym.spaces.Box(0, 255, (84, 84, 1), np.uint8)
    np.testing.assert_array_equal(with_axis.reset(seed=0)[0][..., 0], flat.reset(seed=0)[0])
    for action in random_actions(30):
        np.testing.assert_array_equal(with_axis.step(action)[0][..., 0], flat.step(action)[0])


def test_unpickled_environment_has_the_same_options() -> None:
    env = GameEnv("Skiing", gray=True, gray_newaxis=True, size=[84, 96], max_pool=True, noop_max=5, frame_skip=2)
    again = pickle.loads(pickle.dumps(env))
    assert again.observation_space == env.observation_space
    assert again.action_space == gym.spaces.Discrete(18)
    picture, info = env.reset(seed=1)
    expected, expected_info = again.reset(seed=1)
    assert info == expected_info
    np.testing.assert_array_equal(picture, expected)
    np.testing.assert_array_equal(env.step(3)[0], again.step(3)[0])


def test_render_returns_the_whole_screen_whatever_the_picture() -> None:
    env = GameEnv("pong", gray=True, size=(84, 84), render_mode="rgb_array")
    env.reset(seed=0)
    np.testing.assert_array_equal(env.render(), env.ale.getScreenRGB())
