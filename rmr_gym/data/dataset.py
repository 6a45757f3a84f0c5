"""Random access to the transitions and windows of recorded episodes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike, NDArray

from rmr_gym.counts import as_count
from rmr_gym.data.duplicates import DuplicateFrames, count_duplicates
from rmr_gym.data.metadata import BallsEpisodeMetadata
from rmr_gym.data.pictures import PictureDecoder
from rmr_gym.data.records import FrameBatch, TransitionBatch, WindowBatch
from rmr_gym.data.rows import Rows, checked_indices
from rmr_gym.data.split import split_episodes
from rmr_gym.data.store import EpisodeStore
from rmr_gym.envs.balls_config import BallsConfig
from rmr_gym.errors import explain


class TransitionDataset:
    """Transitions (observation, action, next observation) by index, none of them across the end of an episode.

    Frames stay compressed in the mapped files and are decoded when asked for, gray or in colour and at any size, by the
    functions that `make_atari` uses; the abstract side of all frames is held in memory (61 MB of RAM for 480,000 frames
    of a game). Indices run over the transitions of the split in the order of the episodes; drawing batches is left to
    the caller.

    Games have `ram`, `batch`, `frames` and `ram_transitions`, and work as a map-style dataset of
    `torch.utils.data.DataLoader` too, but `batch` in the training process is quicker. Bouncing balls, whose velocity no
    single frame shows, have `states`, `windows` and `state_windows` instead.

    Args:
        path: directory of an `EpisodeStore`, or several that open as one.
        split: "train" and "validation" are disjoint sets of whole episodes, see `split_episodes`; "all" is both.
        validation_fraction: share of the episodes for validation, in 0..1 (exclusive).
        split_seed: seed of the choice of episodes; the same for all halves and arms that are to fit together.
        size: height and width of the pictures in pixels; None keeps the native ones, 210 x 160 or 64 x 64.
        gray: one luminance channel instead of red, green, blue.
        history: consecutive frames of a window before the one to be predicted (paper, appendix A: 3).
        skip_damaged: leave out damaged episodes with a warning that names each, see `EpisodeStore`.

    Raises:
        ValueError: when there are too few or too short episodes, or an argument is out of range.
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
        path: str | Path | Sequence[str | Path],
        *,
        split: str = "train",
        validation_fraction: float = 0.25,
        split_seed: int = 0,
        size: tuple[int, int] | None = None,
        gray: bool = True,
        history: int = 1,
        skip_damaged: bool = False,
    ) -> None:
        self.store = EpisodeStore(path, skip_damaged=skip_damaged)
        if not len(self.store):
            raise ValueError(
                explain(expected="at least one episode", got=f"none in {path}", fix="Call collect() first.")
            )
        chosen = self._choose(split, validation_fraction, split_seed)
        self.episode_indices: NDArray[np.int64] = np.flatnonzero(chosen)
        """Positions in `store.episodes` of the episodes of this split."""
        files = [self.store.files[index] for index in self.episode_indices]
        self._decoder = PictureDecoder(files, size=size, gray=gray)
        self._layout = files[0].layout
        self._rows = Rows([file.num_rows for file in files], history=history)
        self.frame_episode: NDArray[np.int64] = self.episode_indices[self._rows.episode]
        """Position in `store.episodes` of the episode of every frame, `(num_frames,)`."""
        self._abstract: NDArray[Any] = np.concatenate([file.abstract for file in files])
        self._action = np.concatenate([file.actions for file in files]).astype(np.int64)
        self._terminated = np.concatenate([file.terminated for file in files])
        checksums = [file.sha256 for file in files]
        self.fingerprint = hashlib.sha256("\n".join([split, *checksums]).encode()).hexdigest()
        """Checksum of what the split holds: its name and the content of its episodes, in the order of their numbers.

        Size, colour and the directories in which they lie make no difference."""

    def __len__(self) -> int:
        return len(self._rows.transitions)

    @property
    def num_frames(self) -> int:
        """Number of frames, the last of each episode included."""
        return len(self._rows)

    @property
    def num_windows(self) -> int:
        """Number of windows; with a history of one as many as transitions."""
        return len(self._rows.windows)

    @property
    def history(self) -> int:
        """Frames of a window before the one to be predicted."""
        return self._rows.history

    @property
    def ram(self) -> NDArray[np.uint8]:
        """Memory behind every frame of the split, `(num_frames, 128)`."""
        return self._side("ram", "a data set of a game for ram, batch() and frames()", "Use states and windows().")

    @property
    def states(self) -> NDArray[np.float32]:
        """Positions of the balls in every frame of the split, metres, `(num_frames, ball, 2)`."""
        return self._side("state", "a data set of bouncing balls for states and windows()", "Use ram and batch().")

    @property
    def balls(self) -> BallsConfig:
        """Parameters of the world of bouncing balls that was recorded."""
        _ = self.states
        metadata = self.store.episodes[0]
        assert isinstance(metadata, BallsEpisodeMetadata), "checked by states"
        return metadata.config

    def batch(self, indices: ArrayLike, *, pixels: bool = True) -> TransitionBatch:
        """Read transitions of a game.

        Args:
            indices: integers in 0..len(self) - 1, in any order, repeated or not.
            pixels: whether to decode the pictures; without them a batch is a thousand times quicker.

        Returns:
            The transitions in the order of the indices.

        Raises:
            IndexError: when an index is out of range or no integer.
            ValueError: when the data are not of a game.
            CorruptFileError: when a frame is damaged.
        """
        ram = self.ram
        chosen = checked_indices(indices, len(self), "Draw indices below len(dataset).")
        rows = self._rows.transitions[chosen]
        return TransitionBatch(
            pixels=self._decode(rows) if pixels else None,
            ram=ram[rows],
            action=self._action[chosen],
            next_pixels=self._decode(rows + 1) if pixels else None,
            next_ram=ram[rows + 1],
            terminated=self._terminated[chosen],
        )

    def frames(self, indices: ArrayLike, *, pixels: bool = True) -> FrameBatch:
        """Read single frames of a game, those at the end of an episode included.

        Args:
            indices: integers in 0..num_frames - 1.
            pixels: whether to decode the pictures.

        Returns:
            The frames in the order of the indices.

        Raises:
            IndexError: when an index is out of range or no integer.
            ValueError: when the data are not of a game.
            CorruptFileError: when a frame is damaged.
        """
        ram = self.ram
        rows = checked_indices(indices, self.num_frames, "Draw indices below num_frames.")
        return FrameBatch(
            pixels=self._decode(rows) if pixels else None, ram=ram[rows], episode=self.frame_episode[rows]
        )

    def windows(self, indices: ArrayLike, *, pixels: bool = True) -> WindowBatch:
        """Read windows of bouncing balls: `history` consecutive frames and the one after them.

        Args:
            indices: integers in 0..num_windows - 1, in any order, repeated or not.
            pixels: whether to decode the pictures.

        Returns:
            The windows in the order of the indices.

        Raises:
            IndexError: when an index is out of range or no integer.
            ValueError: when the data are not of bouncing balls, or were recorded without the pictures asked for.
            CorruptFileError: when a frame is damaged.
        """
        states = self.states
        chosen = checked_indices(indices, self.num_windows, "Draw indices below num_windows.")
        rows = self._rows.windows[chosen][:, None] + np.arange(self.history + 1)
        pictures = self._decode_windows(rows) if pixels else None
        return WindowBatch(
            pixels=None if pictures is None else pictures[:, :-1],
            state=states[rows[:, :-1]],
            next_pixels=None if pictures is None else pictures[:, -1],
            next_state=states[rows[:, -1]],
        )

    def ram_transitions(self) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.uint8]]:
        """Return the RAM before, the ALE action values and the RAM after all transitions of the split, as copies."""
        ram, rows = self.ram, self._rows.transitions
        return ram[rows], self._action.copy(), ram[rows + 1]

    def state_windows(self, num_steps: int = 1) -> NDArray[np.float32]:
        """Return the positions in all windows of the split, as a copy: 320 bytes for four states of ten balls.

        Args:
            num_steps: states after the `history` that are to be predicted; windows of more are fewer.

        Returns:
            Metres, float32 `(window, history + num_steps, ball, 2)`, with one step as many as `num_windows`.

        Raises:
            ValueError: when the data are not of bouncing balls, or no episode is long enough.
        """
        states, length = self.states, self.history + as_count("num_steps", num_steps)
        first = self._rows.followed_by(length - 1)
        if not len(first):
            got = f"windows of {length}"
            raise ValueError(explain(expected="an episode as long as a window", got=got, fix="Lower num_steps."))
        rolling = sliding_window_view(states, length, axis=0)[first]
        return np.ascontiguousarray(np.moveaxis(rolling, -1, 1))

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

    def _side(self, name: str, expected: str, fix: str) -> NDArray[Any]:
        """Return the abstract side of all frames if that is its name."""
        if self._layout.abstract_name != name:
            got = f"{self.store.path} of the world {self.store.episodes[0].world!r}"
            raise ValueError(explain(expected=expected, got=got, fix=fix))
        return self._abstract

    def _decode(self, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Decode frames to `(batch, channel, height, width)`."""
        return self._decoder.decode(self._rows.episode[rows], self._rows.place[rows])

    def _decode_windows(self, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Decode frames `(batch, time)` to `(batch, time, channel, height, width)`."""
        pictures = self._decode(rows.reshape(-1))
        return pictures.reshape(*rows.shape, *pictures.shape[1:])
