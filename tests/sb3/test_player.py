from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agents import record
from rmr_gym.data import collect, replay
from rmr_gym.envs.atari import make_atari
from rmr_gym.envs.console import Console, ConsoleConfig
from rmr_gym.models import save_encoder
from rmr_gym.players import Player
from rmr_gym.sb3 import AgentPlayer, agent_players
from rmr_gym.sb3.training import (
    AgentConfig,
    EncoderFeatures,
    GameOptions,
    NatureCnnFeatures,
    RecurrentPpoConfig,
    StateFeatures,
    make_agent_env,
    train_agent,
)
from rmr_gym.sb3.training.run_folder import append_evaluation
from tests.sb3.tiny_worlds import tiny_encoder
from tests.sb3.training.small import ONCE, SMALL_DQN, quick, small

PONG = (0, 1, 3, 4, 11, 12)
KINDS = ("nature_cnn", "wrapper", "extractor", "ram")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders of barely trained agents that see in different ways; not to be changed."""
    encoder = str(save_encoder(tiny_encoder(), tmp_path_factory.mktemp("encoder") / "tiny"))
    features: dict[str, Any] = {
        "nature_cnn": NatureCnnFeatures(),
        "wrapper": EncoderFeatures(path=encoder, projection=4),
        "extractor": EncoderFeatures(path=encoder, projection=4, through="extractor"),
        "ram": StateFeatures(net_arch=(4,)),
    }
    found = {}
    for kind in KINDS:
        found[kind] = tmp_path_factory.mktemp(kind)
        train_agent(small(steps=16, num_checkpoints=1, features=features[kind], evaluation=ONCE), found[kind])
    return found


def config_of(folder: Path) -> AgentConfig:
    return agent_players(folder, epsilons=(0.0,))[0].config


def pairs(num_steps: int, *, game: str = "pong", seed: int = 3, actions: Any = None) -> list[dict[str, Any]]:
    """What a player sees: raw pictures with RAM, behind the first shots."""
    env = make_atari(game, max_pool=True, full_actions=True)
    env.reset(seed=seed)
    env.step(1)
    pressed = [3, *(actions or [0] * (num_steps - 1))]
    return [env.step(action)[0] for action in pressed]


def play(player: AgentPlayer, shown: list[dict[str, Any]], seed: int) -> list[int]:
    player.start_episode(range(18), seed)
    return [player.act(observation) for observation in [shown[0], shown[0], *shown]]


@pytest.mark.parametrize("kind", KINDS)
def test_agent_is_a_player_that_depends_on_the_seed_alone(kind: str, runs: dict[str, Path]) -> None:
    (player,) = agent_players(runs[kind], epsilons=(0.2,))
    assert isinstance(player, Player)
    shown = pairs(12)
    actions = play(player, shown, seed=1)
    assert set(actions) <= set(PONG)
    assert actions == play(player, shown, seed=1)
    assert actions == play(copy.deepcopy(player), shown, seed=1)
    assert actions == play(pickle.loads(pickle.dumps(player)), shown, seed=1)
    assert len({tuple(play(player, shown, seed=seed)) for seed in range(4)}) > 1


@pytest.mark.parametrize("kind", KINDS)
def test_agent_sees_as_in_training(kind: str, runs: dict[str, Path]) -> None:
    (player,) = agent_players(runs[kind], epsilons=(0.0,))
    venv = make_agent_env(player.config, runs[kind], num_envs=1, seed=3)
    expected = [venv.reset()]
    indices = [0, 2, 2, 3, 0, 5]
    expected += [venv.step(np.array([index]))[0] for index in indices]
    seen: list[Any] = []
    predict = player._policy.predict

    def spy(observation: Any, **keywords: Any) -> Any:
        seen.append(observation)
        return predict(observation, **keywords)

    player._policy.predict = spy
    # Both begin with FIRE and the action behind it, RIGHT.
    play(player, pairs(7, actions=[PONG[index] for index in indices]), seed=0)
    assert len(seen) == len(expected) == 7
    for mine, theirs in zip(seen, expected, strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-6)


def test_game_begins_with_fire_as_in_training(runs: dict[str, Path]) -> None:
    (player,) = agent_players(runs["ram"], epsilons=(0.0,))
    assert play(player, pairs(2), seed=0)[:2] == [1, 3]
    train_agent(small(task="ms_pacman", **_few()), runs["ram"].parent / "no-fire")
    (player,) = agent_players(runs["ram"].parent / "no-fire", epsilons=(1.0,))
    player.start_episode(range(18), 0)
    assert player._pending == []


def _few() -> dict[str, Any]:
    return {"steps": 16, "num_checkpoints": 1, "evaluation": ONCE, "features": StateFeatures(net_arch=(4,))}


def test_epsilon_is_the_share_of_random_actions(runs: dict[str, Path]) -> None:
    shown = pairs(1) * 300
    always, never = (
        play(agent_players(runs["ram"], epsilons=(epsilon,), deterministic=True)[0], shown, seed=0)[2:]
        for epsilon in (1.0, 0.0)
    )
    assert len(set(never)) == 1
    counts = np.array([always.count(value) for value in PONG])
    assert (np.abs(counts - 50) < 25).all()


@pytest.mark.parametrize("algorithm", ["dqn", "recurrent_ppo"])
def test_other_algorithms_play(algorithm: str, tmp_path: Path) -> None:
    config = {"dqn": SMALL_DQN, "recurrent_ppo": RecurrentPpoConfig(num_envs=2, n_steps=8, batch_size=16, n_epochs=1)}
    train_agent(small(**_few() | {"algorithm": config[algorithm]}), tmp_path)
    (player,) = agent_players(tmp_path, epsilons=(0.1,))
    shown = pairs(6)
    assert play(player, shown, seed=1) == play(copy.deepcopy(player), shown, seed=1)
    assert ("likeliest" in player.name) == (algorithm == "dqn")


def test_players_are_graded_by_their_scores(tmp_path: Path) -> None:
    train_agent(small(**_few() | {"steps": 48, "num_checkpoints": 3}), tmp_path)
    (tmp_path / "evaluations.jsonl").unlink()
    for steps, score in ((0, -21.0), (15, -20.0), (33, 0.0), (47, -10.0)):
        append_evaluation(tmp_path, {"env_steps": steps, "mean_return": score})
    players = agent_players(tmp_path, epsilons=(0.0, 0.5))
    assert len({player.name for player in players}) == 6
    assert [player.skill for player in players] == [0.5, 1.0, 0.0, 0.25, 0.5, 0.0]
    (tmp_path / "evaluations.jsonl").unlink()
    assert {player.skill for player in agent_players(tmp_path, epsilons=(0.0,))} == {0.5}


def test_agent_of_all_actions_plays_where_the_joystick_has_fewer(tmp_path: Path) -> None:
    config = small(task="skiing", game=GameOptions(full_actions=True), **_few())
    train_agent(config, tmp_path / "agent")
    (player,) = agent_players(tmp_path / "agent", epsilons=(1.0,))
    assert len(Console(ConsoleConfig(game="skiing")).legal_actions) == 9
    store = collect(tmp_path / "data", "skiing", num_episodes=1, max_steps_per_episode=40, players=[player])
    episode = store.read(0)
    assert episode.actions.max() > 8
    replay(episode)
    assert len(record.play(player, num_steps=5, seed=0).frames) == 6


def test_what_cannot_play_is_refused(runs: dict[str, Path], tmp_path: Path) -> None:
    model, config = next(runs["ram"].rglob("model.zip")), config_of(runs["ram"])
    with pytest.raises(ValueError, match="epsilon in 0..1"):
        AgentPlayer(model, config, epsilon=1.5)
    with pytest.raises(ValueError, match="observations .1024"):
        AgentPlayer(model, small(features=NatureCnnFeatures()))
    with pytest.raises(ValueError, match="legal"):
        AgentPlayer(model, config).start_episode([0, 1], seed=0)
    with pytest.raises(ValueError, match="an agent of a game"):
        AgentPlayer(model, quick())
    with pytest.raises(ValueError, match="config.json"):
        agent_players(tmp_path)
