"""Collecting trajectories of bouncing balls."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rmr_gym.data import BallsEpisode, BallsEpisodeMetadata, EpisodeStore, TransitionDataset, collect, collect_balls
from rmr_gym.envs.ball_renderer import BallRenderer, RenderingUnavailableError
from rmr_gym.envs.ball_world import simulate
from rmr_gym.envs.balls_config import BallsConfig, PainterName
from rmr_gym.envs.disc_painter import DiscPainter
from rmr_gym.envs.painting import BallPainter
from rmr_gym.errors import CorruptFileError
from rmr_gym.seeding import derive
from tests.data.synthetic import write_episode

CONFIG = BallsConfig(num_balls=3, radius=0.1)
SHORT: dict[str, Any] = {"config": CONFIG, "num_steps": 8, "pixels": False}


def drawn(positions: NDArray[np.float32]) -> NDArray[np.uint8]:
    """A picture that is a function of the positions: their bytes, over and over."""
    return np.resize(np.frombuffer(positions.tobytes(), dtype=np.uint8), (64, 64, 3))


class Painter:
    """Stands in for a painter, so that a picture can be recognised."""

    open_painters = 0

    def __init__(self, config: BallsConfig) -> None:
        assert config == CONFIG
        Painter.open_painters += 1

    def render(self, positions: NDArray[np.float32]) -> NDArray[np.uint8]:
        return drawn(positions)

    def render_all(self, positions: NDArray[np.float32]) -> NDArray[np.uint8]:
        return np.stack([drawn(state) for state in positions])

    def close(self) -> None:
        Painter.open_painters -= 1


@pytest.fixture
def painter(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(sys.modules["rmr_gym.data.collect_balls"], "open_painter", Painter)
    yield
    assert Painter.open_painters == 0, "the painter must be closed"


def names(directory: Path) -> set[str]:
    return {path.name for path in directory.glob("*.arrow")}


def test_collected_states_are_those_of_the_simulation(tmp_path: Path) -> None:
    store = collect_balls(tmp_path, num_episodes=3, seed=5, **SHORT)
    assert [meta.num_steps for meta in store.episodes] == [8, 8, 8]
    for index in range(3):
        episode = store.read(index)
        assert isinstance(episode, BallsEpisode)
        expected = simulate(CONFIG, [derive(5, "episode", index)], 9)[0]
        assert episode.state.tobytes() == expected.tobytes()
        assert episode.pixels is None
        assert episode.actions.tolist() == [0] * 8
        assert episode.rewards.tolist() == [0.0] * 8
        assert episode.truncated.tolist() == [False] * 7 + [True]


@pytest.mark.usefixtures("painter")
def test_collected_windows_are_those_of_the_simulation(tmp_path: Path) -> None:
    collect_balls(tmp_path, **SHORT | {"num_episodes": 2, "pixels": True})
    dataset = TransitionDataset(tmp_path, split="all", history=3, gray=False)
    states = simulate(CONFIG, [derive(0, "episode", index) for index in range(2)], 9)
    assert dataset.num_windows == 2 * 6
    batch = dataset.windows(range(12))
    assert batch.pixels is not None
    assert batch.next_pixels is not None
    for place in range(12):
        episode, row = divmod(place, 6)
        window = states[episode, row : row + 4]
        np.testing.assert_array_equal(batch.state[place], window[:3])
        np.testing.assert_array_equal(batch.next_state[place], window[3])
        pictures = np.moveaxis(np.array([drawn(state) for state in window]), -1, 1)
        np.testing.assert_array_equal(batch.pixels[place], pictures[:3])
        np.testing.assert_array_equal(batch.next_pixels[place], pictures[3])


@pytest.mark.usefixtures("painter")
def test_collect_goes_on_where_it_was_and_can_be_extended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["rmr_gym.data.collect_balls"], "_CHUNK", 2)
    options = SHORT | {"pixels": True}
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    collect_balls(whole, num_episodes=5, num_workers=1, **options)
    collect_balls(parts, num_episodes=3, **options)
    for number in (0, 2):
        next(parts.glob(f"ep-{number:06d}-*.arrow")).unlink()
    stray = parts / ".ep-000002-0123456789abcdef.arrow.0123456789ab.tmp"
    stray.write_bytes(b"half")
    seen: list[BallsEpisodeMetadata] = []
    store = collect_balls(parts, num_episodes=5, on_episode=seen.append, **options)
    assert [meta.episode_index for meta in seen] == [0, 2, 3, 4]
    assert [meta.episode_index for meta in store.episodes] == [0, 1, 2, 3, 4]
    assert names(parts) == names(whole)
    assert not stray.exists()
    seen.clear()
    collect_balls(parts, num_episodes=5, on_episode=seen.append, **options)
    assert seen == []


def test_nothing_is_opened_when_nothing_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    collect_balls(tmp_path, num_episodes=1, **SHORT)
    module = sys.modules["rmr_gym.data.collect_balls"]
    monkeypatch.setattr(module, "simulate", lambda *_, **__: pytest.fail("simulated"))
    assert len(collect_balls(tmp_path, num_episodes=1, **SHORT)) == 1


def test_seeds_give_different_trajectories_in_one_directory(tmp_path: Path) -> None:
    collect_balls(tmp_path, num_episodes=2, seed=0, **SHORT)
    store = collect_balls(tmp_path, num_episodes=1, seed=1, **SHORT | {"num_steps": 4})
    assert sorted((meta.seed, meta.episode_index) for meta in store.episodes) == [(0, 0), (0, 1), (1, 0)]
    assert len({file.abstract[0].tobytes() for file in store.files}) == 3


def test_collect_calls_back_after_the_trajectory_is_committed(tmp_path: Path) -> None:
    def look(metadata: BallsEpisodeMetadata) -> None:
        assert metadata in EpisodeStore(tmp_path).episodes

    collect_balls(tmp_path, num_episodes=7, on_episode=look, **SHORT)


def test_error_of_the_callback_reaches_the_caller_and_stops_the_rest(tmp_path: Path) -> None:
    def fail(metadata: BallsEpisodeMetadata) -> None:
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        collect_balls(tmp_path, num_episodes=40, on_episode=fail, **SHORT)
    assert 1 <= len(EpisodeStore(tmp_path)) < 20


def test_collect_writes_the_manifest(tmp_path: Path) -> None:
    store = collect_balls(tmp_path, num_episodes=2, **SHORT)
    assert json.loads((tmp_path / "manifest.json").read_text()) == json.loads(json.dumps(store.manifest))
    assert set(store.episodes[0].versions) == {"mujoco", "numpy", "pyarrow", "zstandard"}
    assert store.verify() == 18


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"config": replace(CONFIG, speed=0.5)}, "a new directory, or one with episodes of .*speed=0.5.*another dir"),
        ({"pixels": True}, "'pixels': True.*; got .*'pixels': False"),
        ({"num_steps": 9}, "episode 0 of seed 0 with 9 steps; got 8 steps.*another seed"),
    ],
)
def test_collect_refuses_a_directory_of_another_collection(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    collect_balls(tmp_path, num_episodes=1, **SHORT)
    before = names(tmp_path)
    with pytest.raises(ValueError, match=message):
        collect_balls(tmp_path, num_episodes=2, **SHORT | change)
    assert names(tmp_path) == before


def test_pictures_of_two_painters_do_not_mix_and_states_go_on_whatever_paints(tmp_path: Path) -> None:
    opengl = SHORT | {"config": replace(CONFIG, painter="opengl")}
    collect_balls(tmp_path / "bare", num_episodes=1, **opengl)
    assert len(collect_balls(tmp_path / "bare", num_episodes=2, **SHORT)) == 2
    collect_balls(tmp_path / "filmed", num_episodes=1, **SHORT | {"pixels": True})
    with pytest.raises(ValueError, match="painter='opengl'.*; got .*painter='discs'"):
        collect_balls(tmp_path / "filmed", num_episodes=2, **opengl | {"pixels": True})


def test_collectors_refuse_a_directory_of_another_world(tmp_path: Path) -> None:
    write_episode(tmp_path / "game")
    with pytest.raises(ValueError, match="'bouncing_balls'.*; got .*'atari'"):
        collect_balls(tmp_path / "game", num_episodes=1, **SHORT)
    collect_balls(tmp_path / "balls", num_episodes=1, **SHORT)
    with pytest.raises(ValueError, match="with episodes of .*pong.*; got .*'bouncing_balls'"):
        collect(tmp_path / "balls", "pong", num_episodes=1, max_steps_per_episode=5)


def test_damaged_trajectory_is_refused_and_made_again(tmp_path: Path) -> None:
    path = collect_balls(tmp_path, num_episodes=2, **SHORT).files[1].path
    content = path.read_bytes()
    path.write_bytes(content[:-1])
    with pytest.raises(CorruptFileError, match=path.name):
        collect_balls(tmp_path, num_episodes=3, **SHORT)
    path.unlink()
    collect_balls(tmp_path, num_episodes=2, **SHORT)
    assert path.read_bytes() == content, "the advice of the message must be right"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"num_episodes": 0}, "num_episodes as an integer of at least 1"),
        ({"num_steps": 0}, "num_steps as an integer of at least 1"),
        ({"num_workers": 0}, "num_workers as an integer of at least 1"),
    ],
)
def test_collect_refuses_bad_arguments(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        collect_balls(tmp_path / "new", **SHORT | {"num_episodes": 1} | change)
    assert not (tmp_path / "new").exists()


WITHOUT_GRAPHICS = """
import sys
for name in ("OpenGL", "glfw", "mujoco.egl", "mujoco.osmesa", "rmr_gym.envs.ball_renderer", "torch"):
    sys.modules[name] = None  # importing it is an error now
