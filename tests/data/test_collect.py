"""Recording players at the console."""

from __future__ import annotations

import copy
import json
import pickle
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import ale_py
import numpy as np
import pytest
from numpy.typing import NDArray

from rmr_gym.data import Episode, EpisodeMetadata, EpisodeStore, collect
from rmr_gym.envs.console import rom_path
from rmr_gym.errors import CorruptFileError
from rmr_gym.players import RandomPlayer, RandomPlayerConfig, graded_players
from tests.warm_python import run_python

SHORT = {"max_steps_per_episode": 12}


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*.arrow"))


class Scripted:
    """A player that repeats a list of actions and writes down what it sees."""

    def __init__(self, actions: Sequence[int] = (0,), name: str = "scripted", skill: float = 1.0) -> None:
        self.name, self.skill = name, skill
        self.actions = tuple(actions)
        self.start_episode((), 0)

    def start_episode(self, legal_actions: Sequence[int], seed: int) -> None:
        self.num_acts = 0

    def act(self, observation: Mapping[str, NDArray[Any]]) -> int:
        assert set(observation) == {"pixels", "ram"}
        assert observation["pixels"].shape == (210, 160, 3)
        assert observation["ram"].shape == (128,)
        self.num_acts += 1
        return self.actions[(self.num_acts - 1) % len(self.actions)]


def test_collect_gives_the_same_files_with_one_and_several_workers(tmp_path: Path) -> None:
    for workers in (1, 3):
        collect(tmp_path / str(workers), "breakout", num_episodes=6, num_workers=workers, **SHORT)
    assert len(names(tmp_path / "1")) == 6
    assert names(tmp_path / "1") == names(tmp_path / "3")


def test_collect_goes_on_where_it_was_and_can_be_extended(tmp_path: Path) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    collect(whole, "pong", num_episodes=5, **SHORT)
    collect(parts, "pong", num_episodes=2, **SHORT)
    next(parts.glob("ep-000000-*.arrow")).unlink()
    seen: list[EpisodeMetadata] = []
    store = collect(parts, "pong", num_episodes=5, on_episode=seen.append, **SHORT)
    assert sorted(metadata.episode_index for metadata in seen) == [0, 2, 3, 4]
    assert names(parts) == names(whole)
    assert [metadata.episode_index for metadata in store.episodes] == [0, 1, 2, 3, 4]
    seen.clear()
    times = {path: path.stat().st_mtime_ns for path in parts.glob("*.arrow")}
    collect(parts, "pong", num_episodes=5, on_episode=seen.append, **SHORT)
    assert seen == []
    assert {path: path.stat().st_mtime_ns for path in parts.glob("*.arrow")} == times


def test_seeds_give_different_episodes_in_one_directory(tmp_path: Path) -> None:
    collect(tmp_path, "pong", num_episodes=2, seed=0, **SHORT)
    store = collect(tmp_path, "pong", num_episodes=2, seed=1, **SHORT)
    assert sorted((meta.seed, meta.episode_index) for meta in store.episodes) == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert len({file.sha256 for file in store.files}) == 4


def test_collect_calls_back_after_the_episode_is_committed(tmp_path: Path) -> None:
    def look(metadata: EpisodeMetadata) -> None:
        assert metadata in EpisodeStore(tmp_path).episodes

    collect(tmp_path, "pong", num_episodes=3, on_episode=look, num_workers=2, **SHORT)


