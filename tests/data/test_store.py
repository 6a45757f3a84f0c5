"""A directory of episodes."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from rmr_gym.data import EpisodeStore
from rmr_gym.data.store import MANIFEST
from rmr_gym.envs.console import ConsoleConfig
from rmr_gym.errors import CorruptFileError
from tests.data.synthetic import METADATA, forge, write_episode


def test_store_lists_episodes_by_number(tmp_path: Path) -> None:
    for index in (10, 2, 7):
        write_episode(tmp_path, index=index, num_steps=index)
    store = EpisodeStore(str(tmp_path))
    assert [episode.episode_index for episode in store.episodes] == [2, 7, 10]
    assert len(store) == 3
    assert store.console == METADATA.console
    np.testing.assert_array_equal(store.palette, METADATA.palette)
    assert len(store.read(1).actions) == 7
    assert store.verify() == 3 + 8 + 11


@pytest.mark.skipif(sys.platform != "linux", reason="names of files are bytes")
def test_directory_may_have_a_name_that_is_no_utf8(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"\xe9")
    write_episode(path)
    assert len(EpisodeStore(path)) == 1


def test_episodes_of_two_seeds_live_together(tmp_path: Path) -> None:
    for seed in (0, 1):
        write_episode(tmp_path, index=0, seed=seed)
    assert sorted(episode.seed for episode in EpisodeStore(tmp_path).episodes) == [0, 1]


def test_empty_directory_is_an_empty_store(tmp_path: Path) -> None:
    store = EpisodeStore(tmp_path)
    assert len(store) == 0
    assert store.console is None
    assert store.verify() == 0
    assert store.manifest["episodes"] == []
    with pytest.raises(ValueError, match=r"at least one episode.*Call collect\(\) first"):
        _ = store.palette


def test_missing_directory_is_an_error(tmp_path: Path) -> None:
    for path in (tmp_path / "none", write_episode(tmp_path)):
        with pytest.raises(ValueError, match=r"a directory of episodes; got .* rmr_gym.data.collect"):
            EpisodeStore(path)


@pytest.mark.parametrize(
    "other",
    [
        {"console": ConsoleConfig(game="breakout")},
        {"console": ConsoleConfig(game="pong", frame_skip=3)},
        {"console": ConsoleConfig(game="pong", max_pool=False)},
        {"rom_md5": "1" * 32},
        {"palette_hex": "00" * 768},
    ],
)
def test_episodes_of_different_origin_do_not_mix(tmp_path: Path, other: dict[str, object]) -> None:
    write_episode(tmp_path, index=0)
    write_episode(tmp_path, index=1, **other)
    with pytest.raises(ValueError, match=rf"one {next(iter(other))} in .*different directories") as info:
        EpisodeStore(tmp_path)
    assert not isinstance(info.value, CorruptFileError)


@pytest.mark.parametrize("name", ["ep-1.arrow", "ep-000000-zzzzzzzzzzzzzzzz.arrow", "ep-copy of 0.arrow"])
def test_renamed_episode_is_not_passed_over(tmp_path: Path, name: str) -> None:
    write_episode(tmp_path).rename(tmp_path / name)
    with pytest.raises(CorruptFileError, match="Give it its name back"):
        EpisodeStore(tmp_path)


def test_directory_with_the_name_of_an_episode_is_refused(tmp_path: Path) -> None:
    path = write_episode(tmp_path)
    path.unlink()
    path.mkdir()
    with pytest.raises(CorruptFileError, match="episode files"):
        EpisodeStore(tmp_path)


def test_other_files_are_left_alone(tmp_path: Path) -> None:
    write_episode(tmp_path)
    for name in ("notes.txt", ".ep-000003-0123456789abcdef.arrow.0123456789ab.tmp", "episode.arrow"):
        (tmp_path / name).write_bytes(b"?")
    assert len(EpisodeStore(tmp_path)) == 1


def test_verify_finds_what_was_damaged_after_opening(tmp_path: Path) -> None:
    paths = [write_episode(tmp_path, index=index, num_steps=5) for index in range(3)]
    store = EpisodeStore(tmp_path)
    assert store.verify() == 18
    data = bytearray(paths[1].read_bytes())
    data[len(data) // 2] ^= 1
    paths[1].write_bytes(data)
    with pytest.raises(CorruptFileError, match=paths[1].name):
        store.verify()


def test_verify_finds_a_forged_frame(tmp_path: Path) -> None:
    def shorten(table: pa.Table) -> pa.Table:
        frames = [frame[:-1] for frame in table.column("frame").to_pylist()]
        return table.set_column(0, table.schema.field("frame"), pa.array(frames, pa.binary()))

    forge(write_episode(tmp_path), shorten)
    store = EpisodeStore(tmp_path)
    with pytest.raises(CorruptFileError, match="damaged compressed frame"):
        store.verify()


def test_verify_finds_a_missing_file(tmp_path: Path) -> None:
    path = write_episode(tmp_path)
    store = EpisodeStore(tmp_path)
    path.unlink()
    with pytest.raises(CorruptFileError, match=path.name):
        store.verify()


def test_manifest_says_what_is_there(tmp_path: Path) -> None:
    first = write_episode(tmp_path, index=0, num_steps=4, player="a", skill=0.25, seed=3)
    write_episode(tmp_path, index=1, num_steps=6, terminated=False)
    store = EpisodeStore(tmp_path)
    manifest = json.loads(store.write_manifest().read_text())
    assert manifest == store.manifest
    assert manifest["format"] == "rmr-episodes/1"
    assert manifest["console"] == {"game": "pong", "frame_skip": 4, "max_pool": True, "noop_max": 30}
    assert manifest["num_transitions"] == 10
    assert manifest["versions"] == ["numpy 2"]
    assert manifest["episodes"][0] == {
        "file": first.name,
        "sha256": store.files[0].sha256,
        "num_bytes": first.stat().st_size,
        "seed": 3,
        "episode_index": 0,
        "player": "a",
        "skill": 0.25,
        "num_steps": 4,
        "first_step": 0,
        "terminated": True,
    }
    assert not manifest["episodes"][1]["terminated"]


@pytest.mark.parametrize("content", ['{"episodes": [{"file": "../../etc/passwd"}]}', "[" * 100_000, "", "\0"])
def test_manifest_is_never_believed(tmp_path: Path, content: str) -> None:
    write_episode(tmp_path)
    (tmp_path / MANIFEST).write_text(content)
    store = EpisodeStore(tmp_path)
    assert [entry["file"] for entry in store.manifest["episodes"]] == [store.files[0].path.name]
    store.write_manifest()
    assert json.loads((tmp_path / MANIFEST).read_text()) == store.manifest


def test_store_shows_what_was_there_when_it_was_opened(tmp_path: Path) -> None:
    write_episode(tmp_path, index=0)
    store = EpisodeStore(tmp_path)
    write_episode(tmp_path, index=1)
    assert len(store) == 1
    assert len(EpisodeStore(tmp_path)) == 2


def test_metadata_of_the_store_are_those_of_the_files(tmp_path: Path) -> None:
    write_episode(tmp_path, index=3, num_steps=2, player="b")
    assert EpisodeStore(tmp_path).episodes == (replace(METADATA, episode_index=3, num_steps=2, player="b"),)
