"""Where frames, transitions and windows lie in episodes that are laid end to end."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rmr_gym.errors import explain


class Rows:
    """Numbers of the frames of several episodes, one episode after the other, and what begins at each.

    A window is `history` consecutive frames of one episode and the frame after them; a transition is a window with a
    history of one. Neither reaches across the start or the end of an episode.

    Args:
        lengths: number of frames of each episode, `(episode,)`.
        history: frames of a window before its last one.

    Raises:
        ValueError: when `history` is no positive integer, or no episode is long enough for a window.

    Example:
        >>> rows = Rows([4, 2, 3], history=2)
        >>> rows.transitions.tolist(), rows.windows.tolist()
        ([0, 1, 2, 4, 6, 7], [0, 1, 6])
    """

    def __init__(self, lengths: ArrayLike, *, history: int = 1) -> None:
        counts = np.asarray(lengths, dtype=np.int64)
        most = int(counts.max(initial=0)) - 1
        if type(history) is not int or not 1 <= history <= most:
            raise ValueError(
                explain(
                    expected=f"history as an integer in 1..{most}, the most transitions of an episode",
                    got=history,
                    fix="Pass history=3 for the windows of the paper, or collect longer episodes.",
                )
            )
        self.history = history
        self.episode: NDArray[np.int64] = np.repeat(np.arange(len(counts)), counts)
        """Which of the episodes each frame belongs to, `(frame,)`."""
        self.place: NDArray[np.int64] = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        """Place of each frame in its episode, `(frame,)`."""
        self._after = np.repeat(counts, counts) - self.place - 1
        self.transitions: NDArray[np.int64] = np.flatnonzero(self._after >= 1)
        """Frames at which a transition begins, `(transition,)`."""
        self.windows: NDArray[np.int64] = self.followed_by(history)
        """Frames at which a window begins, its oldest, `(window,)`."""

    def followed_by(self, num_frames: int) -> NDArray[np.int64]:
        """Return the frames after which at least `num_frames` more come in their episodes."""
        return np.flatnonzero(self._after >= num_frames)

    def __len__(self) -> int:
        return len(self.place)


def checked_indices(indices: ArrayLike, length: int, fix: str) -> NDArray[np.int64]:
    """Return indices as an array.

    Args:
        indices: integers in 0..`length` - 1.
        length: number of things to choose from.
        fix: sentence that ends the error message.

    Returns:
        int64 `(batch,)`.

    Raises:
        IndexError: when an index is out of range or no integer, or `indices` has not one axis.
    """
    array = np.asarray(indices)
    if array.size == 0:
        array = array.astype(np.int64)
    if array.ndim != 1 or not np.issubdtype(array.dtype, np.integer) or (array < 0).any() or (array >= length).any():
        raise IndexError(
            explain(
                expected=f"a one-dimensional array of integers in 0..{length - 1}",
                got=f"{array.dtype} of shape {array.shape}"
                + (f", {array.min()} to {array.max()}" if array.size else ""),
                fix=fix,
            )
        )
    return array.astype(np.int64)
