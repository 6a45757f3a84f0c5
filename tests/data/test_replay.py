"""Playing recorded episodes again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rmr_gym.data import Episode, EpisodeStore, collect, replay
from rmr_gym.envs.console import Console
from rmr_gym.envs.games import GAMES
from rmr_gym.errors import CorruptFileError
from rmr_gym.players import RandomPlayer, RandomPlayerConfig
from rmr_gym.seeding import derive


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> EpisodeStore:
    return collect(tmp_path_factory.mktemp("qbert"), "qbert", num_episodes=3, max_steps_per_episode=40)


def test_recorded_episodes_play_as_recorded(store: EpisodeStore) -> None:
    assert any(meta.lead_in for meta in store.episodes)
    for index in range(len(store)):
        replay(store.read(index))


def test_whole_game_plays_as_recorded(tmp_path: Path) -> None:
    episode = collect(tmp_path, "breakout", num_episodes=1, max_steps_per_episode=800).read(0)
    assert episode.terminated[-1]
    replay(episode)
    terminated = episode.terminated.copy()
    terminated[-1] = False
    with pytest.raises(CorruptFileError, match=f"a difference at step {len(terminated) - 1}"):
        replay(replace(episode, terminated=terminated))


def changed(episode: Episode, name: str, place: tuple[int, ...]) -> Episode:
    array = getattr(episode, name).copy()
    array[place] ^= 1
    return replace(episode, **{name: array})


@pytest.mark.parametrize(("name", "place"), [("screens", (7, 100, 80)), ("ram", (7, 5))])
def test_one_changed_value_is_found(store: EpisodeStore, name: str, place: tuple[int, ...]) -> None:
    episode = store.read(0)
    step = len(episode.metadata.lead_in) + 7
    with pytest.raises(CorruptFileError, match=f"a difference at step {step}"):
        replay(changed(episode, name, place))


def test_changed_reward_and_other_start_are_found(store: EpisodeStore) -> None:
    episode = store.read(0)
    rewards = episode.rewards + np.float32(1)
    with pytest.raises(CorruptFileError, match="a difference at step"):
        replay(replace(episode, rewards=rewards))
    with pytest.raises(CorruptFileError, match="a difference at step"):
        replay(replace(episode, metadata=replace(episode.metadata, num_noops=episode.metadata.num_noops + 1)))


def test_other_cartridge_is_refused(store: EpisodeStore) -> None:
    episode = store.read(0)
    with pytest.raises(ValueError, match="the cartridge with the MD5 0000"):
        replay(replace(episode, metadata=replace(episode.metadata, rom_md5="0" * 32)))


@pytest.mark.parametrize("game", GAMES)
def test_every_game_plays_again_from_seed_and_actions(game: str, tmp_path: Path) -> None:
    player = RandomPlayer(RandomPlayerConfig(persistence=0.9))
    store = collect(tmp_path, game, num_episodes=2, max_steps_per_episode=20, players=[player], num_workers=1)
    for index in (1, 0):
        replay(store.read(index))  # type: ignore[arg-type]


def test_seed_says_how_many_frames_an_episode_waits(store: EpisodeStore) -> None:
    console = Console(store.episodes[0].console)  # type: ignore[union-attr]
    for metadata in store.episodes:
        console.reset(derive(metadata.seed, "episode", metadata.episode_index))
        assert console.num_noops == metadata.num_noops  # type: ignore[union-attr]
    assert len({metadata.num_noops for metadata in store.episodes}) > 1  # type: ignore[union-attr]
