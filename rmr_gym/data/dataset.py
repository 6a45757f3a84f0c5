"""Random access to the transitions of recorded episodes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import zstandard
from numpy.typing import ArrayLike, NDArray

from rmr_gym.data.duplicates import DuplicateFrames, count_duplicates
from rmr_gym.data.records import FrameBatch, TransitionBatch
from rmr_gym.data.split import split_episodes
from rmr_gym.data.store import EpisodeStore
from rmr_gym.envs.frames import check_size, resize_frame, to_gray
from rmr_gym.envs.games import SCREEN_SHAPE
from rmr_gym.errors import explain


class TransitionDataset:
    """Transitions (observation, action, next observation) by index, none of them across the end of an episode.

    Frames stay compressed in the mapped files and are decoded when asked for, gray or in colour and at any size, by the
    functions that `make_atari` uses; the RAM of all frames is held in memory (61 MB for 480,000 frames). Indices run
    over the transitions of the split in the order of the episodes; drawing batches is left to the caller. It works as
    a map-style dataset of `torch.utils.data.DataLoader` too, but `batch` in the training process is quicker.

    Args:
        path: directory of an `EpisodeStore`.
        split: "train" and "validation" are disjoint sets of whole episodes, see `split_episodes`; "all" is both.
        validation_fraction: share of the episodes for validation, in 0..1 (exclusive).
        split_seed: seed of the choice of episodes; the same for all halves and arms that are to fit together.
        size: height and width of the pictures in pixels; None keeps the native 210 x 160.
        gray: one luminance channel instead of red, green, blue.

    Raises:
        ValueError: when there are too few episodes or an argument is out of range.
        CorruptFileError: when a file is damaged.

    Example:
        >>> import tempfile
        >>> from rmr_gym.data import collect
        >>> folder = tempfile.TemporaryDirectory()
        >>> store = collect(folder.name, "pong", num_episodes=4, max_steps_per_episode=5)
        >>> dataset = TransitionDataset(folder.name, split="train", size=(84, 84))
        >>> batch = dataset.batch([0, 14])
        >>> len(dataset), dataset.num_frames, batch.pixels.shape, batch.ram.shape
        (15, 18, (2, 1, 84, 84), (2, 128))
        >>> folder.cleanup()
    """

    def __init__(
        self,
        path: str | Path,
        *,
        split: str = "train",
        validation_fraction: float = 0.25,
        split_seed: int = 0,
        size: tuple[int, int] | None = None,
        gray: bool = True,
    ) -> None:
        self.store = EpisodeStore(path)
        palette = self.store.palette
        channels = [to_gray(palette)] if gray else list(palette.T)
        self._tables = [channel.tobytes() for channel in channels]  # for bytes.translate, twice as quick as np.take
        self._size = SCREEN_SHAPE if size is None else check_size(size)
        chosen = self._choose(split, validation_fraction, split_seed)
        self.episode_indices: NDArray[np.int64] = np.flatnonzero(chosen)
        """Positions in `store.episodes` of the episodes of this split."""
        self._files = [self.store.files[index] for index in self.episode_indices]
        lengths = np.array([file.num_rows for file in self._files], dtype=np.int64)
        starts = np.cumsum(lengths) - lengths
        self._shard = np.repeat(np.arange(len(lengths)), lengths)
        self._row = np.arange(lengths.sum()) - np.repeat(starts, lengths)
        self._transitions = np.flatnonzero(self._row < np.repeat(lengths, lengths) - 1)
        self.frame_episode: NDArray[np.int64] = self.episode_indices[self._shard]
        """Position in `store.episodes` of the episode of every frame, `(num_frames,)`."""
        self.ram: NDArray[np.uint8] = np.concatenate([file.ram for file in self._files])
        """Memory behind every frame of the split, `(num_frames, 128)`."""
        self._action = np.concatenate([file.actions for file in self._files]).astype(np.int64)
        self._terminated = np.concatenate([file.terminated for file in self._files])
        checksums = [file.sha256 for file in self._files]
        self.fingerprint = hashlib.sha256("\n".join([split, *checksums]).encode()).hexdigest()
        """Checksum of what the split holds: its name and the content of its episodes, whatever the size and colour."""

    def __len__(self) -> int:
        return len(self._transitions)

    @property
    def num_frames(self) -> int:
        """Number of frames, the last of each episode included."""
        return len(self._row)

    def batch(self, indices: ArrayLike, *, pixels: bool = True) -> TransitionBatch:
        """Read transitions.

        Args:
            indices: integers in 0..len(self) - 1, in any order, repeated or not.
            pixels: whether to decode the pictures; without them a batch is a thousand times quicker.

        Returns:
            The transitions in the order of the indices.

        Raises:
            IndexError: when an index is out of range or no integer.
            CorruptFileError: when a frame is damaged.
        """
        chosen = _checked(indices, len(self))
        rows = self._transitions[chosen]
        return TransitionBatch(
            pixels=self._decode(rows) if pixels else None,
            ram=self.ram[rows],
            action=self._action[chosen],
            next_pixels=self._decode(rows + 1) if pixels else None,
            next_ram=self.ram[rows + 1],
            terminated=self._terminated[chosen],
        )

    def frames(self, indices: ArrayLike, *, pixels: bool = True) -> FrameBatch:
        """Read single frames, those at the end of an episode included.

        Args:
            indices: integers in 0..num_frames - 1.
            pixels: whether to decode the pictures.

        Returns:
            The frames in the order of the indices.

        Raises:
            IndexError: when an index is out of range or no integer.
            CorruptFileError: when a frame is damaged.
        """
        rows = _checked(indices, self.num_frames)
        return FrameBatch(
            pixels=self._decode(rows) if pixels else None, ram=self.ram[rows], episode=self.frame_episode[rows]
        )

    def ram_transitions(self) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.uint8]]:
        """Return the RAM before, the ALE action values and the RAM after all transitions of the split, as copies."""
        rows = self._transitions
        return self.ram[rows], self._action.copy(), self.ram[rows + 1]

    def __getitem__(self, index: int) -> dict[str, NDArray[np.generic]]:
        """Return one transition as a mapping of arrays without the batch axis, as `DataLoader` collates them."""
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: Sequence[int]) -> list[dict[str, NDArray[np.generic]]]:
        """Return several transitions, decoded at once."""
        batch = self.batch(indices)
        return [
            {name: np.asarray(getattr(batch, name)[place]) for name in TransitionBatch.__dataclass_fields__}
            for place in range(len(batch.ram))
        ]

    def duplicate_frame_fraction(self) -> DuplicateFrames:
        """Count the pictures of this split that occur more than once, within it and in the rest of the store."""
        return count_duplicates(self.store, self.episode_indices)

    def _choose(self, split: str, validation_fraction: float, seed: int) -> NDArray[np.bool_]:
        if split not in ("train", "validation", "all"):
            raise ValueError(
                explain(expected="a split out of train, validation, all", got=split, fix='Pass split="train".')
            )
        if split == "all":
            return np.ones(len(self.store), dtype=np.bool_)
        skills = [episode.skill for episode in self.store.episodes]
        validation = split_episodes(skills, validation_fraction=validation_fraction, seed=seed)
        return validation if split == "validation" else ~validation

    def _decode(self, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Decode frames to `(batch, channel, height, width)`."""
        decompressor = zstandard.ZstdDecompressor()  # one per call, because one object must not serve two threads
        pixels = np.empty((len(rows), len(self._tables), *self._size), dtype=np.uint8)
        for place, (shard, row) in enumerate(zip(self._shard[rows].tolist(), self._row[rows].tolist(), strict=True)):
            screen = self._files[shard].screen(row, decompressor)
            for channel, table in enumerate(self._tables):
                picture = np.frombuffer(screen.translate(table), dtype=np.uint8).reshape(SCREEN_SHAPE)
                pixels[place, channel] = self._resized(picture)
        return pixels

    def _resized(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return picture if self._size == SCREEN_SHAPE else resize_frame(picture, self._size)


def _checked(indices: ArrayLike, length: int) -> NDArray[np.int64]:
    array = np.asarray(indices)
    if array.size == 0:
        array = array.astype(np.int64)
    if array.ndim != 1 or not np.issubdtype(array.dtype, np.integer) or (array < 0).any() or (array >= length).any():
        raise IndexError(
            explain(
                expected=f"a one-dimensional array of integers in 0..{length - 1}",
                got=f"{array.dtype} of shape {array.shape}"
                + (f", {array.min()} to {array.max()}" if array.size else ""),
                fix="Draw indices below len(dataset), or below num_frames for frames().",
            )
        )
    return array.astype(np.int64)