from rmr_gym.data import TransitionDataset, collect_balls
collect_balls(sys.argv[1], num_episodes=2, num_steps=4)
dataset = TransitionDataset(sys.argv[1], split="all", history=3, gray=False)
windows = dataset.windows([0, 3])
print(windows.state.shape, windows.pixels.max())
"""


def test_states_and_discs_need_no_graphics_library(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WITHOUT_GRAPHICS, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr == ""
    assert done.stdout == "(2, 3, 10, 2) 255\n"


ENDLESS_COLLECTOR = """
import sys
from rmr_gym.data import collect_balls
collect_balls(
    sys.argv[1], num_episodes=2_000, num_steps=3, pixels=False,
    on_episode=lambda metadata: print(metadata.episode_index, flush=True),
)
"""


def test_killed_collector_loses_no_committed_trajectory(tmp_path: Path) -> None:
    command = [sys.executable, "-c", ENDLESS_COLLECTOR, str(tmp_path)]
    acknowledged: set[int] = set()
    for _attempt in range(2):
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as collector:
            assert collector.stdout is not None
            lines = [collector.stdout.readline() for _line in range(5)]
            collector.kill()
            lines += collector.stdout.readlines()
        new = {int(line) for line in lines if line.endswith("\n")}
        assert len(new) >= 5, "the collector must have gone on"
        assert not new & acknowledged, "a finished trajectory must not be collected again"
        acknowledged |= new
        store = EpisodeStore(tmp_path)
        assert {meta.episode_index for meta in store.episodes} >= acknowledged
        store.verify()


def test_machine_that_cannot_draw_says_so_before_it_simulates(
    tmp_path: Path, painter: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("no backend")

    monkeypatch.setattr(Painter, "render", fail)
    monkeypatch.setattr(sys.modules["rmr_gym.data.collect_balls"], "simulate", lambda *_, **__: pytest.fail("worked"))
    with pytest.raises(RuntimeError, match="no backend"):
        collect_balls(tmp_path, num_episodes=1, **SHORT | {"pixels": True})
    assert names(tmp_path) == set()


@pytest.mark.parametrize(("name", "draws"), [("discs", DiscPainter), ("opengl", BallRenderer)])
def test_pictures_are_those_of_the_painter(tmp_path: Path, name: PainterName, draws: type[BallPainter]) -> None:
    config = replace(CONFIG, picture_size=32, painter=name)
    try:
        with closing(draws(config)) as chosen:
            store = collect_balls(tmp_path, config, num_episodes=1, num_steps=3)
            episode = store.read(0)
            assert isinstance(episode, BallsEpisode)
            expected = [chosen.render(positions) for positions in episode.state]
    except RenderingUnavailableError as error:
        pytest.skip(str(error))
    np.testing.assert_array_equal(episode.pixels, expected)
    pictures = TransitionDataset(tmp_path, split="all", gray=False, history=2).windows([0]).next_pixels
    assert pictures is not None
    np.testing.assert_array_equal(pictures[0], np.moveaxis(expected[2], -1, 0))


def test_missing_mujoco_is_named_before_a_folder_is_made(tmp_path: Path) -> None:
    code = """
import importlib.metadata, sys
from gymnasium.error import DependencyNotInstalled
from rmr_gym.data import collect_balls
def version(name, known=importlib.metadata.version):
    if name == "mujoco":
        raise importlib.metadata.PackageNotFoundError(name)
    return known(name)
importlib.metadata.version = version
sys.modules["mujoco"] = None
try:
    collect_balls(sys.argv[1], num_episodes=1, num_steps=5, pixels=False)
except DependencyNotInstalled as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "new")], capture_output=True, text=True, check=True, timeout=120
    )
    assert 'pip install "rmr-gym[mujoco]"' in done.stdout
    assert not (tmp_path / "new").exists()
