"""What is tried out is what happens, and the game does not notice."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest

from rmr_gym import make_atari
from rmr_gym.envs.console import Console, ConsoleConfig
from rmr_gym.envs.simulator import Simulator


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
