"""A directory of episodes in the format "rmr-episodes/1"."""

from __future__ import annotations

import json
import warnings
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import zstandard
from numpy.typing import NDArray

from rmr_gym.atomic import write_atomically
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

    Several directories open as one, as if all their files lay in one directory: the order in which they are named makes
    no difference to episodes, splits and fingerprints, and an episode that is in two of them counts once, also when
    it was recorded twice, with other versions of the packages. Different parts of one play are refused: the one could
    come to the training and the other to the validation.

    Args:
        path: existing directory, which may be empty, or several of them.
        skip_damaged: leave out damaged files with a warning that names each, instead of refusing the whole.

    Raises:
        ValueError: when there is no such directory, or the episodes were recorded with different games, preprocessing
            or cartridges, or in different worlds, or two of them are parts of one play.
        CorruptFileError: when a file is damaged, was changed or has been renamed.
    """

    def __init__(self, path: str | Path | Sequence[str | Path], *, skip_damaged: bool = False) -> None:
        self.paths: tuple[Path, ...] = _directories(path)
        self.path = self.paths[0]
        """The directory, of several the first."""
        self.damaged: tuple[CorruptFileError, ...] = ()
        """What is wrong with the files that were left out; each message names one."""
        self._skip_damaged = skip_damaged
        found = list(self._open_all())
        for file in found[1:]:
            _check_alike(found[0], file)
        self.files: tuple[EpisodeFile, ...] = tuple(_each_play_once(found))

    def __len__(self) -> int:
        return len(self.files)

    def _open_all(self) -> Iterator[EpisodeFile]:
        """Open all files in the order of their names."""
        found = sorted((file.name, file) for path in self.paths for file in path.glob("ep-*.arrow"))
        for _, path in found:
            try:
                yield _open(path)
            except CorruptFileError as error:
                if not self._skip_damaged:
                    raise
                self.damaged += (error,)
                warnings.warn(f"A damaged episode is left out. {error}", stacklevel=4)

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
        """Write `manifest.json` beside the episodes and return its path.

        Raises:
            ValueError: when the store is several directories, each of which has a manifest of its own.
        """
        if len(self.paths) > 1:
            raise ValueError(
                explain(expected="a store of one directory", got=f"{len(self.paths)} of them", fix="Open each alone.")
            )
        path = self.path / MANIFEST
        write_atomically(path, (json.dumps(self.manifest, indent=1) + "\n").encode())
        return path


def _directories(path: str | Path | Sequence[str | Path]) -> tuple[Path, ...]:
    paths = tuple(Path(part) for part in ([path] if isinstance(path, (str, Path)) else path))
    for part in paths or (Path("no directory at all"),):
        if not part.is_dir():
            raise ValueError(
                explain(expected="a directory of episodes", got=str(part), fix="Make one with rmr_gym.data.collect().")
            )
    return paths


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


def _each_play_once(files: Iterable[EpisodeFile]) -> Iterator[EpisodeFile]:
    """Leave out what is there twice.

    Raises:
        ValueError: when two files hold different parts of one play.
    """
    plays: defaultdict[object, list[EpisodeFile]] = defaultdict(list)
    for file in files:
        # Seed, number and player decide a play, but episodes that others recorded may share all three by chance.
        others = plays[file.metadata.play]
        if any(_equal_rows(file, other) for other in others):
            continue
        for other in others:
            if _one_play(file, other):
                raise ValueError(
                    explain(
                        expected="every play in one episode",
                        got=f"two parts of the same play in {other.path} and {file.path}",
                        fix="Leave one of their directories out, or collect one of them with another seed.",
                    )
                )
        others.append(file)
        yield file


def _equal_rows(one: EpisodeFile, other: EpisodeFile) -> bool:
    same = np.array_equal(one.abstract, other.abstract) and np.array_equal(one.actions, other.actions)
    return same and one.metadata.first_step == other.metadata.first_step


def _one_play(one: EpisodeFile, other: EpisodeFile) -> bool:
    """Say whether the longer of two histories begins with the shorter one."""
    first, second = _history(one), _history(other)
    length = min(len(first), len(second))
    return np.array_equal(first[:length], second[:length])


def _history(file: EpisodeFile) -> NDArray[Any]:
    """Return what tells a play from others: the actions of a game from its start on, the start of balls."""
    if isinstance(file.metadata, EpisodeMetadata):
        return np.concatenate([np.array(file.metadata.lead_in, dtype=np.uint8), file.actions])
    return file.abstract[:1]


def _check_alike(first: EpisodeFile, other: EpisodeFile) -> None:
    ours, theirs = first.metadata.origin, other.metadata.origin
    for name, expected in ours.items():
        if expected != theirs.get(name):
            raise ValueError(
                explain(
                    expected=f"one {name} in all episodes, as in {first.path}: {expected}",
                    got=f"{theirs.get(name)} in {other.path}",
                    fix="Keep data of different games, worlds and preprocessing in different directories.",
                )
            )
