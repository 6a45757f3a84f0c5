"""Opening one episode file, whatever has become of it."""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import zstandard

from rmr_gym.data.codec import METADATA_KEY, file_name, metadata_to_json, new_compressor
from rmr_gym.data.layout import ATARI
from rmr_gym.data.reader import EpisodeFile
from rmr_gym.errors import CorruptFileError
from tests.data.synthetic import METADATA, forge, row_ram, row_screen, write_episode

NUM_MUTATIONS = 300


def test_episode_survives(tmp_path: Path) -> None:
    episode = EpisodeFile(write_episode(tmp_path, index=4, num_steps=20)).read()
    np.testing.assert_array_equal(episode.screens, [row_screen(4, row) for row in range(21)])
    np.testing.assert_array_equal(episode.ram, [row_ram(4, row) for row in range(21)])
    assert episode.actions.tolist() == [step % 18 for step in range(20)]
    assert episode.rewards.tolist() == list(range(20))
    assert episode.steps.tolist() == list(range(21))
    assert episode.terminated.tolist() == [False] * 19 + [True]
    assert not episode.truncated.any()
    assert episode.metadata.episode_index == 4
    np.testing.assert_array_equal(episode.rgb()[..., 1], episode.screens)


def test_read_arrays_are_writable_copies(tmp_path: Path) -> None:
    file = EpisodeFile(write_episode(tmp_path))
    file.read().ram[:] = 9
    np.testing.assert_array_equal(file.read().ram[1], row_ram(0, 1))


def test_open_files_hold_no_descriptor(tmp_path: Path) -> None:
    descriptors = Path("/proc/self/fd")
    before = len(list(descriptors.iterdir()))
    files = [EpisodeFile(write_episode(tmp_path, index=index)) for index in range(5)]
    assert len(list(descriptors.iterdir())) == before
    assert all(file.screen(3, zstandard.ZstdDecompressor()) for file in files)


def mutated(data: bytes, rng: random.Random) -> bytes:
    """Flip a bit, overwrite a word, cut the end off, or copy a block elsewhere."""
    changed = bytearray(data)
    place = rng.randrange(len(data) - 8)
    match rng.randrange(4):
        case 0:
            changed[place] ^= 1 << rng.randrange(8)
        case 1:
            changed[place : place + 4] = rng.randbytes(4)
        case 2:
            del changed[place:]
        case 3:
            source = rng.randrange(len(data) - 8)
            changed[place : place + 8] = data[source : source + 8]
    return bytes(changed)


def test_no_damage_goes_unnoticed(tmp_path: Path) -> None:
    path = write_episode(tmp_path, num_steps=5)
    data, rng, noticed, same = path.read_bytes(), random.Random(0), 0, 0
    for _ in range(NUM_MUTATIONS):
        damaged = mutated(data, rng)
        same += damaged == data
        path.write_bytes(damaged)
        try:
            EpisodeFile(path).read()
        except CorruptFileError as error:
            noticed += str(path) in str(error)
    assert same < 10  # a copied block may be the one that was there
    assert noticed == NUM_MUTATIONS - same


@pytest.mark.parametrize("data", [b"", b"ARROW1", bytes(5000)])
def test_file_that_is_no_arrow_file_is_refused(tmp_path: Path, data: bytes) -> None:
    path = write_episode(tmp_path)
    path.write_bytes(data)
    with pytest.raises(CorruptFileError, match=r"Delete this file and make the same call of collect\(\) again"):
        EpisodeFile(path)


def column(name: str, values: list[object]) -> Callable[[pa.Table], pa.Table]:
    """Exchange a column of a table."""

    def change(table: pa.Table) -> pa.Table:
        index, field = table.schema.get_field_index(name), table.schema.field(name)
        return table.set_column(index, field.with_nullable(True), pa.array(values, field.type)).cast(table.schema)

    return change


