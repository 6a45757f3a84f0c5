"""The circle: an agent is trained, plays for a data set, and the data set opens."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from rmr_gym.data import EpisodeStore, TransitionDataset
from rmr_gym.pipeline import players
from rmr_gym.pipeline.config import DataConfig
from rmr_gym.pipeline.players import named_players, pinned
from rmr_gym.pipeline.stages import collect
from rmr_gym.players import paper_heads
from rmr_gym.sb3.training import AgentConfig, EvaluationConfig, PpoConfig, StateFeatures, train_agent

DATA = DataConfig(num_episodes=4, max_steps=10, num_players=2, validation_fraction=0.5)


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("agent")
    config = AgentConfig(
        task="pong",
        steps=16,
        num_checkpoints=1,
        algorithm=PpoConfig(num_envs=1, n_steps=8, batch_size=8, n_epochs=1),
        features=StateFeatures(net_arch=(4,)),
        evaluation=EvaluationConfig(every=1_000, num_episodes=1, num_final_episodes=1, max_frames=20),
    )
    train_agent(config, folder)
    return folder


def test_agents_and_random_players_record_a_data_set(agent: Path, tmp_path: Path) -> None:
    sources = ("graded", f"sb3:{agent}")
    result = collect("pong", tmp_path, DATA, sources=sources)
    names = [player.name for player in named_players(sources, "pong", DATA)]
    assert [name.split("-")[0] for name in names] == ["random", "ppo", "random", "ppo", "ppo"]
    played = {episode.episode_index: episode.player for episode in EpisodeStore(tmp_path).episodes}
    assert [played[index] for index in range(4)] == names[:4]
    assert result["inputs"]["players"] == names
    assert TransitionDataset(tmp_path, split="train", validation_fraction=0.5, size=(84, 84)).num_frames == 22
    manifest = json.loads(next(tmp_path.glob("manifest*.json")).read_text())
    assert all(name in json.dumps(manifest) for name in names[:4])
    assert collect("pong", tmp_path, DATA, sources=sources) == result
    with pytest.raises(ValueError, match="players"):
        collect("pong", tmp_path, DATA)


def test_agents_are_found_in_the_home_folder(agent: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(agent.parent))
    found = [player.name for player in named_players([f"sb3:~/{agent.name}"], "pong", DATA)]
    assert found == [player.name for player in named_players([f"sb3:{agent}"], "pong", DATA)]


def test_random_players_are_those_of_before(tmp_path: Path) -> None:
    assert collect("pong", tmp_path, DATA)["inputs"]["players"] is None


def test_pinned_players_are_those_of_this_version_or_refused() -> None:
    assert (pinned("graded", "pong"), pinned("sb3:a@b", "pong")) == ("graded", "sb3:a@b")
    name = pinned("paper", "pong")
    assert pinned(name, "pong") == name
    assert name == pinned("paper", "boxing"), "the same players"
    assert name != pinned("paper", "venture"), "players that know where they are"
    played = [player.name for player in named_players((name,), "pong", DATA)]
    assert played == [player.name for player in named_players(("paper",), "pong", DATA)]
    with pytest.raises(ValueError, match=rf"{name}, the players of this version; got paper@00000000"):
        named_players(("paper@00000000",), "pong", DATA)


def test_pinned_players_are_others_after_any_change_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    name = pinned("paper", "pong")
    changed = paper_heads("pong")
    changed[5].name += "-more"
    monkeypatch.setattr(players, "paper_heads", lambda game: changed)
    players._fingerprint.cache_clear()
    other = pinned("paper", "pong")
    players._fingerprint.cache_clear()
    assert other != name


@pytest.mark.parametrize(
    ("sources", "message"),
    [((), "at least one source"), (("grated",), "graded, paper or sb3:FOLDER"), (("sb3:no",), "no")],
)
def test_unknown_sources_are_refused(sources: tuple[str, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        named_players(sources, "pong", DATA)


def test_paper_players_record_a_data_set(tmp_path: Path) -> None:
    config = dataclasses.replace(DATA, num_players=2, num_episodes=2)
    result = collect("pong", tmp_path, config, sources=("paper",))
    assert result["inputs"]["players"] == [player.name for player in paper_heads("pong")[:2]]
    played = {episode.episode_index: episode for episode in EpisodeStore(tmp_path).episodes}
    assert played[1].player.startswith("lookahead-")
    assert (played[0].skill, played[1].skill) == (0.0, paper_heads("pong")[1].skill)


def test_player_that_two_sources_have_plays_once(tmp_path: Path) -> None:
    names = [player.name for player in named_players(("graded", "paper"), "pong", DATA)]
    assert [name.split("-")[0] for name in names] == ["random", "random", "lookahead"]
    assert len(set(names)) == 3
    result = collect("pong", tmp_path, DATA, sources=("graded", "paper"))
    assert result["inputs"]["players"] == names
    full = named_players(("paper", "graded"), "pong", DataConfig())
    assert len({player.name for player in full}) == len(full) == 63
    assert [player.name for player in named_players(("paper",), "pong", DATA)] == [
        player.name for player in paper_heads("pong")[:2]
    ]


def test_agents_of_another_game_or_other_pictures_are_refused(agent: Path) -> None:
    with pytest.raises(ValueError, match="breakout"):
        named_players([f"sb3:{agent}"], "breakout", DATA)
    with pytest.raises(ValueError, match="max_pool"):
        named_players([f"sb3:{agent}"], "pong", dataclasses.replace(DATA, max_pool=False))
