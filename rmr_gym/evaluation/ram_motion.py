"""Which bytes of the RAM are coordinates: where pixels move when a byte changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float64, Int64, UInt8

from rmr_gym.data import TransitionDataset
from rmr_gym.seeding import numpy_generator

Axis = Literal["column", "row"]

_LEAST_CHANGES, _LEAST_VALUES = 50, 8
_SCALES: dict[Axis, tuple[int, ...]] = {"column": (1, -1), "row": (1, -1, 2, -2)}


@dataclass(frozen=True, kw_only=True, slots=True)
class Coordinate:
    """A straight line from the values of a byte to columns or rows of the picture."""

    axis: Axis
    """Counted from the left, or from the top."""

    scale: int
    """Pixels for each unit of the byte."""

    offset: int
    """Pixels at the value 0: place = scale * value + offset."""

    share: float
    """Share of the steps at which the byte changes and pixels move in that column or row."""

    chance: float
    """What that share would be if byte and picture had nothing to do with each other."""

    @property
    def score(self) -> float:
        """Where the share lies between chance (0) and always (1)."""
        return (self.share - self.chance) / (1 - self.chance) if self.chance < 1 else 0.0


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Motion:
    """Where pixels changed at some steps, and the RAM before and after."""

    columns: Bool[np.ndarray, "step column"]
    """Whether a pixel of a column changed."""

    rows: Bool[np.ndarray, "step row"]
    """Whether a pixel of a row changed."""

    before: UInt8[np.ndarray, "step byte"]
    """RAM before the step."""

    after: UInt8[np.ndarray, "step byte"]
    """RAM after it."""


def read_motion(dataset: TransitionDataset, *, num_steps: int = 2_000, seed: int = 0) -> Motion:
    """Compare the pictures before and after randomly drawn steps.

    Args:
        dataset: of a game, gray pictures in the size of the console, so that offsets are pixels of the screen.
        num_steps: steps to draw, fewer when there are no more.
        seed: of the draw.

    Raises:
        ValueError: when the data are not of a game or have no pictures.
    """
    chosen = numpy_generator(seed, "motion").permutation(len(dataset))[:num_steps]
    chosen.sort()
    parts = []
    for start in range(0, len(chosen), 256):
        batch = dataset.batch(chosen[start : start + 256])
        assert batch.pixels is not None, "pixels were asked for"
        assert batch.next_pixels is not None, "pixels were asked for"
        moved = (batch.pixels != batch.next_pixels).any(axis=1)
        parts.append((moved.any(axis=1), moved.any(axis=2), batch.ram, batch.next_ram))
    columns, rows, before, after = (np.concatenate(part) for part in zip(*parts, strict=True))
    return Motion(columns=columns, rows=rows, before=before, after=after)


def coordinate(motion: Motion, index: int) -> Coordinate | None:
    """Find the line along which pixels move when a byte changes.

    A byte that holds a place on the screen changes when what is there moves, and then pixels change at that place. So
    for every line the steps are counted at which they do, beside what the frequencies of both alone would give.

    Args:
        motion: see `read_motion`.
        index: place of the byte.

    Returns:
        The line with the best score; None when the byte changes too seldom or takes too few values.
    """
    changed = motion.before[:, index] != motion.after[:, index]
    values = motion.after[changed, index].astype(np.int64)
    if len(values) < _LEAST_CHANGES or len(np.unique(values)) < _LEAST_VALUES:
        return None
    moved: dict[Axis, Bool[np.ndarray, "step place"]] = {"column": motion.columns, "row": motion.rows}
    found = [_best(axis, scale, values, places[changed]) for axis, places in moved.items() for scale in _SCALES[axis]]
    return max(found, key=lambda one: one.score)


def _best(
    axis: Axis, scale: int, values: Int64[np.ndarray, " step"], moved: Bool[np.ndarray, "step place"]
) -> Coordinate:
    """Find the best offset of the lines of one slope."""
    units, counts = np.unique(values, return_counts=True)
    is_unit = values[:, None] == units
    together = is_unit.T.astype(np.float64) @ moved  # steps with a value and with motion at a place
    by_chance = counts[:, None] * moved.mean(axis=0)
    offsets = np.arange(moved.shape[1]) - scale * units[:, None]
    least = int(offsets.min())
    shares, chances = (
        np.bincount((offsets - least).ravel(), weights=table.ravel()) / len(values) for table in (together, by_chance)
    )
    scores: Float64[np.ndarray, " offset"] = (shares - chances) / np.maximum(1 - chances, 1e-9)
    best = int(scores.argmax())
    return Coordinate(
        axis=axis, scale=scale, offset=best + least, share=float(shares[best]), chance=float(chances[best])
    )
