"""Counts of the values of bytes."""

from __future__ import annotations

import numpy as np
import pytest

from rmr_gym.players.familiarity import Familiarity


def test_novelty_is_the_mean_over_bytes_by_hand() -> None:
    seen = Familiarity(num_bytes=2)
    assert seen.novelty(np.array([0, 255], np.uint8)) == 1.0
    for value in (4, 4, 4, 5):
        seen.add(np.array([value, 255], np.uint8))
    expected = (1 / np.sqrt(1 + 3) + 1 / np.sqrt(1 + 4)) / 2
    assert seen.novelty(np.array([4, 255], np.uint8)) == pytest.approx(expected)
    assert seen.novelty(np.array([255, 4], np.uint8)) == 1.0, "what one byte was says nothing about another"
