from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from rmr_gym.envs.ball_world import simulate
from rmr_gym.envs.balls_config import BallsConfig
from rmr_gym.envs.bouncing_balls_push import BouncingBallsPushEnv

NOTHING, RIGHT, UP, LEFT, DOWN = range(5)
BLOWS = 0.1 * np.array([[0, 0], [1, 0], [0, 1], [-1, 0], [0, -1]])

Policy = Callable[[np.ndarray, np.ndarray], int]


def start(env: BouncingBallsPushEnv, velocity: tuple[float, float] = (0.0, 0.0)) -> None:
    env.reset(options={"positions": [[0.0, 0.0]], "velocities": [velocity]})


@pytest.fixture
def env() -> BouncingBallsPushEnv:
    return BouncingBallsPushEnv(num_balls=1, observations="state")


@pytest.mark.parametrize(
    ("action", "blow"),
    [(NOTHING, (0.0, 0.0)), (RIGHT, (0.1, 0.0)), (UP, (0.0, 0.1)), (LEFT, (-0.1, 0.0)), (DOWN, (0.0, -0.1))],
)
def test_push_adds_its_velocity_before_the_frame(
    env: BouncingBallsPushEnv, action: int, blow: tuple[float, float]
) -> None:
    start(env, (0.05, 0.02))
    observation, *_, info = env.step(action)
    velocity = np.add((0.05, 0.02), blow)
    np.testing.assert_allclose(info["velocities"][0], velocity, atol=1e-7)
    np.testing.assert_allclose(observation["state"][0], 0.1 * velocity, atol=1e-7)


def test_upwards_is_upwards_in_the_picture_too() -> None:
    env = BouncingBallsPushEnv(num_balls=1)
    start(env)
    for _ in range(5):
        observation, *_ = env.step(UP)
    rows, columns = np.nonzero(observation["pixels"][..., 0])
    assert rows.mean() < 26
    assert columns.mean() == pytest.approx(31.5, abs=0.5)
    assert observation["pixels"].reshape(-1, 3).max(axis=0).tolist() == [255, 0, 0]


def test_push_moves_the_first_ball_only() -> None:
    env = BouncingBallsPushEnv(num_balls=2, speed=0.0, observations="state")
    before = env.reset(seed=0)[0]["state"]
    after = env.step(RIGHT)[0]["state"]
    np.testing.assert_allclose(after - before, [[0.01, 0.0], [0.0, 0.0]], atol=1e-7)


def test_push_never_takes_the_ball_above_the_highest_speed() -> None:
    env = BouncingBallsPushEnv(num_balls=1, observations="state", push_speed=0.2, max_speed=0.3, frame_seconds=0.05)
    start(env)
    speeds = [np.linalg.norm(env.step(action)[-1]["velocities"]) for action in (UP, UP, UP, RIGHT, RIGHT)]
    np.testing.assert_allclose(speeds, [0.2, 0.3, 0.3, 0.3, 0.3], atol=1e-6)


def test_push_turns_and_brakes_a_ball_that_is_too_fast_but_leaves_it_its_speed(env: BouncingBallsPushEnv) -> None:
    start(env, (0.9, 0.0))
    along = env.step(RIGHT)[-1]["velocities"][0]
    np.testing.assert_allclose(along, [0.9, 0.0], atol=1e-6)
    across = env.step(UP)[-1]["velocities"][0]
    assert np.linalg.norm(across) == pytest.approx(0.9, abs=1e-6)
    assert across[1] > 0.05
    against = env.step(LEFT)[-1]["velocities"][0]
    assert np.linalg.norm(against) == pytest.approx(0.8, abs=0.01)


def test_push_can_stop_a_ball(env: BouncingBallsPushEnv) -> None:
    start(env, (-0.1, 0.0))
    np.testing.assert_array_equal(env.step(RIGHT)[-1]["velocities"], [[0.0, 0.0]])


def test_reward_is_minus_the_distance_from_the_middle_in_half_sides() -> None:
    env = BouncingBallsPushEnv(num_balls=2, radius=0.05, box_size=2.0, observations="state")
    env.reset(options={"positions": [[0.3, 0.4], [-0.5, -0.5]], "velocities": np.zeros((2, 2))})
    _, reward, terminated, truncated, _ = env.step(NOTHING)
    assert (reward, terminated, truncated) == (pytest.approx(-0.5), False, False)
    assert type(reward) is float


def test_world_without_pushes_is_that_of_the_plain_environment() -> None:
    env = BouncingBallsPushEnv(observations="state")
    rows = [env.reset(seed=3)[0]["state"], *(env.step(NOTHING)[0]["state"] for _ in range(29))]
    np.testing.assert_array_equal(rows, simulate(BallsConfig(), [3], 30)[0])


def test_pushes_keep_all_balls_in_the_box_and_their_speeds_in_reason() -> None:
    env = BouncingBallsPushEnv(observations="state")
    generator = np.random.default_rng(0)
    for seed in range(3):
        env.reset(seed=seed)
        for _ in range(100):
            observation, *_, info = env.step(generator.integers(5))
            assert np.abs(observation["state"]).max() < env.config.bound + 1e-5
        assert np.linalg.norm(info["velocities"], axis=1).max() < 2.0


@pytest.mark.parametrize("options", [{"push_speed": 0.0}, {"push_speed": float("nan")}, {"max_speed": -1.0}])
def test_environment_refuses_speeds_of_pushes_that_cannot_be(options: dict[str, float]) -> None:
    (name,) = options
    with pytest.raises(ValueError, match=f"a finite {name} above 0"):
        BouncingBallsPushEnv(**options)


def test_environment_names_a_keyword_that_it_does_not_know() -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'push_sped'"):
        gym.make("rmr/BouncingBallsPush-v0", push_sped=1.0)


def test_options_of_pushes_survive_a_copy_and_json() -> None:
    made = gym.make("rmr/BouncingBallsPush-v0", push_speed=0.2, max_speed=0.4, observations="state")
    again = gym.make(gym.envs.registration.EnvSpec.from_json(made.spec.to_json())).unwrapped
    copied = type(again)(**again._ezpickle_kwargs)
    assert {(one.push_speed, one.max_speed) for one in (made.unwrapped, again, copied)} == {(0.2, 0.4)}
    assert {"push_speed", "max_speed"} <= set(inspect.signature(BouncingBallsPushEnv).parameters)


def returns(policy: Policy) -> np.ndarray:
    env: gym.Env[Any, Any] = gym.make("rmr/BouncingBallsPush-v0", observations="state")
    totals = []
    for seed in range(6):
        observation, info = env.reset(seed=seed)
        total, truncated = 0.0, False
        while not truncated:
            action = policy(observation["state"][0], info["velocities"][0])
            observation, reward, _, truncated, info = env.step(action)
            total += reward
        totals.append(total)
    return np.array(totals)


def test_reward_can_be_earned_by_looking() -> None:
    generator = np.random.default_rng(0)
    random = returns(lambda position, velocity: int(generator.integers(5)))
    idle = returns(lambda position, velocity: NOTHING)
    seeing = returns(lambda position, velocity: int(np.linalg.norm(position + 0.5 * BLOWS, axis=1).argmin()))
    braking = returns(
        lambda position, velocity: int(np.linalg.norm(position + 0.5 * (velocity + BLOWS), axis=1).argmin())
    )
    # Measured: -72, -70, -30 and -18.
    assert seeing.min() > max(random.mean(), idle.mean()) + 20
    assert braking.mean() > seeing.mean() + 5
    assert braking.mean() > -25
