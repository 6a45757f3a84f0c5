"""The bytes of the format "rmr-episodes/1": compressed frames, table columns and the metadata of a file."""

from __future__ import annotations

import json
import re
from dataclasses import asdict

import numpy as np
import pyarrow as pa
import zstandard
from numpy.typing import NDArray

from rmr_gym.data.records import EpisodeMetadata
from rmr_gym.envs.console import ConsoleConfig
from rmr_gym.envs.games import NUM_RAM_BYTES, SCREEN_SHAPE
from rmr_gym.errors import explain

FORMAT = "rmr-episodes/1"
"""Name of the format, stored in every file."""

METADATA_KEY = b"rmr_episode"
"""The one key of the schema metadata that is ours; its value is JSON."""

SCHEMA = pa.schema(
    [
        pa.field("frame", pa.binary(), nullable=False),
        pa.field("ram", pa.binary(NUM_RAM_BYTES), nullable=False),
        pa.field("action", pa.uint8(), nullable=True),
        pa.field("reward", pa.float32(), nullable=False),
        pa.field("terminated", pa.bool_(), nullable=False),
        pa.field("truncated", pa.bool_(), nullable=False),
        pa.field("step", pa.int32(), nullable=False),
    ]
)
"""Columns of an episode file; one row per frame, the last row without an action."""

FRAME_BYTES = SCREEN_SHAPE[0] * SCREEN_SHAPE[1]

_FILE_NAME = re.compile(r"ep-(\d{6,})-([0-9a-f]{16})\.arrow")


def file_name(episode_index: int, sha256: str) -> str:
    """Name an episode file by its number and the first 16 digits of its checksum.

    Example:
        >>> file_name(7, "0123456789abcdef" * 4)
        'ep-000007-0123456789abcdef.arrow'
    """
    return f"ep-{episode_index:06d}-{sha256[:16]}.arrow"


def checksum_in_name(name: str) -> str | None:
    """Return the 16 digits of checksum in the name of an episode file, None for any other name."""
    match = _FILE_NAME.fullmatch(name)
    return match[2] if match else None


def new_compressor() -> zstandard.ZstdCompressor:
    """Make a compressor for frames; like its counterpart it serves one thread at a time."""
    return zstandard.ZstdCompressor(level=1, write_checksum=True, write_content_size=True)


def decode_screen(data: memoryview, decompressor: zstandard.ZstdDecompressor) -> bytes:
    """Decompress one frame to its 33,600 palette indices.

    Raises:
        ValueError: when the frame is damaged or would not be exactly that long; nothing is allocated for it.
    """
    try:
        declared = zstandard.frame_content_size(data)
        if declared == FRAME_BYTES:
            return decompressor.decompress(data, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise ValueError(f"a damaged compressed frame ({error})") from error
    raise ValueError(f"a compressed frame that declares {declared} bytes instead of {FRAME_BYTES}")


def metadata_to_json(metadata: EpisodeMetadata) -> bytes:
    """Write the metadata as canonical JSON, so that equal episodes are equal files."""
    return json.dumps({"format": FORMAT, **asdict(metadata)}, sort_keys=True, separators=(",", ":")).encode()


def metadata_from_json(text: bytes) -> EpisodeMetadata:
    """Read what `metadata_to_json` wrote.

    Raises:
        ValueError: when it is another format, is no JSON, or a field is missing, unknown, or of a wrong type or range.
    """
    try:
        fields = json.loads(text)
        version = fields.pop("format")
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError) as error:
        raise ValueError(
            explain(expected="JSON metadata with a format", got=repr(text[:80]), fix="Collect the episode again.")
        ) from error
    if version != FORMAT:
        raise ValueError(
            explain(expected=f"the format {FORMAT!r}", got=version, fix="Read it with the version that wrote it.")
        )
    try:
        console = ConsoleConfig(**fields.pop("console"))
        return EpisodeMetadata(console=console, lead_in=tuple(fields.pop("lead_in")), **fields)
    except (TypeError, KeyError) as error:
        raise ValueError(
            explain(expected="the fields of EpisodeMetadata", got=str(error), fix="Collect the episode again.")
        ) from error


def column_bytes(array: pa.Array) -> NDArray[np.uint8]:
    """View the values of a column of fixed or variable width as bytes, without a copy."""
    return np.frombuffer(array.buffers()[-1] or b"", dtype=np.uint8)
