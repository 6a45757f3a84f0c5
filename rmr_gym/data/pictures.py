"""From compressed rows of episode files to pictures for a network."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import zstandard
from numpy.typing import NDArray

from rmr_gym.data.metadata import EpisodeMetadata
from rmr_gym.data.reader import EpisodeFile
from rmr_gym.envs.frames import check_size, resize_frame, to_gray
from rmr_gym.errors import explain


class PictureDecoder:
    """Decodes the pictures of some episodes, gray or in colour and at any size.

    Args:
        files: episodes of one store, at least one.
        size: height and width in pixels; None keeps the native ones.
        gray: one luminance channel instead of red, green, blue.

    Raises:
        ValueError: when `size` is not two positive integers.
    """

    def __init__(self, files: Sequence[EpisodeFile], *, size: tuple[int, int] | None, gray: bool) -> None:
        self._files = files
        self._native = files[0].layout.screen_shape
        self._size = None if size is None else check_size(size)
        self._gray = gray
        self._tables: list[bytes] = []
        metadata = files[0].metadata
        if isinstance(metadata, EpisodeMetadata):
            channels = [to_gray(metadata.palette)] if gray else list(metadata.palette.T)
            self._tables = [channel.tobytes() for channel in channels]  # for bytes.translate, twice as quick as np.take

    def decode(self, episodes: NDArray[np.int64], rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Decode frames.

        Args:
            episodes: places in `files`, `(batch,)`.
            rows: frames of these episodes, `(batch,)`.

        Returns:
            uint8 `(batch, channel, height, width)`, fresh.

        Raises:
            ValueError: when the episodes were recorded without pictures.
            CorruptFileError: when a frame is damaged.
        """
        if self._native is None:
            raise ValueError(
                explain(
                    expected="episodes with pictures",
                    got=f"{self._files[0].path.parent}, recorded without",
                    fix="Pass pixels=False, or collect with pixels=True into another directory.",
                )
            )
        decompressor = zstandard.ZstdDecompressor()  # one per call, because one object must not serve two threads
        height, width = self._size or self._native[:2]
        pixels = np.empty((len(rows), 1 if self._gray else 3, height, width), dtype=np.uint8)
        for place, (episode, row) in enumerate(zip(episodes.tolist(), rows.tolist(), strict=True)):
            screen = self._files[episode].screen(row, decompressor)
            if self._tables:
                self._fill_from_indices(pixels[place], screen, self._native)
            else:
                self._fill_from_colors(pixels[place], screen, self._native)
        return pixels

    def _fill_from_indices(self, out: NDArray[np.uint8], screen: bytes, shape: tuple[int, ...]) -> None:
        for channel, table in enumerate(self._tables):
            out[channel] = self._resized(np.frombuffer(screen.translate(table), dtype=np.uint8).reshape(shape))

    def _fill_from_colors(self, out: NDArray[np.uint8], screen: bytes, shape: tuple[int, ...]) -> None:
        picture = np.frombuffer(screen, dtype=np.uint8).reshape(shape)
        if self._gray:
            out[0] = self._resized(to_gray(picture))
        else:
            out[:] = self._resized(picture).transpose(2, 0, 1)

    def _resized(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return picture if self._size in (None, picture.shape[:2]) else resize_frame(picture, self._size)
