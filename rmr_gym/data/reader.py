"""One episode file: opened with its checksum, then read in place."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import zstandard
from numpy.typing import NDArray

from rmr_gym.data.codec import METADATA_KEY, checksum_in_name, decode_screen, metadata_from_json
from rmr_gym.data.columns import column_bytes, unpack_column
from rmr_gym.data.layout import Layout
from rmr_gym.data.metadata import EpisodeMetadata
from rmr_gym.data.records import BallsEpisode, Episode
from rmr_gym.errors import CorruptFileError, explain

T = TypeVar("T")


class EpisodeFile:
    """A committed episode, mapped into memory; nothing but its small columns is held.

    Opening reads the whole file once for its checksum (2 GB/s). Frames are decompressed when asked for.

    Args:
        path: an episode file.

    Raises:
        CorruptFileError: when the content is not what the name promises, or is no valid episode.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        buffer = self._guarded(lambda: _map(path))
        self.sha256 = hashlib.sha256(buffer).hexdigest()
        self.num_bytes = buffer.size
        promised = checksum_in_name(path.name)
        if promised != self.sha256[:16]:
            raise self._corrupt(f"content with the checksum {self.sha256[:16]}, not {promised}")
        reader = self._guarded(lambda: pa.ipc.open_file(buffer))
        text = (reader.schema.metadata or {}).get(METADATA_KEY, b"")
        self.metadata = self._guarded(lambda: metadata_from_json(text))
        self.layout = self.metadata.layout
        batch = self._guarded(lambda: _read_batch(reader, self.layout.schema))
        if self.layout.screen_shape is not None:
            frames = batch.column("frame")
            self._offsets = np.frombuffer(frames.buffers()[1], dtype=np.int32)[: len(batch) + 1]
            self._frames = memoryview(frames.buffers()[2])
        self.abstract: NDArray[Any] = _numbers(batch.column(self.layout.abstract_name), self.layout)
        """RAM or state of each frame, read-only, `(num_rows, *layout.abstract_shape)`."""
        self.steps: NDArray[np.int32] = unpack_column(batch.column("step"))
        self.actions: NDArray[np.uint8] = unpack_column(batch.column("action"))[:-1]
        self.rewards: NDArray[np.float32] = unpack_column(batch.column("reward"))[:-1]
        self.terminated: NDArray[np.bool_] = unpack_column(batch.column("terminated"))[:-1]
        self.truncated: NDArray[np.bool_] = unpack_column(batch.column("truncated"))[:-1]
        self._guarded(self._check_rows)

    def __reduce__(self) -> tuple[type[EpisodeFile], tuple[Path]]:
        # The mapped frames cannot be pickled; processes that load data open the file again.
        return EpisodeFile, (self.path.absolute(),)

    @property
    def num_rows(self) -> int:
        """Number of frames, one more than transitions."""
        return len(self.abstract)

    def compressed(self, row: int) -> memoryview:
        """Return the compressed bytes of a frame. Equal bytes mean equal frames, within one version of zstd.

        Raises:
            ValueError: when the episode was recorded without pictures.
        """
        if self.layout.screen_shape is None:
            raise ValueError(
                explain(
                    expected="an episode with pictures",
                    got=f"{self.path}, recorded without",
                    fix="Collect with pixels=True, or read the abstract side alone.",
                )
            )
        return self._frames[self._offsets[row] : self._offsets[row + 1]]

    def screen(self, row: int, decompressor: zstandard.ZstdDecompressor) -> bytes:
        """Decode a frame.

        Args:
            row: number of the frame, from 0.
            decompressor: not shared with another thread.

        Returns:
            Palette indices or colours, row by row: the bytes of an array of `layout.screen_shape`.

        Raises:
            ValueError: when the episode was recorded without pictures.
            CorruptFileError: when the frame is damaged.
        """
        data = self.compressed(row)
        return self._guarded(lambda: decode_screen(data, decompressor, self.layout.screen_bytes))

    def read(self) -> Episode | BallsEpisode:
        """Decode the whole episode: 33.6 kB per frame of a game, 12.3 kB per picture of balls."""
        transitions: dict[str, Any] = {
            name: getattr(self, name).copy() for name in ("steps", "actions", "rewards", "terminated", "truncated")
        }
        screens, abstract = self._screens(), self.abstract.copy()
        if isinstance(self.metadata, EpisodeMetadata):
            assert screens is not None, "games are recorded with pictures"
            return Episode(metadata=self.metadata, screens=screens, ram=abstract, **transitions)
        return BallsEpisode(metadata=self.metadata, pixels=screens, state=abstract, **transitions)

    def _screens(self) -> NDArray[np.uint8] | None:
        shape = self.layout.screen_shape
        if shape is None:
            return None
        decompressor = zstandard.ZstdDecompressor()
        screens = np.empty((self.num_rows, *shape), dtype=np.uint8)
        for row in range(self.num_rows):
            screens[row] = np.frombuffer(self.screen(row, decompressor), dtype=np.uint8).reshape(shape)
        return screens

    def _check_rows(self) -> None:
        ends = self.terminated | self.truncated
        first = self.metadata.first_step
        holds = {
            "as many rows as its metadata say": self.num_rows == self.metadata.num_steps + 1,
            "action values that exist": bool((self.actions < self.layout.num_actions).all()),
            "finite rewards": bool(np.isfinite(self.rewards).all()),
            f"a finite {self.layout.abstract_name}": bool(np.isfinite(self.abstract).all()),
            "an end at the last transition and nowhere else": bool(ends[-1]) and not ends[:-1].any(),
            "consecutive steps": np.array_equal(self.steps, np.arange(first, first + self.num_rows)),
        }
        for condition, holding in holds.items():
            if not holding:
                raise ValueError(f"a file without {condition}")

    def _guarded(self, read: Callable[[], T]) -> T:
        try:
            return read()
        except (ValueError, KeyError, TypeError, OverflowError, pa.ArrowException) as error:
            raise self._corrupt(str(error)) from error

    def _corrupt(self, got: str) -> CorruptFileError:
        return CorruptFileError(
            explain(
                expected=f"an undamaged episode in {self.path}",
                got=got,
                fix="Delete this file and make the same call of collect() again: it makes the same episode once more.",
            )
        )


def _map(path: Path) -> pa.Buffer:
    with pa.memory_map(os.fsencode(path)) as source:
        return source.read_buffer()  # outlives the open file, which would use up a descriptor per episode


def _read_batch(reader: pa.RecordBatchFileReader, schema: pa.Schema) -> pa.RecordBatch:
    if reader.schema.remove_metadata() != schema:
        raise ValueError(f"other columns: {', '.join(f'{field.name} {field.type}' for field in reader.schema)}")
    if reader.num_record_batches != 1:
        raise ValueError(f"{reader.num_record_batches} record batches instead of one")
    batch = reader.get_batch(0)
    batch.validate(full=True)  # else offsets could point outside the file
    if len(batch) < 2:
        raise ValueError(f"{len(batch)} rows, too few for a transition")
    nulls = [column.null_count for column in batch.columns]
    if nulls != [int(name == "action") for name in schema.names] or batch.column("action")[-1].is_valid:
        raise ValueError("nulls elsewhere than in the action of the last row")
    return batch


def _numbers(column: pa.Array, layout: Layout) -> NDArray[Any]:
    """View the column of the abstract side as numbers, without a copy."""
    used = column_bytes(column)[: len(column) * layout.abstract_bytes]
    return used.view(layout.abstract_type).reshape(-1, *layout.abstract_shape)