def metadata(text: bytes | None) -> Callable[[pa.Table], pa.Table]:
    return lambda table: table.replace_schema_metadata(None if text is None else {METADATA_KEY: text})


BLANK = new_compressor().compress(bytes(33_600))

FORGERIES: dict[str, tuple[Callable[[pa.Table], pa.Table], str]] = {
    "no metadata": (metadata(None), "JSON metadata"),
    "other metadata": (metadata(b"{}"), "JSON metadata"),
    "deep metadata": (metadata(b'{"format":' + b"[" * 100_000), "JSON metadata"),
    "too few rows": (lambda table: table.slice(3), "1 rows"),
    "fewer rows than promised": (lambda table: table.slice(1), "as many rows"),
    "no column": (lambda table: table.drop_columns(["step"]), "other columns"),
    "column of another type": (
        lambda table: table.set_column(2, "action", table.column("action").cast(pa.int16())),
        "other columns",
    ),
    "action that does not exist": (column("action", [0, 18, 2, None]), "action values that exist"),
    "action of the last row": (column("action", [0, 1, 2, 3]), "nulls elsewhere"),
    "no action before": (column("action", [0, None, 2, None]), "nulls elsewhere"),
    "reward that is not finite": (column("reward", [0.0, float("nan"), 0.0, 0.0]), "finite rewards"),
    "end before the end": (column("terminated", [True, False, True, False]), "an end at the last transition"),
    "no end": (column("terminated", [False] * 4), "an end at the last transition"),
    "steps with a gap": (column("step", [0, 1, 3, 4]), "consecutive steps"),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_forged_file_with_the_right_checksum_is_refused(tmp_path: Path, name: str) -> None:
    change, message = FORGERIES[name]
    path = forge(write_episode(tmp_path, num_steps=3), change)
    with pytest.raises(CorruptFileError, match=message):
        EpisodeFile(path)


def test_file_in_several_batches_is_refused(tmp_path: Path) -> None:
    path = forge(write_episode(tmp_path, num_steps=3), lambda table: table, batch_rows=2)
    with pytest.raises(CorruptFileError, match="2 record batches"):
        EpisodeFile(path)


@pytest.mark.parametrize("frame", [b"", b"junk", BLANK[:-1], BLANK[:-1] + b"\x00", b"\x28\xb5\x2f\xfd\xa0\0\0\0\x40"])
def test_forged_frame_is_refused_when_it_is_read(tmp_path: Path, frame: bytes) -> None:
    path = forge(write_episode(tmp_path, num_steps=3), column("frame", [BLANK, frame, BLANK, BLANK]))
    file, decompressor = EpisodeFile(path), zstandard.ZstdDecompressor()
    assert file.screen(0, decompressor) == bytes(33_600)
    start = time.perf_counter()
    with pytest.raises(CorruptFileError, match=str(path)):
        file.screen(1, decompressor)
    assert time.perf_counter() - start < 1


@pytest.mark.parametrize("bad", [2**31 - 1, -5])
def test_offsets_outside_the_file_are_refused(tmp_path: Path, bad: int) -> None:
    path = write_episode(tmp_path, num_steps=3)
    good = path.read_bytes()
    old = np.frombuffer(EpisodeFile(path)._offsets, np.int32)
    changed = old.copy()
    changed[2] = bad
    assert good.count(old.tobytes()) == 1
    path.write_bytes(good.replace(old.tobytes(), changed.tobytes()))
    path = path.rename(path.with_name(file_name(0, hashlib.sha256(path.read_bytes()).hexdigest())))
    with pytest.raises(CorruptFileError):
        EpisodeFile(path)


def test_schema_metadata_are_one_json_key(tmp_path: Path) -> None:
    with pa.ipc.open_file(str(write_episode(tmp_path, num_steps=1))) as reader:
        assert reader.schema.metadata == {METADATA_KEY: metadata_to_json(METADATA)}
        assert reader.schema.remove_metadata() == ATARI.schema
