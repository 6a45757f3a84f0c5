from __future__ import annotations

import copy
import pickle
import warnings
from typing import Any, get_args

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.envs.registration import EnvSpec
from gymnasium.utils.env_checker import check_env

import rmr_gym
from rmr_gym.envs.ball_renderer import BallRenderer
from rmr_gym.envs.ball_world import simulate
from rmr_gym.envs.balls_config import BallsConfig, PainterName
from rmr_gym.envs.bouncing_balls import BouncingBallsEnv
from rmr_gym.envs.disc_painter import DiscPainter
from rmr_gym.envs.painting import BallPainter

IDS = ("rmr/BouncingBalls-v0", "rmr/BouncingBallsPush-v0")
SB3_ON_SHAPE = "Your observation state has an unconventional shape"

each_id = pytest.mark.parametrize("env_id", IDS)


def states(env: gym.Env[Any, Any], num_frames: int, **reset: Any) -> np.ndarray:
    rows = [env.reset(**reset)[0]["state"]]
    rows += [env.step(0)[0]["state"] for _ in range(num_frames - 1)]
    return np.stack(rows)


@each_id
@pytest.mark.parametrize("observations", ["both", "pixels", "state"])
def test_environment_passes_both_checkers(env_id: str, observations: str) -> None:
    from stable_baselines3.common.env_checker import check_env as check_env_sb3

    check_env(gym.make(env_id, observations=observations).unwrapped)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        check_env_sb3(gym.make(env_id, observations=observations))
    # A table of positions is no picture and no vector; that is all that the checker has to say.
    assert all(str(warning.message).startswith(SB3_ON_SHAPE) for warning in caught)
    assert len(caught) == (observations != "pixels")


@each_id
def test_registered_environment_has_the_spaces_of_the_paper(env_id: str) -> None:
    env = gym.make(f"rmr_gym:{env_id}")
    wall = np.full((10, 2), 0.5, np.float32)
    assert env.observation_space == gym.spaces.Dict(
        pixels=gym.spaces.Box(0, 255, (64, 64, 3), np.uint8), state=gym.spaces.Box(-wall, wall)
    )
    assert env.unwrapped.observation_space.is_np_flattenable
    assert env.spec.max_episode_steps == 100


def test_spaces_follow_the_world() -> None:
    env = gym.make("rmr/BouncingBalls-v0", num_balls=2, radius=0.1, box_size=3.0, picture_size=32)
    observation, info = env.reset(seed=0)
    assert observation["pixels"].shape == (32, 32, 3)
    assert observation["state"].shape == info["velocities"].shape == (2, 2)
    assert env.observation_space["state"].high.max() == 1.5


def test_observation_holds_only_what_was_asked_for() -> None:
    for observations in ("pixels", "state"):
        env = BouncingBallsEnv(observations=observations)
        assert list(env.reset(seed=0)[0]) == list(env.step(0)[0]) == list(env.observation_space) == [observations]


def test_state_is_the_simulated_trajectory_of_the_seed_bit_for_bit() -> None:
    for options in ({}, {"num_balls": 3, "gravity": 1.0, "box_size": 2.0}):
        env = BouncingBallsEnv(**options, observations="state")
        for seed in (0, 7, 2**40):
            np.testing.assert_array_equal(states(env, 60, seed=seed), simulate(env.config, [seed], 60)[0])


@pytest.mark.parametrize(("painter", "draws"), [("discs", DiscPainter), ("opengl", BallRenderer)])
def test_picture_is_the_one_of_the_state_beside_it(painter: PainterName, draws: type[BallPainter]) -> None:
    env = BouncingBallsEnv(painter=painter)
    renderer = draws(env.config)
    env.reset(seed=3)
    for _ in range(5):
        observation, *_ = env.step(0)
        np.testing.assert_array_equal(observation["pixels"], renderer.render(observation["state"]))
    renderer.close()
    env.close()


def test_info_holds_the_velocities_that_lead_to_the_next_frame() -> None:
    env = BouncingBallsEnv(num_balls=1, observations="state")
    before, info = env.reset(options={"positions": [[0.0, 0.1]], "velocities": [[0.2, -0.3]]})
    after, *_ = env.step(0)
    np.testing.assert_array_equal(info["velocities"], np.float32([[0.2, -0.3]]))
    np.testing.assert_allclose(after["state"], before["state"] + 0.1 * info["velocities"], atol=1e-7)


def test_reset_without_a_seed_goes_on_to_other_worlds_that_the_first_seed_decides() -> None:
    first, second = (BouncingBallsEnv(observations="state") for _ in range(2))
    runs = [[env.reset(seed=1)[0]["state"], *(env.reset()[0]["state"] for _ in range(2))] for env in (first, second)]
    np.testing.assert_array_equal(*runs)
    assert len({row.tobytes() for row in runs[0]}) == 3
    assert not np.array_equal(first.reset(seed=2)[0]["state"], runs[0][0])


def test_world_rewards_nothing_and_ends_by_its_time_limit() -> None:
    env = gym.make("rmr/BouncingBalls-v0", observations="state")
    env.reset(seed=0)
    steps = [env.step(0)[1:4] for _ in range(100)]
    assert steps == [(0.0, False, False)] * 99 + [(0.0, False, True)]


def test_reset_starts_where_the_options_say() -> None:
    env = BouncingBallsEnv(num_balls=2, observations="state")
    given = {"positions": [[0.0, 0.0], [0.2, 0.0]], "velocities": np.zeros((2, 2), np.float32)}
    for _ in range(2):
        np.testing.assert_array_equal(states(env, 5, options=given), np.float32([given["positions"]] * 5))


