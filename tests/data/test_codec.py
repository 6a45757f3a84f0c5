"""Frames, names and metadata as bytes."""

from __future__ import annotations

import json
import resource
from dataclasses import replace

import numpy as np
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from rmr_gym.data.codec import (
    FORMAT,
    checksum_in_name,
    decode_screen,
    file_name,
    metadata_from_json,
    metadata_to_json,
    new_compressor,
)
from rmr_gym.data.layout import ATARI
from tests.data.synthetic import METADATA, row_screen

GIBIBYTE = 2**30
FRAME_BYTES = ATARI.screen_bytes


@given(st.integers(0, 10**9), st.binary(min_size=32, max_size=32))
def test_file_name_holds_the_checksum(index: int, digest: bytes) -> None:
    assert checksum_in_name(file_name(index, digest.hex())) == digest.hex()[:16]


@pytest.mark.parametrize(
    "name", ["ep-1-0123456789abcdef.arrow", "ep-000001-0123.arrow", "../ep-000001-0123456789abcdef.arrow", "x.arrow"]
)
def test_other_names_hold_no_checksum(name: str) -> None:
    assert checksum_in_name(name) is None


def test_frame_survives_and_has_checksum_and_size() -> None:
    screen = row_screen(3, 4)
    data = new_compressor().compress(screen.tobytes())
    parameters = zstandard.get_frame_parameters(data)
    assert parameters.has_checksum
    assert parameters.content_size == FRAME_BYTES == 33_600
    assert decode_screen(memoryview(data), zstandard.ZstdDecompressor(), FRAME_BYTES) == screen.tobytes()


def bomb(declared: int) -> bytes:
    """A frame of 20 bytes that declares any length: one block that repeats a byte."""
    header = b"\x28\xb5\x2f\xfd" + b"\xe0" + declared.to_bytes(8, "little")
    return header + ((128 * 1024) << 3 | 0b011).to_bytes(3, "little") + b"\x00"


@pytest.mark.parametrize("declared", [GIBIBYTE, 2**62, FRAME_BYTES - 1, FRAME_BYTES + 1, 0])
def test_frame_of_another_length_is_refused_before_it_is_decompressed(declared: int) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ValueError, match=f"declares {declared} bytes instead of 33600"):
        decode_screen(memoryview(bomb(declared)), zstandard.ZstdDecompressor(), FRAME_BYTES)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000  # kB


def test_frame_that_lies_about_its_length_is_refused() -> None:
    with pytest.raises(ValueError, match="damaged compressed frame"):
        decode_screen(memoryview(bomb(FRAME_BYTES)), zstandard.ZstdDecompressor(), FRAME_BYTES)


@pytest.mark.parametrize("level_options", [{"write_content_size": False}])
def test_frame_without_a_length_is_refused(level_options: dict[str, bool]) -> None:
    data = zstandard.ZstdCompressor(**level_options).compress(bytes(FRAME_BYTES))
    with pytest.raises(ValueError, match="instead of 33600"):
        decode_screen(memoryview(data), zstandard.ZstdDecompressor(), FRAME_BYTES)


@pytest.mark.parametrize("data", [b"", b"not zstd at all", new_compressor().compress(bytes(FRAME_BYTES)) + b"tail"])
def test_bytes_that_are_no_frame_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="damaged compressed frame"):
        decode_screen(memoryview(data), zstandard.ZstdDecompressor(), FRAME_BYTES)


@given(
    seed=st.integers(),
    skill=st.floats(0, 1),
    player=st.text(),
    lead_in=st.lists(st.integers(0, 17)).map(tuple),
    num_steps=st.integers(1, 10**6),
)
def test_metadata_survive(seed: int, skill: float, player: str, lead_in: tuple[int, ...], num_steps: int) -> None:
    metadata = replace(METADATA, seed=seed, skill=skill, player=player, lead_in=lead_in, num_steps=num_steps)
    assert metadata_from_json(metadata_to_json(metadata)) == metadata


def test_metadata_are_canonical_json() -> None:
    text = metadata_to_json(METADATA)
    fields = json.loads(text)
    assert fields["format"] == FORMAT
    assert text == json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()


def test_metadata_know_their_colours() -> None:
    np.testing.assert_array_equal(METADATA.palette[77], [77, 77, 77])


def changed(**changes: object) -> bytes:
    return json.dumps(json.loads(metadata_to_json(METADATA)) | changes).encode()


def without(field: str) -> bytes:
    fields = json.loads(metadata_to_json(METADATA))
    del fields[field]
    return json.dumps(fields).encode()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "JSON metadata"),
        (b"\xff\xfe", "JSON metadata"),
        (b"[" * 100_000, "JSON metadata"),
        (b"[]", "JSON metadata"),
        (b"{}", "JSON metadata"),
        (changed(format="rmr-episodes/2"), "the format 'rmr-episodes/1'; got rmr-episodes/2"),
        (without("seed"), "fields of EpisodeMetadata"),
        (without("console"), "fields of EpisodeMetadata"),
        (without("lead_in"), "fields of EpisodeMetadata"),
        (changed(extra=1), "fields of EpisodeMetadata"),
        (changed(console={"game": "pong", "exec": "x"}), "fields of EpisodeMetadata"),
        (changed(console=3), "fields of EpisodeMetadata"),
        (changed(lead_in=7), "fields of EpisodeMetadata"),
        (changed(console={"game": "ping"}), "a game out of"),
        (changed(seed="0"), "'seed'"),
        (changed(seed=True), "'seed'"),
        (changed(num_steps=0), "'num_steps'"),
        (changed(skill=1.5), "'skill'"),
        (changed(skill=float("nan")), "'skill'"),
        (changed(lead_in=[18]), "'lead_in'"),
        (changed(palette_hex="00"), "'palette_hex'"),
        (changed(palette_hex="zz" * 768), "hex"),
        (changed(versions=[]), "'versions'"),
    ],
)
def test_metadata_of_another_kind_are_refused(text: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        metadata_from_json(text)
