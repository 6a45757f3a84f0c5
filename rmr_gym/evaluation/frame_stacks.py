"""Frames together with those before them, as an agent behind a frame stack saw them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int, UInt8

from rmr_gym.data import TransitionDataset
from rmr_gym.data.rows import checked_indices
from rmr_gym.errors import explain


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class StackBatch:
    """Some stacks of consecutive pictures."""

    pixels: UInt8[np.ndarray, "batch stack channel height width"]
    """Pictures, the oldest first; black where there is none."""


class FrameStacks:
    """Reads each frame of a game with its predecessors in the same episode.

    An episode begins with a stack that holds its first picture alone, last, and black before it: that is what
    `VecFrameStack` of Stable-Baselines3 shows an agent. Recorded episodes are windows, and most of them begin in the
    middle of play. The pictures before the window are not stored; in their place stands the oldest one that is, since
    an agent in the middle of a game sees no black pictures. That concerns the first `num_frames - 1` rows of a window.

    Args:
        dataset: of a game, with the size and the colours that are wanted.
        num_frames: pictures of a stack, the frame itself included.
        black_start: whether an episode begins with black pictures; else with its first one, several times, as
            Gymnasium's `FrameStackObservation` does.

    Raises:
        ValueError: when `num_frames` is not positive.

    Example:
        >>> import tempfile
        >>> from rmr_gym.data import collect
        >>> folder = tempfile.TemporaryDirectory()
        >>> store = collect(folder.name, "pong", num_episodes=1, max_steps_per_episode=5)
        >>> stacks = FrameStacks(TransitionDataset(folder.name, split="all", size=(84, 84)), 4)
        >>> stacks.frames(np.array([5, 0])).pixels.shape
        (2, 4, 1, 84, 84)
        >>> folder.cleanup()
    """

    def __init__(self, dataset: TransitionDataset, num_frames: int, *, black_start: bool = True) -> None:
        if num_frames < 1:
            raise ValueError(explain(expected="a stack of at least one frame", got=num_frames, fix="Pass 4."))
        self._dataset, self._num_frames = dataset, num_frames
        episodes = dataset.frame_episode  # one run per episode, in ascending order
        self._first_row: Int[np.ndarray, " frame"] = np.searchsorted(episodes, episodes)
        begins = np.array([episode.first_step == 0 for episode in dataset.store.episodes])
        self._black: Bool[np.ndarray, " frame"] = begins[episodes] & black_start

    def frames(self, indices: Int[np.ndarray, " batch"]) -> StackBatch:
        """Read stacks.

        Args:
            indices: frames of the data set, each the last one of a stack.

        Returns:
            The stacks in the order of the indices.

        Raises:
            IndexError: when an index is out of range.
            ValueError: when the data are not of a game.
            CorruptFileError: when a frame is damaged.
        """
        indices = checked_indices(indices, self._dataset.num_frames, "Draw indices below num_frames.")
        rows = indices[:, None] - np.arange(self._num_frames)[::-1]
        first = self._first_row[indices][:, None]
        is_before = rows < first
        # Neighbours share most of their pictures; each is decoded once.
        needed, places = np.unique(np.maximum(rows, first), return_inverse=True)
        pixels = self._dataset.frames(needed).pixels
        assert pixels is not None, "pixels were asked for"
        stacks = pixels[places.reshape(rows.shape)]
        stacks[is_before & self._black[indices][:, None]] = 0
        return StackBatch(pixels=stacks)
