"""The picture of a game with the memory behind it: every bit, what changed, and what was read off the pictures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw, ImageFont

_SCALE = 3
"""Pixels of the video for each of the console."""

_COLUMNS, _BIT, _LINE = 8, 8, 19
"""Bytes in a row of the panel; width of a bit and height of a row in pixels."""

_MARGIN, _LABEL, _GAP, _TITLE = 12, 30, 10, 26
_BACKGROUND, _TEXT, _QUIET = (16, 18, 22), (225, 228, 232), (120, 126, 134)
_ZERO, _ONE = (44, 49, 57), (196, 203, 212)
_CHANGED_ZERO, _CHANGED_ONE = (112, 66, 8), (255, 176, 46)
_WRONG_ZERO, _WRONG_ONE = (118, 24, 30), (255, 92, 92)
_UNREAD = (26, 29, 34)


class RamPanel:
    """Draws frames of a video.

    Beside the game stand all 128 bytes, eight to a row, each bit a cell, the most significant first, light for 1; the
    bits of a byte that changed since the frame before are orange. Below, where there is a prediction, the same bytes as
    a probe read them off the picture, bits that it got wrong in red; bytes that hardly vary are not read.

    Args:
        reads: addresses of the bytes that are predicted; empty for none.
        source: what they are read off, for the heading.
    """

    def __init__(self, reads: Sequence[int] = (), source: str = "") -> None:
        self._reads, self._source = list(reads), source
        self._font, self._small = ImageFont.load_default(size=14), ImageFont.load_default(size=11)
        self._left = 160 * _SCALE + 2 * _MARGIN
        cell = 8 * _BIT + _GAP
        width = self._left + _LABEL + _COLUMNS * cell - _GAP + _MARGIN
        # Video codecs want even sides.
        self.size = (width + width % 2, 2 * (_TITLE + 16 * _LINE) + 3 * _MARGIN)

    def draw(
        self,
        frame: UInt8[np.ndarray, "height width 3"],
        ram: UInt8[np.ndarray, " slot"],
        before: UInt8[np.ndarray, " slot"] | None,
        predicted: UInt8[np.ndarray, " read"] | None,
        *,
        caption: str,
    ) -> UInt8[np.ndarray, "out_height out_width 3"]:
        """Draw one frame.

        Args:
            frame: of the console, RGB.
            ram: its 128 bytes.
            before: those of the frame before; None at the start.
            predicted: the bytes that were read, in the order of `reads`.
            caption: stands below the game.
        """
        image = Image.new("RGB", self.size, _BACKGROUND)
        pen = ImageDraw.Draw(image)
        height, width = frame.shape[:2]
        picture = Image.fromarray(frame).resize((width * _SCALE, height * _SCALE), Image.Resampling.NEAREST)
        image.paste(picture, (_MARGIN, _MARGIN))
        pen.text((_MARGIN, self.size[1] - _TITLE), caption, _TEXT, self._font)
        changed = np.zeros(len(ram), bool) if before is None else ram != before
        self._title(pen, 0, f"RAM: {changed.sum()} of {len(ram)} bytes changed (orange)")
        true = np.unpackbits(ram[:, None], axis=1)
        for slot in range(len(ram)):
            colours = (_CHANGED_ZERO, _CHANGED_ONE) if changed[slot] else (_ZERO, _ONE)
            self._byte(pen, slot, 0, [colours[bit] for bit in true[slot]])
        self._labels(pen, 0)
        if predicted is not None:
            self._draw_read(pen, true, np.unpackbits(predicted[:, None], axis=1))
        return np.asarray(image)

    def _draw_read(
        self, pen: ImageDraw.ImageDraw, true: UInt8[np.ndarray, "slot 8"], read: UInt8[np.ndarray, "read 8"]
    ) -> None:
        wrong = read != true[self._reads]
        share = 100 * (1 - wrong.mean())
        self._title(pen, 1, f"Read off {self._source}: {share:.1f} % of {wrong.size} bits right (wrong ones red)")
        rows = dict(zip(self._reads, range(len(read)), strict=True))
        for slot in range(len(true)):
            if slot not in rows:
                self._byte(pen, slot, 1, [_UNREAD] * 8)
                continue
            bits, errors = read[rows[slot]], wrong[rows[slot]]
            colours = [
                ((_WRONG_ZERO, _WRONG_ONE) if error else (_ZERO, _ONE))[bit]
                for bit, error in zip(bits, errors, strict=True)
            ]
            self._byte(pen, slot, 1, colours)
        self._labels(pen, 1)

    def _top(self, half: int) -> int:
        return _MARGIN + half * (_TITLE + 16 * _LINE + _MARGIN)

    def _title(self, pen: ImageDraw.ImageDraw, half: int, text: str) -> None:
        pen.text((self._left, self._top(half)), text, _TEXT, self._font)

    def _labels(self, pen: ImageDraw.ImageDraw, half: int) -> None:
        for row in range(16):
            top = self._top(half) + _TITLE + row * _LINE
            pen.text((self._left, top), f"{row * _COLUMNS:02X}", _QUIET, self._small)

    def _byte(self, pen: ImageDraw.ImageDraw, slot: int, half: int, colours: Sequence[tuple[int, int, int]]) -> None:
        row, column = divmod(slot, _COLUMNS)
        left = self._left + _LABEL + column * (8 * _BIT + _GAP)
        top = self._top(half) + _TITLE + row * _LINE
        for bit, colour in enumerate(colours):
            x = left + bit * _BIT
            pen.rectangle((x, top, x + _BIT - 2, top + _LINE - 5), fill=colour)
