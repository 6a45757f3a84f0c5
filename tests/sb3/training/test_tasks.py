from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rmr_gym.envs.atari import make_atari
from rmr_gym.envs.balls_config import BallsConfig
from rmr_gym.sb3.training import GameOptions, PushOptions, Task, make_task_env
from rmr_gym.sb3.training.tasks import fires_at_start, task_name


def task(name: str, *, world: BallsConfig | None = None, push: PushOptions | None = None, **game: Any) -> Task:
    return Task(name=name, game=GameOptions(**game), world=world or BallsConfig(), push=push or PushOptions())


def test_pictures_are_those_of_make_atari_behind_the_first_shots() -> None:
    venv = make_task_env(task("breakout"), num_envs=2, seed=5)
    env = make_atari("breakout", gray=True, size=(84, 84), max_pool=True, full_actions=False, paired=False)
    shown = venv.reset()
    env.reset(seed=6)  # the second of them
    env.step(1)
    picture, *_ = env.step(2)
    for _ in range(4):
        np.testing.assert_array_equal(shown[1, :, :, 0], picture)
        shown, *_ = venv.step(np.array([3, 3]))
        picture, *_ = env.step(3)


def until_done(venv: Any, most: int) -> dict[str, Any]:
    for _ in range(most):
        _, _, dones, infos = venv.step(np.array([0]))
        if dones[0]:
            found: dict[str, Any] = infos[0]
            return found
    raise AssertionError("no end")


def test_life_ends_the_episode_of_training_and_not_that_of_the_monitor() -> None:
    venv = make_task_env(task("breakout"), num_envs=1, seed=0)
    venv.reset()
    infos = [until_done(venv, 200) for _ in range(5)]
    assert [info["lives"] for info in infos] == [4, 3, 2, 1, 0]
    assert ["episode" in info for info in infos] == [False, False, False, False, True]


def test_rewards_are_signs_and_the_monitor_counts_points() -> None:
    points = {}
    for clip in (True, False):
        venv = make_task_env(task("ms_pacman", clip_rewards=clip), num_envs=1, seed=0, max_frames=800)
        venv.reset()
        rewards = []
        for _ in range(400):
            _, reward, _, infos = venv.step(np.array([3]))
            rewards.append(float(reward[0]))
            if "episode" in infos[0]:
                points[clip] = infos[0]["episode"]["r"]
                break
        assert set(rewards) <= ({0.0, 1.0} if clip else {0.0, 10.0, 50.0})
        assert max(rewards) > 0
    assert points[True] == points[False] > 1


def test_episode_of_evaluation_is_cut_off() -> None:
    venv = make_task_env(task("pong"), num_envs=1, seed=0, max_frames=100)
    venv.reset()
    assert until_done(venv, 30)["TimeLimit.truncated"]


@pytest.mark.parametrize(("ram_format", "shape"), [("bits", (1024,)), ("float", (128,)), ("bytes", (128,))])
def test_ram_takes_the_place_of_pictures(ram_format: Any, shape: tuple[int, ...]) -> None:
    venv = make_task_env(task("pong"), num_envs=1, seed=0, observe="ram", ram_format=ram_format)
    assert venv.observation_space.shape == shape
    assert venv.observation_space.contains(venv.reset()[0])


def test_balls_have_the_world_that_was_asked_for() -> None:
    small = task("balls_push", world=BallsConfig(num_balls=3, picture_size=32))
    pictures = make_task_env(small, num_envs=1, seed=4)
    positions = make_task_env(small, num_envs=1, seed=4, observe="ram")
    assert pictures.reset().shape == (1, 32, 32, 3)
    assert positions.reset().shape == (1, 3, 2)
    assert pictures.step(np.array([1]))[1] == positions.step(np.array([1]))[1]


def test_pushes_are_as_strong_as_was_asked_for() -> None:
    moved = []
    for speed in (0.1, 0.3):
        strong = task("balls_push", world=BallsConfig(num_balls=1, speed=0.0), push=PushOptions(push_speed=speed))
        venv = make_task_env(strong, num_envs=1, seed=4, observe="ram")
        before = venv.reset()
        moved.append(venv.step(np.array([1]))[0] - before)
    np.testing.assert_allclose(moved[1], 3 * moved[0], atol=1e-6)
    assert moved[0][0, 0, 0] == pytest.approx(0.01, abs=1e-6)  # metres in a tenth of a second


def test_unknown_task_is_told_of_all() -> None:
    with pytest.raises(ValueError, match=r"balls_push, .*pong.*Did you mean 'balls_push'"):
        task_name("ball_push")
    with pytest.raises(ValueError, match="Did you mean 'pong'"):
        task_name("Pongg")


@pytest.mark.parametrize(
    ("meanings", "fires"), [(["NOOP", "FIRE", "UP"], True), (["NOOP", "UP", "FIRE"], False), (["NOOP", "FIRE"], False)]
)
def test_fire_has_to_be_the_second_of_three_actions(meanings: list[str], fires: bool) -> None:
    assert fires_at_start(meanings) == fires


def test_at_least_one_environment() -> None:
    with pytest.raises(ValueError, match="num_envs"):
        make_task_env(task("pong"), num_envs=0, seed=0)
