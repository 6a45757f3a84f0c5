"""A directory of episodes in the format "rmr-episodes/1"."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import zstandard
from numpy.typing import NDArray

from rmr_gym.data.atomic import write_atomically
from rmr_gym.data.codec import FORMAT, checksum_in_name
from rmr_gym.data.metadata import AnyMetadata, EpisodeMetadata
from rmr_gym.data.reader import EpisodeFile
from rmr_gym.data.records import BallsEpisode, Episode
from rmr_gym.envs.console import ConsoleConfig
from rmr_gym.errors import CorruptFileError, explain

MANIFEST = "manifest.json"
"""File with a list of the episodes, for people and scripts; derived from the episodes and never read back."""


class EpisodeStore:
    """The episodes of one game, recorded with one preprocessing, or the trajectories of one world of bouncing balls.

    One immutable Arrow file per episode, `ep-<number>-<first 16 digits of its sha256>.arrow`; pandas, polars and duckdb
    read it as well. The directory listing is the truth: a file is there whole or not at all, so any number of
    collectors may write into it, and a crash costs the episodes that were being written. A store shows what was there
    when it was opened.

    Args:
        path: existing directory, which may be empty.

    Raises:
        ValueError: when there is no such directory, or the episodes were recorded with different games, preprocessing
            or cartridges, or in different worlds.
        CorruptFileError: when a file is damaged, was changed or has been renamed.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        if not self.path.is_dir():
            raise ValueError(
                explain(expected="a directory of episodes", got=str(path), fix="Make one with rmr_gym.data.collect().")
            )
        self.files: tuple[EpisodeFile, ...] = tuple(_open(file) for file in sorted(self.path.glob("ep-*.arrow")))
        for file in self.files[1:]:
            _check_alike(self.files[0], file)

    def __len__(self) -> int:
        return len(self.files)

    @property
    def episodes(self) -> tuple[AnyMetadata, ...]:
        """Metadata of the episodes, in the order of the file names."""
        return tuple(file.metadata for file in self.files)

    @property
    def origin(self) -> dict[str, object]:
        """What all episodes have in common, world and configuration among it; empty for an empty store."""
        return self.files[0].metadata.origin if self.files else {}

    @property
    def console(self) -> ConsoleConfig | None:
        """Game and preprocessing of all episodes; None for an empty store.

        Raises:
            ValueError: when the episodes are not of a game.
        """
        return self._game().console if self.files else None

    @property
    def palette(self) -> NDArray[np.uint8]:
        """Colours of the palette indices, `(256, 3)`.

        Raises:
            ValueError: when there are no episodes, or they are not of a game.
        """
        return self._game().palette

    def _game(self) -> EpisodeMetadata:
        if not self.files:
            raise ValueError(
                explain(expected="at least one episode", got=f"none in {self.path}", fix="Call collect() first.")
            )
        metadata = self.files[0].metadata
        if not isinstance(metadata, EpisodeMetadata):
            raise ValueError(
                explain(
                    expected="episodes of an Atari game",
                    got=f"the world {metadata.world!r} in {self.path}",
                    fix="Pass a directory that collect() made.",
                )
            )
        return metadata

    def read(self, index: int) -> Episode | BallsEpisode:
        """Decode an episode by its position in `episodes`: 50 MB for 1,500 steps of a game."""
        return self.files[index].read()

    def verify(self) -> int:
        """Check every byte again: checksums, columns, metadata and every compressed frame.

        Returns:
            The number of frames.

        Raises:
            CorruptFileError: when something is damaged or missing.
        """
        decompressor = zstandard.ZstdDecompressor()
        num_frames = 0
        for known in self.files:
            file = _open(known.path)
            if file.layout.screen_shape is not None:
                for row in range(file.num_rows):
                    file.screen(row, decompressor)
            num_frames += file.num_rows
        return num_frames

    @property
    def manifest(self) -> dict[str, Any]:
        """Format, origin, and for each episode file its checksum, size, number and length; JSON-able."""
        return {
            "format": FORMAT,
            **(self.files[0].metadata.heading if self.files else {"console": None}),
            "versions": sorted({f"{name} {v}" for meta in self.episodes for name, v in meta.versions.items()}),
            "num_transitions": sum(meta.num_steps for meta in self.episodes),
            "episodes": [
                {
                    "file": file.path.name,
                    "sha256": file.sha256,
                    "num_bytes": file.num_bytes,
                    **file.metadata.entry,
                    "terminated": bool(file.terminated[-1]),
                }
                for file in self.files
            ],
        }

    def write_manifest(self) -> Path:
        """Write `manifest.json` beside the episodes and return its path."""
        path = self.path / MANIFEST
        write_atomically(path, (json.dumps(self.manifest, indent=1) + "\n").encode())
        return path


def _open(path: Path) -> EpisodeFile:
    if checksum_in_name(path.name) is None or not path.is_file():
        raise CorruptFileError(
            explain(
                expected="episode files under the names that they were written with",
                got=str(path),
                fix="Give it its name back, or move it out of the directory.",
            )
        )
    return EpisodeFile(path)


def _check_alike(first: EpisodeFile, other: EpisodeFile) -> None:
    ours, theirs = first.metadata.origin, other.metadata.origin
    for name, expected in ours.items():
        if expected != theirs.get(name):
            raise ValueError(
                explain(
                    expected=f"one {name} in {first.path.parent}, as in {first.path.name}: {expected}",
                    got=f"{theirs.get(name)} in {other.path.name}",
                    fix="Keep data of different games, worlds and preprocessing in different directories.",
                )
            )
