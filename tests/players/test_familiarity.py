"""Counts of the values of bytes."""

from __future__ import annotations

import numpy as np
import pytest

from rmr_gym.players.familiarity import Familiarity


def test_novelty_is_the_mean_over_the_bytes_that_matter_by_hand() -> None:
    seen = Familiarity(num_bytes=3)
    assert seen.novelty(np.array([0, 255, 9], np.uint8)) == 0.0, "nothing is known to matter"
    seen.compare(np.array([0, 255, 9], np.uint8), np.array([1, 255, 9], np.uint8))
    seen.compare(np.array([0, 255, 9], np.uint8), np.array([0, 254, 9], np.uint8))
    assert seen.novelty(np.array([0, 255, 9], np.uint8)) == 1.0
    for value in (4, 4, 4, 5):
        seen.add(np.array([value, 255, 9], np.uint8))
    fine = (1 / np.sqrt(1 + 3) + 1 / np.sqrt(1 + 4)) / 2
    coarse = 1 / np.sqrt(1 + 4)
    assert seen.novelty(np.array([4, 255, 8], np.uint8)) == pytest.approx(0.75 * coarse + 0.25 * fine)
    assert seen.novelty(np.array([15, 240, 8], np.uint8)) == pytest.approx(0.75 * coarse + 0.25)
    assert seen.novelty(np.array([255, 4, 9], np.uint8)) == 1.0, "what one byte was says nothing about another"
