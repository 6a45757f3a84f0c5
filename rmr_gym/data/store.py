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
from rmr_gym.data.reader import EpisodeFile
from rmr_gym.data.records import Episode, EpisodeMetadata
from rmr_gym.envs.console import ConsoleConfig
from rmr_gym.errors import CorruptFileError, explain

MANIFEST = "manifest.json"
"""File with a list of the episodes, for people and scripts; derived from the episodes and never read back."""


class EpisodeStore:
    """The episodes of one game, recorded with one preprocessing.

    One immutable Arrow file per episode, `ep-<number>-<first 16 digits of its sha256>.arrow`; pandas, polars and duckdb
    read it as well. The directory listing is the truth: a file is there whole or not at all, so any number of
    collectors may write into it, and a crash costs the episodes that were being written. A store shows what was there
    when it was opened.

    Args:
        path: existing directory, which may be empty.

    Raises:
        ValueError: when there is no such directory, or the episodes were recorded with different games, preprocessing
            or cartridges.
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
    def episodes(self) -> tuple[EpisodeMetadata, ...]:
        """Metadata of the episodes, in the order of the file names."""
        return tuple(file.metadata for file in self.files)

    @property
    def console(self) -> ConsoleConfig | None:
        """Game and preprocessing of all episodes; None for an empty store."""
        return self.files[0].metadata.console if self.files else None

    @property
    def palette(self) -> NDArray[np.uint8]:
        """Colours of the palette indices, `(256, 3)`."""
        if not self.files:
            raise ValueError(
                explain(expected="at least one episode", got=f"none in {self.path}", fix="Call collect() first.")
            )
        return self.files[0].metadata.palette

    def read(self, index: int) -> Episode:
        """Decode an episode by its position in `episodes`: 50 MB for 1,500 steps."""
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
            for row in range(file.num_rows):
                file.screen(row, decompressor)
            num_frames += file.num_rows
        return num_frames

    @property
    def manifest(self) -> dict[str, Any]:
        """Format, game, preprocessing, and for each episode file its checksum, size, origin and length; JSON-able."""
        console = self.console
        return {
            "format": FORMAT,
            "console": None if console is None else {f: getattr(console, f) for f in console.__dataclass_fields__},
            "versions": sorted({f"{name} {v}" for meta in self.episodes for name, v in meta.versions.items()}),
            "num_transitions": sum(meta.num_steps for meta in self.episodes),
            "episodes": [
                {
                    "file": file.path.name,
                    "sha256": file.sha256,
                    "num_bytes": file.num_bytes,
                    "seed": file.metadata.seed,
                    "episode_index": file.metadata.episode_index,
                    "player": file.metadata.player,
                    "skill": file.metadata.skill,
                    "num_steps": file.metadata.num_steps,
                    "first_step": len(file.metadata.lead_in),
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
    for name in ("console", "rom_md5", "palette_hex"):
        expected, got = getattr(first.metadata, name), getattr(other.metadata, name)
        if expected != got:
            raise ValueError(
                explain(
                    expected=f"one {name} in {first.path.parent}, as in {first.path.name}: {expected}",
                    got=f"{got} in {other.path.name}",
                    fix="Keep data of different games and preprocessing in different directories.",
                )
            )
