"""The comparisons of collection, loading, wrapper and import run, and compare what they say they do."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from benchmarks.performance import collection, importing, loading, wrapper
from benchmarks.performance.harness import Comparison
from benchmarks.performance.plain_loops import play_bare, play_in_gymnasium
from benchmarks.performance.settings import Settings
from benchmarks.performance.store_peers import read_hdf5, read_minari, write_hdf5, write_minari
from rmr_gym.data import Episode, TransitionDataset, collect
from rmr_gym.envs.frames import to_gray

QUICK = Settings(repeats=1, quick=True)


def bars(results: list[Comparison]) -> list[float]:
    assert all(result.figure.lowest <= result.figure.median <= result.figure.highest for result in results)
    return [result.bar for result in results if result.bar is not None]


def test_collection_has_the_bars_of_the_emulator_and_of_savez() -> None:
    results = collection.measure(QUICK)
    assert bars(results) == [0.8, 3.0]
    assert len(results) == 7
    assert all(result.figure.lowest > 0 for result in results)


@pytest.mark.filterwarnings("ignore:`eval_env` is set to None", "ignore:env_spec is None")
def test_loading_measures_both_sizes_memory_and_peers() -> None:
    results = loading.measure(QUICK)
    assert bars(results) == [10.0, 1000.0, 10.0, 1000.0]
    assert [result.peer.split(",")[0] for result in results[4:]] == ["h5py", "h5py", "Minari"]
    memory = [result.figure.median for result in results if result.unit == "MB"]
    assert all(50 < value < 1000 for value in memory), "libraries alone take 50 MB"


def test_wrapper_is_compared_at_three_settings() -> None:
    assert bars(wrapper.measure(QUICK)) == [5.0, 5.0]


def test_import_is_timed_and_loads_no_torch() -> None:
    seconds, torch = importing.measure(QUICK)
    assert 0 < seconds.figure.median < 30
    assert torch.passed
    assert importing.import_once("scipy")[1] == ["scipy"]


def test_peers_of_collection_play_every_step_and_store_them(tmp_path: Path) -> None:
    scripts = [(3, [0, 1, 2]), (0, [4] * 5)]
    assert play_bare("pong", "palette", scripts) == play_bare("pong", "rgb", scripts) == 8
    assert play_in_gymnasium("ALE/Pong-v5", True, tmp_path, scripts) == 8
    sizes = []
    for path in tmp_path.glob("*.npz"):
        with np.load(path) as stored:
            assert stored["pixels"].shape[1:] == (210, 160, 3)
            assert stored["ram"].shape == (len(stored["actions"]) + 1, 128)
            sizes.append(len(stored["actions"]))
    assert sorted(sizes) == [3, 5]


@pytest.mark.filterwarnings("ignore:`eval_env` is set to None", "ignore:env_spec is None")
def test_peers_of_loading_read_what_we_read(tmp_path: Path) -> None:
    store = collect(tmp_path / "ours", "seaquest", num_episodes=3, max_steps_per_episode=6)
    dataset = TransitionDataset(tmp_path / "ours", split="all")
    gray, episodes = to_gray(store.palette), [store.read(index) for index in range(3)]
    assert all(isinstance(episode, Episode) for episode in episodes)
    write_hdf5(tmp_path / "peer.h5", episodes, gray, "lzf")  # type: ignore[arg-type]
    minari = write_minari(tmp_path / "minari", episodes, gray)  # type: ignore[arg-type]
    chosen = np.array([17, 0, 7, 7])  # transition 6 i + j begins at frame 7 i + j
    batch = dataset.batch(chosen)
    assert batch.pixels is not None
    assert batch.next_pixels is not None
    ours = (batch.pixels[:, 0], batch.ram, batch.action, batch.next_pixels[:, 0], batch.next_ram)
    with h5py.File(tmp_path / "peer.h5") as file:
        for expected, got in zip(ours, read_hdf5(file, chosen // 6 * 7 + chosen % 6), strict=True):
            np.testing.assert_array_equal(got, expected)
    for place, index in enumerate(chosen.tolist()):
        for expected, got in zip(ours, read_minari(minari, index // 6, index % 6), strict=True):
            np.testing.assert_array_equal(got, expected[place])
