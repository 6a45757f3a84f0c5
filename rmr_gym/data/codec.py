"""The bytes of the format "rmr-episodes/1": names, compressed frames and the metadata of a file."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from typing import Any

import zstandard

from rmr_gym.data.metadata import AnyMetadata, BallsEpisodeMetadata, EpisodeMetadata
from rmr_gym.errors import explain

FORMAT = "rmr-episodes/1"
"""Name of the format, stored in every file."""

METADATA_KEY = b"rmr_episode"
"""The one key of the schema metadata that is ours; its value is JSON."""

_KINDS: dict[str, type[AnyMetadata]] = {kind.world: kind for kind in (EpisodeMetadata, BallsEpisodeMetadata)}

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


def decode_screen(data: memoryview, decompressor: zstandard.ZstdDecompressor, num_bytes: int) -> bytes:
    """Decompress one frame to its palette indices or colours.

    Raises:
        ValueError: when the frame is damaged or would not be exactly `num_bytes` long; nothing is allocated for it.
    """
    try:
        declared = zstandard.frame_content_size(data)
        if declared == num_bytes:
            return decompressor.decompress(data, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise ValueError(f"a damaged compressed frame ({error})") from error
    raise ValueError(f"a compressed frame that declares {declared} bytes instead of {num_bytes}")


def metadata_to_json(metadata: AnyMetadata) -> bytes:
    """Write the metadata as canonical JSON, so that equal episodes are equal files."""
    # Games carry no name of their world: they were the only one when the format began.
    world = {} if isinstance(metadata, EpisodeMetadata) else {"world": metadata.world}
    fields = {"format": FORMAT, **world, **asdict(metadata)}
    return json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()


def metadata_from_json(text: bytes) -> AnyMetadata:
    """Read what `metadata_to_json` wrote.

    Raises:
        ValueError: when it is another format, is no JSON, or a field is missing, unknown, or of a wrong type or range.
    """
    fields = _fields(text)
    world = fields.pop("world", EpisodeMetadata.world)
    kind = _KINDS.get(world) if isinstance(world, str) else None
    if kind is None:
        raise ValueError(
            explain(expected=f"a world out of {', '.join(_KINDS)}", got=world, fix="Read it with a newer version.")
        )
    try:
        return kind.from_fields(fields)
    except (TypeError, KeyError, ArithmeticError, RecursionError) as error:
        raise ValueError(
            explain(expected=f"the fields of {kind.__name__}", got=str(error), fix="Collect the episode again.")
        ) from error


def _fields(text: bytes) -> dict[str, Any]:
    """Parse metadata of this format, without the format."""
    try:
        fields: dict[str, Any] = json.loads(text)
        version = fields.pop("format")
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError) as error:
        raise ValueError(
            explain(expected="JSON metadata with a format", got=repr(text[:80]), fix="Collect the episode again.")
        ) from error
    if version != FORMAT:
        raise ValueError(
            explain(expected=f"the format {FORMAT!r}", got=version, fix="Read it with the version that wrote it.")
        )
    return fields
