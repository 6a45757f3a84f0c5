from __future__ import annotations

import numpy as np
import pytest

from rmr_gym.evaluation.ram_motion import Motion, coordinate
from rmr_gym.seeding import numpy_generator

STEPS = 400


def motion(columns: np.ndarray, rows: np.ndarray, byte: np.ndarray) -> Motion:
    """One byte that changes at every step to the given value, and where pixels move then."""
    before = np.zeros((STEPS, 128), np.uint8)
    after = before.copy()
    after[:, 7] = byte
    before[:, 7] = byte ^ 1
    moved = [np.zeros((STEPS, size), bool) for size in (160, 210)]
    for places, where in zip((columns, rows), moved, strict=True):
        for width in range(3):  # a sprite is not a point
            inside = (places + width >= 0) & (places + width < where.shape[1])
            where[np.flatnonzero(inside), (places + width)[inside]] = True
    return Motion(columns=moved[0], rows=moved[1], before=before, after=after)


@pytest.mark.parametrize(
    ("axis", "scale", "offset"),
    [("column", 1, -40), ("column", -1, 150), ("row", 1, 9), ("row", 2, 15), ("row", -2, 200)],
)
def test_the_line_from_a_byte_to_the_screen_is_found_among_other_motion(axis: str, scale: int, offset: int) -> None:
    generator = numpy_generator(0, "motion")
    byte = generator.integers(45, 95, STEPS)
    somewhere = generator.integers(0, 150, STEPS)
    here = scale * byte + offset
    found = coordinate(motion(here, somewhere, byte) if axis == "column" else motion(somewhere, here, byte), 7)
    assert found is not None
    assert (found.axis, found.scale) == (axis, scale)
    assert found.offset in (offset, offset + 1, offset + 2)  # any place on the sprite
    assert found.share == 1.0
    assert found.score > 0.9


def test_motion_that_a_byte_says_nothing_about_scores_low() -> None:
    generator = numpy_generator(0, "motion")
    byte, columns, rows = (generator.integers(0, high, STEPS) for high in (100, 150, 200))
    found = coordinate(motion(columns, rows, byte), 7)
    assert found is not None
    assert found.score < 0.15


def test_motion_everywhere_is_no_evidence() -> None:
    byte = np.arange(STEPS) % 100
    everywhere = motion(byte, byte, byte)
    everywhere.columns[:], everywhere.rows[:] = True, False
    found = coordinate(everywhere, 7)
    assert found is not None
    assert (found.share, found.chance) == (1.0, 1.0) or found.score < 0.1
    assert found.score < 0.1


def test_bytes_that_hardly_change_or_take_few_values_have_no_place() -> None:
    byte = np.arange(STEPS) % 100
    seen = motion(byte, byte, byte)
    assert coordinate(seen, 8) is None
    assert coordinate(motion(byte, byte, np.where(byte % 2, 3, 6)), 7) is None
