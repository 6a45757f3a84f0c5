"""The pictures of some steps in a row, made together of the emulated frames behind them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rmr_gym.envs.frames import pool_frames
from rmr_gym.envs.games import SCREEN_SHAPE


class FrameBatch:
    """Room for the last two emulated frames of some steps, and the pictures that they make.

    The emulator fills the processor's caches with its own. Whatever is done between two of its steps starts cold, and
    pooling one picture there costs more than pooling it among others.

    Args:
        size: number of steps, a row each.
        gray: luminance of the palette, `(256,)`, by which the two frames are pooled; None takes the last one alone.

    Example:
        >>> batch = FrameBatch(2, np.arange(256, dtype=np.uint8))
        >>> batch.earlier[:], batch.later[:] = 7, 3
        >>> batch.later[1, 0, :2] = 9, 8
        >>> batch.pictures(0, 2)[:, 0, :3]
        array([[7, 7, 7],
               [9, 8, 7]], dtype=uint8)
    """

    def __init__(self, size: int, gray: NDArray[np.uint8] | None) -> None:
        shape = (size, *SCREEN_SHAPE)
        self.earlier = np.empty(shape, dtype=np.uint8)
        """Frames before the last, palette indices `(size, 210, 160)`; pictures that are made take their place."""
        self.later = np.empty(shape, dtype=np.uint8)
        """Last frames, of the same shape; never changed here."""
        self._gray = gray

    def __len__(self) -> int:
        return len(self.later)

    def pictures(self, start: int, stop: int) -> NDArray[np.uint8]:
        """Make the pictures of some rows; making them again gives the same.

        Returns:
            Palette indices `(stop - start, 210, 160)` in the memory of this batch.
        """
        if self._gray is None:
            return self.later[start:stop]
        pictures = self.earlier[start:stop]
        # Few pixels change in a frame, so only words of eight in which one does are taken out, pooled and put back.
        earlier, later = (frames.reshape(-1).view(np.uint64) for frames in (pictures, self.later[start:stop]))
        changed = (earlier != later).nonzero()[0]
        first, second = earlier[changed].view(np.uint8), later[changed].view(np.uint8)
        gray = self._gray.take
        earlier[changed] = pool_frames(first, second, earlier_gray=gray(first), later_gray=gray(second)).view(np.uint64)
        return pictures
