"""Directories that open as one, damaged files that are left out, and sets larger than memory."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rmr_gym.data import EpisodeStore, TransitionDataset
from rmr_gym.data.writer import EpisodeWriter
from rmr_gym.envs.console import ConsoleConfig
from rmr_gym.errors import CorruptFileError
from tests.data.synthetic import METADATA, filled_writer, row_ram, row_screen, write_episode


@pytest.fixture
def parts(tmp_path: Path) -> tuple[Path, Path]:
    """Six episodes in two directories, with one of them in both."""
    first, second = tmp_path / "first", tmp_path / "second"
    for index in range(6):
        write_episode(first if index % 2 else second, index, index + 2, skill=index / 5)
    write_episode(first, 4, 6, skill=4 / 5)
    return first, second


def test_several_directories_open_as_one_would(tmp_path: Path, parts: tuple[Path, Path]) -> None:
    for index in range(6):
        write_episode(tmp_path / "whole", index, index + 2, skill=index / 5)
    whole = EpisodeStore(tmp_path / "whole")
    for paths in (parts, parts[::-1], [str(part) for part in parts]):
        store = EpisodeStore(paths)
        assert store.paths == tuple(map(Path, paths))
        assert [file.sha256 for file in store.files] == [file.sha256 for file in whole.files]
        assert store.episodes == whole.episodes
        assert store.verify() == whole.verify()
    for split in ("train", "validation", "all"):
        one = TransitionDataset(tmp_path / "whole", split=split, validation_fraction=0.5)
        for paths in (parts, parts[::-1]):
            several = TransitionDataset(paths, split=split, validation_fraction=0.5)
            assert several.fingerprint == one.fingerprint
            for got, expected in zip(several.ram_transitions(), one.ram_transitions(), strict=True):
                np.testing.assert_array_equal(got, expected)
            indices = range(len(one))
            np.testing.assert_array_equal(several.batch(indices).next_pixels, one.batch(indices).next_pixels)


def test_play_that_two_machines_recorded_counts_once(parts: tuple[Path, Path], tmp_path: Path) -> None:
    before = EpisodeStore(parts)
    again = [
        write_episode(tmp_path / "again", index, index + 2, skill=index / 5, versions={"numpy": "3"})
        for index in (1, 4)
    ]
    store = EpisodeStore([*parts, tmp_path / "again"])
    assert not {path.name for path in again} & {file.path.name for file in before.files}, "other bytes, the same play"
    assert len(store) == len(before)
    assert [meta.episode_index for meta in store.episodes] == [meta.episode_index for meta in before.episodes]


@pytest.mark.parametrize("change", [{"num_steps": 9}, {"num_steps": 3}])
def test_parts_of_one_play_are_refused_with_both_names(
    parts: tuple[Path, Path], tmp_path: Path, change: dict[str, int]
) -> None:
    other = write_episode(tmp_path / "other", 4, **change, skill=4 / 5)
    with pytest.raises(ValueError, match="two parts of the same play") as info:
        EpisodeStore([*parts, other.parent])
    assert str(other) in str(info.value)
    assert str(parts[0]) in str(info.value) or str(parts[1]) in str(info.value)


def write_window(directory: Path, num_steps: int, *, of: int, **metadata: object) -> Path:
    """Write the last steps of episode 0, which has `of` of them."""
    directory.mkdir()
    writer = filled_writer(0, of, max_steps=num_steps)
    window = replace(METADATA, num_steps=num_steps, lead_in=writer.lead_in, **metadata)  # type: ignore[arg-type]
    return writer.commit(directory, window, terminated=True)


def test_later_window_of_one_play_is_refused(tmp_path: Path) -> None:
    first, second = (write_window(tmp_path / str(size), size, of=8) for size in (4, 3))
    with pytest.raises(ValueError, match="two parts of the same play"):
        EpisodeStore([first.parent, second.parent])


def test_other_play_under_the_same_numbers_is_welcome(tmp_path: Path) -> None:
    write_episode(tmp_path / "first", 0, 4)
    changes: list[dict[str, object]] = [{"player": "another"}, {"seed": 1}, {"num_noops": 4}, {"episode_index": 1}]
    others = [write_window(tmp_path / f"other-{number}", 4, of=8, **change) for number, change in enumerate(changes)]
    store = EpisodeStore([tmp_path / "first", *(other.parent for other in others)])
    assert len(store) == 1 + len(others)
    # Others may number their episodes alike: what was played decides.
    writer = EpisodeWriter(max_steps=9)
    writer.start(row_screen(0, 0), row_ram(0, 0))
    for step in range(4):
        writer.step(17 - step, 0.0, row_screen(0, step + 1), row_ram(0, step + 1))
    (tmp_path / "foreign").mkdir()
    writer.commit(tmp_path / "foreign", replace(METADATA, num_steps=4), terminated=True)
    assert len(EpisodeStore([tmp_path / "first", tmp_path / "foreign"])) == 2


def test_other_content_has_another_fingerprint(parts: tuple[Path, Path]) -> None:
    fingerprints = [TransitionDataset(paths, split="all").fingerprint for paths in (parts, parts[:1], parts[1:])]
    assert len(set(fingerprints)) == 3


def test_directories_of_different_games_are_refused_with_both_names(parts: tuple[Path, Path], tmp_path: Path) -> None:
    other = write_episode(tmp_path / "other", 9, console=ConsoleConfig(game="breakout"))
    with pytest.raises(ValueError, match="one console in all episodes") as info:
        EpisodeStore([*parts, other.parent])
    message = str(info.value)
    assert not isinstance(info.value, CorruptFileError)
    assert all(part in message for part in (str(other), str(parts[1]), "pong", "breakout"))


def test_missing_directory_among_several_is_named(parts: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="a directory of episodes; got .*absent"):
        EpisodeStore([*parts, tmp_path / "absent"])
    with pytest.raises(ValueError, match="no directory at all"):
        EpisodeStore([])


def test_manifest_is_of_one_directory(parts: tuple[Path, Path]) -> None:
    with pytest.raises(ValueError, match="a store of one directory; got 2 of them"):
        EpisodeStore(parts).write_manifest()


def test_damaged_file_is_named_and_the_rest_stays_readable(tmp_path: Path) -> None:
    paths = [write_episode(tmp_path, index, 3) for index in range(4)]
    intact = TransitionDataset(tmp_path, split="all").batch([0])
    data = bytearray(paths[1].read_bytes())
    data[len(data) // 2] ^= 1
    paths[1].write_bytes(data)
    paths[3].write_bytes(paths[3].read_bytes()[:-100])
    with pytest.raises(CorruptFileError, match=paths[1].name):
        EpisodeStore(tmp_path)
    with pytest.warns(UserWarning, match="A damaged episode is left out") as warned:
        dataset = TransitionDataset(tmp_path, split="all", skip_damaged=True)
    assert [paths[number].name in str(warning.message) for number, warning in zip((1, 3), warned, strict=True)] == [
        True,
        True,
    ]
    assert [meta.episode_index for meta in dataset.store.episodes] == [0, 2]
    assert [str(path) in str(error) for path, error in zip(paths[1::2], dataset.store.damaged, strict=True)] == [
        True,
        True,
    ]
    assert dataset.store.verify() == 8
    np.testing.assert_array_equal(dataset.batch([0]).pixels, intact.pixels)


def test_intact_copy_stands_in_for_a_damaged_one(parts: tuple[Path, Path]) -> None:
    (damaged,) = parts[0].glob("ep-000004-*")
    damaged.write_bytes(b"")
    with pytest.warns(UserWarning, match=damaged.name):
        store = EpisodeStore(parts, skip_damaged=True)
    assert [meta.episode_index for meta in store.episodes] == list(range(6))


LARGE = """
import sys
from rmr_gym.data import TransitionDataset

def anonymous():
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) * 1024

first = TransitionDataset(sys.argv[1], split="all")
first.batch([0])
before = anonymous()
dataset = TransitionDataset(sys.argv[1:], split="all")
for index in range(0, len(dataset), 8):
    dataset.batch(range(index, min(index + 8, len(dataset))))
print(anonymous() - before, sum(file.num_bytes for file in dataset.store.files))
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux counts what is mapped apart")
def test_frames_stay_on_the_disk_when_all_are_read(tmp_path: Path) -> None:
    for index in range(12):
        write_episode(tmp_path / str(index % 3), index, num_steps=120)
    folders = [str(tmp_path / str(part)) for part in range(3)]
    command = [sys.executable, "-c", LARGE, *folders]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=100)
    taken, on_disk = map(int, done.stdout.split())
    assert on_disk > 15e6
    assert taken < on_disk / 3