def test_collect_writes_the_manifest_and_sweeps(tmp_path: Path) -> None:
    stray = tmp_path / ".ep-000001-0123456789abcdef.arrow.0123456789ab.tmp"
    stray.write_bytes(b"half")
    store = collect(tmp_path, "rmr/Pong-v0", num_episodes=2, **SHORT)
    assert not stray.exists()
    assert json.loads((tmp_path / "manifest.json").read_text()) == store.manifest
    assert set(store.episodes[0].versions) == {"ale-py", "numpy", "pyarrow", "zstandard"}
    assert store.console is not None
    assert store.console.game == "pong"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"game": "breakout"}, "a new directory, or one with episodes of .*breakout"),
        ({"frame_skip": 2}, "frame_skip=2.* got .*frame_skip=4.*Collect into another directory"),
        ({"max_pool": False}, "max_pool=False"),
        ({"noop_max": 3}, "noop_max=3"),
        ({"max_steps_per_episode": 13}, "of at most 13 steps; got .* and 12 steps.*another seed"),
        ({"players": [RandomPlayer(RandomPlayerConfig(persistence=0.1))]}, "by random-p0.1"),
    ],
)
def test_collect_refuses_a_directory_of_another_collection(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    collect(tmp_path, "pong", num_episodes=1, **SHORT)
    before = names(tmp_path)
    with pytest.raises(ValueError, match=message):
        collect(tmp_path, **({"game": "pong", "num_episodes": 2} | SHORT | change))
    assert names(tmp_path) == before


def test_collect_refuses_a_directory_with_a_damaged_episode(tmp_path: Path) -> None:
    path = collect(tmp_path, "pong", num_episodes=1, **SHORT).files[0].path
    content = path.read_bytes()
    path.write_bytes(content[:-1])
    with pytest.raises(CorruptFileError, match=path.name):
        collect(tmp_path, "pong", num_episodes=2, **SHORT)
    path.unlink()
    collect(tmp_path, "pong", num_episodes=1, **SHORT)
    assert path.read_bytes() == content, "the advice of the message must be right"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"num_episodes": 0}, "num_episodes as an integer of at least 1"),
        ({"max_steps_per_episode": 0}, "max_steps_per_episode as an integer of at least 1"),
        ({"num_workers": 0}, "num_workers as an integer of at least 1"),
        ({"frame_skip": 0}, "frame_skip"),
        ({"game": "ping"}, "Did you mean 'pong'"),
        ({"players": []}, "at least one"),
        ({"players": [Scripted(name="a"), Scripted(name="a")]}, "all of different names"),
        ({"players": [Scripted(skill=2.0)]}, "players of a skill in 0..1; got 2.0 of scripted"),
    ],
)
def test_collect_refuses_bad_arguments(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        collect(tmp_path / "new", **({"game": "pong", "num_episodes": 1} | change))
    assert not (tmp_path / "new").exists()


def test_players_take_turns_and_are_not_changed(tmp_path: Path) -> None:
    players = [Scripted((1, 2, 3), name="a"), Scripted((5,), name="b")]
    store = collect(tmp_path, "pong", num_episodes=3, players=players, noop_max=0, **SHORT)
    assert [meta.player for meta in store.episodes] == ["a", "b", "a"]
    assert [player.num_acts for player in players] == [0, 0]
    whole = [*store.episodes[0].lead_in, *store.read(0).actions]
    assert whole == [(1, 2, 3)[step % 3] for step in range(len(whole))]


def test_error_of_a_player_reaches_the_caller_and_costs_one_episode(tmp_path: Path) -> None:
    players = [Scripted(name="good"), Scripted((18,), name="bad")]
    with pytest.raises(ValueError, match=r"action value.*got 18"):
        collect(tmp_path, "pong", num_episodes=2, players=players, num_workers=1, **SHORT)
    assert [meta.player for meta in EpisodeStore(tmp_path).episodes] == ["good"]


def test_error_of_the_callback_reaches_the_caller_and_stops_the_rest(tmp_path: Path) -> None:
    def fail(metadata: EpisodeMetadata) -> None:
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        collect(tmp_path, "pong", num_episodes=200, on_episode=fail, num_workers=1, **SHORT)
    assert 1 <= len(EpisodeStore(tmp_path)) < 50


def test_windows_lie_all_over_long_episodes(tmp_path: Path) -> None:
    store = collect(tmp_path, "boxing", num_episodes=16, max_steps_per_episode=10, frame_skip=1)
    starts = [len(meta.lead_in) for meta in store.episodes]
    assert {meta.num_steps for meta in store.episodes} == {10}
    assert min(starts) >= 0
    assert max(starts) <= 10
    assert len(set(starts)) > 5


def test_short_games_are_stored_whole(tmp_path: Path) -> None:
    store = collect(tmp_path, "breakout", num_episodes=2, max_steps_per_episode=600)
    for index in range(2):
        assert store.episodes[index].lead_in == ()
        episode = store.read(index)
        assert episode.terminated[-1]
        assert not episode.truncated.any()
        assert 50 < len(episode.actions) < 600


@pytest.mark.parametrize("game", ["pong", "seaquest", "skiing", "battle_zone"])
def test_stored_episode_is_what_the_emulator_shows(tmp_path: Path, game: str) -> None:
    player = [RandomPlayer(RandomPlayerConfig(persistence=0.8))]
    store = collect(tmp_path, game, num_episodes=1, players=player, max_pool=False, max_steps_per_episode=30)
    episode = store.read(0)
    ale = ale_py.ALEInterface()
    ale.setFloat("repeat_action_probability", 0.0)
    ale.loadROM(rom_path(game))
    ale.reset_game()
    for _ in range(episode.metadata.num_noops):
        ale.act(0)
    for action in episode.metadata.lead_in:
        for _ in range(4):
            ale.act(action)
    for row, rgb in enumerate(episode.rgb()):
        np.testing.assert_array_equal(rgb, ale.getScreenRGB())
        np.testing.assert_array_equal(episode.ram[row], ale.getRAM())
        if row < 30:
            reward = sum(ale.act(int(episode.actions[row])) for _ in range(4))
            assert episode.rewards[row] == reward


COLLECTOR = """
import sys
from rmr_gym.data import collect
collect(sys.argv[1], "pong", num_episodes=12, max_steps_per_episode=8, seed=int(sys.argv[2]), num_workers=2)
"""


@pytest.mark.parametrize("seeds", [(0, 1), (5, 5)])
def test_concurrent_collectors_lose_and_double_nothing(tmp_path: Path, seeds: tuple[int, int]) -> None:
    commands = [[sys.executable, "-c", COLLECTOR, str(tmp_path), str(seed)] for seed in seeds]
    collectors = [subprocess.Popen(command, stderr=subprocess.PIPE) for command in commands]
    for collector in collectors:
        assert collector.communicate(timeout=200)[1] == b""
        assert collector.returncode == 0
    store = EpisodeStore(tmp_path)
    found = sorted((meta.seed, meta.episode_index) for meta in store.episodes)
    assert found == sorted((seed, index) for seed in set(seeds) for index in range(12))
    store.verify()
    assert not list(tmp_path.glob("*.tmp"))


class Remembering:
    """A player that keeps what it sees, in some way, and looks at every third picture at once."""

    skill = 1.0
    seen: ClassVar[list[Any]] = []
    """Of the class, since players are copied."""

    def __init__(self, name: str, keep: Callable[[Mapping[str, NDArray[Any]]], Any]) -> None:
        self.name, self.keep = name, keep

    def start_episode(self, legal_actions: Sequence[int], seed: int) -> None:
        self.seen.clear()

    def act(self, observation: Mapping[str, NDArray[Any]]) -> int:
        self.seen.append(self.keep(observation))
        if len(self.seen) % 3 == 0:
            observation["pixels"]
        return (1, 3, 3, 4, 4, 4, 12)[len(self.seen) % 7]


@pytest.mark.parametrize(
    ("keep", "look"),
    [
        (lambda one: one, lambda one: one),
        (copy.copy, copy.copy),
        (copy.deepcopy, copy.copy),
        (pickle.dumps, pickle.loads),
    ],
    ids=["itself", "copy", "deepcopy", "pickle"],
)
def test_what_a_player_keeps_stays_what_it_saw(tmp_path: Path, keep: Any, look: Any) -> None:
    player = Remembering("remembering", keep)
    store = collect(tmp_path, "breakout", num_episodes=1, max_steps_per_episode=30, players=[player], num_workers=1)
    episode = store.read(0)
    assert isinstance(episode, Episode)
    first = len(episode.metadata.lead_in)
    seen = [look(one) for one in Remembering.seen]
    assert len(seen) - first == episode.metadata.num_steps == 30
    for observation, screen, ram in zip(seen[first:], episode.screens, episode.ram, strict=False):
        np.testing.assert_array_equal(observation["pixels"], store.palette[screen])
        np.testing.assert_array_equal(observation["ram"], ram)


# Outside of the tests types are not checked, and players of users return all sorts of things.
ONE_ARRAY = """
import sys
import numpy as np
from rmr_gym.data import collect
played = []
class Reusing:
    name, skill = "reusing", 0.0
    def start_episode(self, legal_actions, seed):
        self.action = np.zeros((), int)
    def act(self, observation):
        self.action[...] = len(played) * 5 % 18
        played.append(int(self.action))
        return self.action
store = collect(sys.argv[1], "pong", num_episodes=1, max_steps_per_episode=30, players=[Reusing()])
print([*store.episodes[0].lead_in, *store.read(0).actions.tolist()] == played, len(set(played)))
"""


def test_actions_are_stored_as_they_were_when_they_were_played(tmp_path: Path) -> None:
    done = run_python("-c", ONE_ARRAY, str(tmp_path / "data"), folder=tmp_path)
    assert done.stdout.split() == ["True", "18"], done.stderr


def test_default_players_are_the_graded_ones(tmp_path: Path) -> None:
    store = collect(tmp_path, "pong", num_episodes=4, **SHORT)
    expected = graded_players()[:4]
    assert [meta.player for meta in store.episodes] == [player.name for player in expected]
    assert [meta.skill for meta in store.episodes] == [player.skill for player in expected]