def test_reset_takes_a_frame_of_a_trajectory_back() -> None:
    env = BouncingBallsEnv(observations="state")
    for seed in range(5):
        env.reset(seed=seed)
        for _ in range(20):
            observation, *_, info = env.step(0)
        start = {"positions": observation["state"], "velocities": info["velocities"]}
        np.testing.assert_array_equal(env.reset(options=start)[0]["state"], observation["state"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"position": [[0.0, 0.0], [0.2, 0.0]]}, "options positions and velocities; got \\['position'\\]"),
        ({"positions": [[0.0, 0.0], [0.2, 0.0]]}, "options positions and velocities"),
        ({"positions": [[0.0, 0.0]], "velocities": [[0.0, 0.0]]}, "positions as finite numbers of shape \\(2, 2\\)"),
        (
            {"positions": [[0.0, 0.0], [0.2, 0.0]], "velocities": [[0.0, np.nan], [0.0, 0.0]]},
            "velocities as finite numbers",
        ),
        ({"positions": [[0.0, 0.0], [0.0, 0.45]], "velocities": np.zeros((2, 2))}, "in -0.44..0.44 m; got 0.45 m"),
        ({"positions": [[0.0, 0.0], [0.1, 0.0]], "velocities": np.zeros((2, 2))}, "at least 0.12 m apart; got 0.1 m"),
        ({"positions": [[0.0, 0.0], ["x", 0.0]], "velocities": np.zeros((2, 2))}, "positions as finite numbers"),
        ({"positions": [[0.0, 0.0], [0.2]], "velocities": np.zeros((2, 2))}, "positions as finite numbers"),
        ({"positions": [[0.0, 0.0], [0.2, 0.0]], "velocities": np.full((2, 2), 1e5)}, "100 times in a frame"),
    ],
)
def test_reset_refuses_a_start_that_cannot_be(options: dict[str, Any], message: str) -> None:
    env = BouncingBallsEnv(num_balls=2, observations="state")
    with pytest.raises(ValueError, match=message):
        env.reset(options=options)


def test_step_refuses_what_is_no_action_and_what_comes_before_the_first_reset() -> None:
    env = BouncingBallsEnv(observations="state")
    with pytest.raises(gym.error.ResetNeeded, match="Call env.reset"):
        env.step(0)
    env.reset(seed=0)
    with pytest.raises(ValueError, match="an action in 0..0; got 1"):
        env.step(1)


@each_id
def test_spec_survives_json_and_makes_the_same_world(env_id: str) -> None:
    colors = [[250, 0, 0], [0, 250, 0]]
    made = gym.make(env_id, num_balls=2, colors=colors, background=[9, 9, 9], gravity=1.0, observations="state")
    again = gym.make(EnvSpec.from_json(made.spec.to_json()))
    assert again.spec == made.spec
    assert again.unwrapped.config == made.unwrapped.config
    assert again.unwrapped.config.palette == ((250, 0, 0), (0, 250, 0))
    np.testing.assert_array_equal(states(again, 10, seed=5), states(made, 10, seed=5))


@each_id
def test_environment_can_be_pickled_and_copied_as_it_was_made(env_id: str) -> None:
    made = gym.make(env_id, num_balls=3, observations="state").unwrapped
    made.reset(seed=0)
    for again in (pickle.loads(pickle.dumps(made)), copy.deepcopy(made)):
        assert (again.spec, again.config) == (made.spec, made.config)
        np.testing.assert_array_equal(states(again, 10, seed=5), states(made, 10, seed=5))


@each_id
def test_environment_never_returns_an_array_twice(env_id: str) -> None:
    env = gym.make(env_id)
    first, info = env.reset(seed=0)
    kept = copy.deepcopy((first, info))
    for _ in range(3):
        env.step(0)
    np.testing.assert_equal((first, info), kept)


def test_render_shows_the_frame_and_nothing_without_a_mode() -> None:
    env = gym.make("rmr/BouncingBalls-v0", render_mode="rgb_array", observations="state", frame_seconds=0.05)
    observation, _ = env.reset(seed=0)
    picture = DiscPainter(env.unwrapped.config).render(observation["state"])
    np.testing.assert_array_equal(env.render(), picture)
    assert env.metadata["render_fps"] == 20
    assert BouncingBallsEnv.metadata == {"render_modes": ["rgb_array"], "render_fps": 10}
    silent = BouncingBallsEnv()
    silent.reset(seed=0)
    assert silent.render() is None


@pytest.mark.parametrize("painter", get_args(PainterName))
def test_close_can_be_called_twice_and_a_later_reset_draws_again(painter: PainterName) -> None:
    env = BouncingBallsEnv(painter=painter)
    env.close()
    before = env.reset(seed=0)[0]["pixels"]
    env.close()
    env.close()
    np.testing.assert_array_equal(env.reset(seed=0)[0]["pixels"], before)
    env.close()


@each_id
def test_sync_vector_environment_has_the_worlds_of_its_seeds(env_id: str) -> None:
    vector = gym.make_vec(env_id, num_envs=3, vectorization_mode="sync")
    observation, info = vector.reset(seed=[4, 5, 6])
    assert observation["pixels"].shape == (3, 64, 64, 3)
    assert info["velocities"].shape == (3, 10, 2)
    rows = [observation["state"]]
    for _ in range(9):
        observation, *_ = vector.step(np.zeros(3, np.int64))
        rows.append(observation["state"])
    vector.close()
    np.testing.assert_array_equal(np.stack(rows, axis=1), simulate(BallsConfig(), [4, 5, 6], 10))


def test_configuration_is_a_public_name() -> None:
    assert rmr_gym.BallsConfig is BallsConfig
