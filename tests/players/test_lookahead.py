"""A player that looks ahead, at real games."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path

import ale_py
import gymnasium as gym
import numpy as np
import pytest

from rmr_gym import make_atari
from rmr_gym.data import collect, replay
from rmr_gym.envs.console import Console, ConsoleConfig, Pair
from rmr_gym.players import AttachablePlayer, LookaheadConfig, LookaheadPlayer, Player, RandomPlayer, RandomPlayerConfig
from rmr_gym.players.protocol import attach, lookahead_steps
from rmr_gym.wrappers import PairedObservation

CONFIG = LookaheadConfig(budget=3, epsilon=0.3)


def play(console: Console, player: Player, num_steps: int, seed: int = 0) -> tuple[list[int], list[Pair], float]:
    attach(player, console)
    player.start_episode(console.legal_actions, seed)
    pairs, actions, score = [console.reset(0)], [], 0.0
    for _ in range(num_steps):
        actions.append(player.act({"ram": pairs[-1].ram}))
        pair, reward, ended = console.step(actions[-1])
        pairs.append(pair)
        score += reward
        if ended:
            break
    return actions, pairs, score


@pytest.fixture(scope="module")
def console() -> Console:
    return Console(ConsoleConfig(game="breakout"))


def test_player_plays_by_its_seed_alone_copied_or_not(console: Console) -> None:
    player = LookaheadPlayer(CONFIG, skill=0.7, name="one")
    first, _, _ = play(console, player, 30)
    assert set(first) <= set(console.legal_actions)
    assert play(console, player, 30)[0] == first, "an episode must not depend on the one before"
    for twin in (pickle.loads(pickle.dumps(player)), copy.deepcopy(player)):
        assert (twin.name, twin.skill, twin.config) == ("one", 0.7, CONFIG)
        assert play(console, twin, 30)[0] == first
    assert play(console, player, 30, seed=1)[0] != first


def test_player_leaves_what_it_plays_as_it_is(console: Console) -> None:
    actions, pairs, _ = play(console, LookaheadPlayer(CONFIG), 25)
    again = [console.reset(0)] + [console.step(action)[0] for action in actions]
    for pair, other in zip(pairs, again, strict=True):
        assert np.array_equal(pair.ram, other.ram)
        assert np.array_equal(pair.screen, other.screen)


def test_player_keeps_to_its_budget(console: Console) -> None:
    player = LookaheadPlayer(LookaheadConfig(budget=4, hold=2, commit=3))
    play(console, player, 60)
    assert player._simulator is not None
    tried, ahead = player._simulator.num_simulated, 2 * 3
    assert 4 * 60 - 4 * ahead <= tried <= 4 * (60 + ahead) + ahead


def test_player_opens_at_random_and_then_looks_ahead(console: Console) -> None:
    player = LookaheadPlayer(LookaheadConfig(budget=4, opening=12))
    actions, _, _ = play(console, player, 12)
    assert len(set(actions)) > 3, "a hold of the usual three steps would leave four actions at most"
    assert player._simulator is not None
    assert player._simulator.num_simulated == 0
    assert actions != play(console, player, 12, seed=1)[0]
    assert actions == play(console, player, 40)[0][:12]
    assert player._simulator.num_simulated > 0


def test_player_scores_more_the_further_it_looks() -> None:
    console = Console(ConsoleConfig(game="space_invaders"))
    ahead = play(console, LookaheadPlayer(LookaheadConfig(budget=10)), 100)
    blind = [play(console, RandomPlayer(RandomPlayerConfig(persistence=0.5)), 100, seed)[2] for seed in range(5)]
    assert ahead[2] > sum(blind) / 5


def test_player_goes_on_when_somebody_else_acted(console: Console) -> None:
    player = LookaheadPlayer(LookaheadConfig(budget=2, hold=1, commit=1, horizon=4))
    attach(player, console)
    player.start_episode(console.legal_actions, 0)
    pair = console.reset(0)
    for _ in range(5):
        player.act({"ram": pair.ram})
        pair, _, _ = console.step(3)
    assert player._planner is not None
    assert np.array_equal(player._planner.root.moment.ram, pair.ram) or player.act({"ram": pair.ram}) in range(18)


def test_player_records_a_data_set_that_replays(tmp_path: Path) -> None:
    players = [LookaheadPlayer(LookaheadConfig(budget=2)), RandomPlayer(RandomPlayerConfig())]
    store = collect(tmp_path, "pong", num_episodes=2, max_steps_per_episode=15, players=players, num_workers=1)
    assert [store.read(index).metadata.player for index in range(2)] == [player.name for player in players]
    replay(store.read(0))


def test_player_plays_in_an_environment() -> None:
    env = make_atari("pong", frame_skip=2)
    player = LookaheadPlayer(LookaheadConfig(budget=2))
    assert isinstance(player, AttachablePlayer)
    attach(player, env)
    player.start_episode(range(18), seed=0)
    observation, _ = env.reset(seed=0)
    for _ in range(12):
        observation, *_ = env.step(player.act(observation))


def test_player_keeps_its_plan_behind_preprocessing() -> None:
    gym.register_envs(ale_py)
    game = gym.make("ALE/Breakout-v5", frameskip=1, repeat_action_probability=0.0, full_action_space=True)
    env = PairedObservation(gym.wrappers.AtariPreprocessing(game))
    player = LookaheadPlayer(LookaheadConfig(budget=2))
    player.attach(env)
    player.start_episode(range(18), seed=0)
    observation, _ = env.reset(seed=0)
    plans = 0
    for _ in range(40):
        observation, *_ = env.step(player.act(observation))
        if not player._pending:  # the plan was played to its end
            assert player._planner is not None
            assert player._simulator is not None
            assert player._planner.root.moment.same(player._simulator.present())
            plans += 1
    assert plans > 3


def test_player_by_itself_says_what_it_needs() -> None:
    player = LookaheadPlayer(CONFIG)
    with pytest.raises(RuntimeError, match="attach"):
        player.act({"ram": np.zeros(128, np.uint8)})
    with pytest.raises(ValueError, match="skill"):
        LookaheadPlayer(CONFIG, skill=2.0)
    with pytest.raises(ValueError, match="sticky"):
        player.attach(make_atari("pong", sticky=0.25))
    assert lookahead_steps(player) == 3
    assert lookahead_steps(RandomPlayer(RandomPlayerConfig())) == 0
    assert not isinstance(RandomPlayer(RandomPlayerConfig()), AttachablePlayer)
