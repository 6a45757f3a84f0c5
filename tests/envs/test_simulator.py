"""What is tried out is what happens, and the game does not notice."""

from __future__ import annotations

from typing import Any

import ale_py
import gymnasium as gym
import numpy as np
import pytest
from gymnasium.wrappers import (
    AtariPreprocessing,
    FrameStackObservation,
    MaxAndSkipObservation,
    RepeatAction,
    StickyAction,
    TransformAction,
)
from stable_baselines3.common.atari_wrappers import AtariWrapper, MaxAndSkipEnv, StickyActionEnv

from rmr_gym import make_atari
from rmr_gym.envs.console import Console, ConsoleConfig
from rmr_gym.envs.simulator import Simulator

gym.register_envs(ale_py)


def frame_by_frame(game: str = "Breakout", **options: Any) -> gym.Env[Any, Any]:
    """A game of ale-py itself, as preprocessing wants it, with all its actions."""
    settings = {"frameskip": 1, "repeat_action_probability": 0.0, "full_action_space": True}
    return gym.make(f"ALE/{game}-v5", **settings | options)


@pytest.mark.parametrize("game", ["pong", "hero"])
def test_simulator_foretells_and_does_not_disturb(game: str) -> None:
    played, alone = (Console(ConsoleConfig(game=game)) for _ in range(2))
    first, also = played.reset(1), alone.reset(1)
    assert np.array_equal(first.screen, also.screen)
    simulator, generator = Simulator(played), np.random.default_rng(0)
    for _ in range(6):
        actions = [int(action) for action in generator.integers(18, size=3)]
        moment, rewards = simulator.present(), 0.0
        for action in actions:
            outcome = simulator.hold(moment, action, 1)
            moment, rewards = outcome.moment, rewards + outcome.reward
        simulator.hold(simulator.present(), 0, 2)  # something else in between
        got = 0.0
        for action in actions:
            pair, reward, _ = played.step(action)
            twin, _, _ = alone.step(action)
            assert np.array_equal(pair.screen, twin.screen)
            assert np.array_equal(pair.ram, twin.ram)
            got += reward
        assert simulator.present().same(moment)
        assert np.array_equal(pair.ram, moment.ram)
        assert got == rewards
    assert 6 * 4 <= simulator.num_simulated <= 6 * 5


def test_simulator_takes_over_mode_and_difficulty_of_an_environment() -> None:
    env = make_atari("breakout", mode=4, difficulty=1, frame_skip=3)
    env.reset(seed=0)
    simulator = Simulator(gym.wrappers.TimeLimit(env, 1_000))
    for action in [1, 3, 3, 3, 4, 4] * 5:
        expected = simulator.hold(simulator.present(), action, 1)
        observation, reward, *_ = env.step(action)
        assert np.array_equal(observation["ram"], expected.moment.ram)
        assert reward == expected.reward


def test_simulator_stops_at_a_lost_life_and_at_the_end() -> None:
    env = make_atari("breakout", noop_max=0)
    env.reset(seed=0)
    simulator = Simulator(env)
    moment = simulator.hold(simulator.present(), 1, 2).moment
    lost = []
    for _ in range(5):
        outcome = simulator.hold(moment, 1, 200)  # tap FIRE and stand still
        lost.append((outcome.moment.lives, outcome.life_lost, outcome.moment.over))
        assert outcome.num_steps < 200
        moment = outcome.moment
    assert lost == [(4, True, False), (3, True, False), (2, True, False), (1, True, False), (0, True, True)]
    assert simulator.present().lives == 5


def test_simulator_refuses_what_cannot_be_foretold() -> None:
    with pytest.raises(ValueError, match="sticky"):
        Simulator(make_atari("pong", sticky=0.25))
    with pytest.raises(ValueError, match="Arcade Learning Environment"):
        Simulator(gym.make("CartPole-v1"))


@pytest.mark.parametrize("frame_skip", [4, 3])
def test_simulator_takes_over_the_frame_skip_of_preprocessing(frame_skip: int) -> None:
    env = FrameStackObservation(AtariPreprocessing(frame_by_frame(), frame_skip=frame_skip), 2)
    env.reset(seed=0)
    simulator = Simulator(env)
    for action in [1, 3, 3, 3, 4, 4] * 5:
        expected = simulator.hold(simulator.present(), action, 1)
        _, reward, *_ = env.step(action)
        assert simulator.present().same(expected.moment)
        assert reward == expected.reward


def test_simulator_takes_over_a_frame_skip_below_preprocessing_that_skips_nothing() -> None:
    env = AtariPreprocessing(frame_by_frame(frameskip=3), frame_skip=1)
    env.reset(seed=0)
    simulator = Simulator(env)
    expected = simulator.hold(simulator.present(), 1, 5)
    for _ in range(5):
        env.step(1)
    assert simulator.present().same(expected.moment)


@pytest.mark.parametrize(
    ("wrap", "name"),
    [
        (lambda env: StickyAction(env, 0.25), "without sticky actions; got StickyAction"),
        (lambda env: StickyActionEnv(env, 0.25), "without sticky actions; got StickyActionEnv"),
        (lambda env: RepeatAction(env, 4), "got RepeatAction"),
        (MaxAndSkipObservation, "got MaxAndSkipObservation"),
        (MaxAndSkipEnv, "got MaxAndSkipEnv"),
        (AtariWrapper, "got MaxAndSkipEnv"),
        (lambda env: TransformAction(env, lambda action: 17 - action, env.action_space), "got TransformAction"),
    ],
)
def test_simulator_names_the_wrapper_that_plays_other_actions_than_the_chosen(wrap: Any, name: str) -> None:
    with pytest.raises(ValueError, match=f"{name}.*Leave that wrapper out"):
        Simulator(AtariPreprocessing(wrap(frame_by_frame()), frame_skip=1, grayscale_obs=wrap is not AtariWrapper))


@pytest.mark.parametrize(
    "env",
    [
        lambda: make_atari("pong", full_actions=False),
        lambda: frame_by_frame("Pong", full_action_space=False),
        lambda: frame_by_frame("Skiing"),  # nine actions, under other indices
    ],
)
def test_simulator_refuses_action_spaces_whose_indices_are_no_ale_values(env: Any) -> None:
    with pytest.raises(ValueError, match=r"all 18 actions.*full_actions=True"):
        Simulator(env())


def test_simulator_takes_all_actions_however_they_came() -> None:
    for env in (frame_by_frame("Boxing", full_action_space=False), make_atari("skiing")):
        assert env.action_space == gym.spaces.Discrete(18)
        Simulator(env)
