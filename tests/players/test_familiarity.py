"""Counts of the values of bytes."""

from __future__ import annotations

import numpy as np
import pytest

from rmr_gym.players import PlaceBytes
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


def test_novelty_counts_places_by_hand() -> None:
    seen = Familiarity(num_bytes=4, place=PlaceBytes(room=(3,), position=(0, 1)))
    assert seen.novelty(np.array([8, 16, 0, 5], np.uint8)) == 0.75, "no byte is known to matter, but the place is new"
    seen.compare(np.array([0, 0, 0, 0], np.uint8), np.array([0, 0, 1, 0], np.uint8))
    for _ in range(3):
        seen.add(np.array([8, 16, 0, 5], np.uint8))
    of_bytes = 1 / np.sqrt(1 + 3)
    for there in ([8, 16], [15, 23]):
        same_square = np.array([*there, 0, 5], np.uint8)
        assert seen.novelty(same_square) == pytest.approx(0.75 / np.sqrt(1 + 3) + 0.25 * of_bytes)
    for elsewhere in ([16, 16, 0, 5], [8, 24, 0, 5], [8, 16, 0, 4], [16, 8, 0, 5]):
        assert seen.novelty(np.array(elsewhere, np.uint8)) == pytest.approx(0.75 + 0.25 * of_bytes)


def test_place_of_a_room_or_a_position_alone_is_enough() -> None:
    for place, other in ((PlaceBytes(room=(1,)), [0, 1]), (PlaceBytes(position=(0,)), [8, 0])):
        seen = Familiarity(num_bytes=2, place=place)
        seen.add(np.array([0, 0], np.uint8))
        assert seen.novelty(np.array([0, 0], np.uint8)) < seen.novelty(np.array(other, np.uint8)) == 0.75


def test_place_is_another_with_something_else_in_the_hands() -> None:
    seen = Familiarity(num_bytes=3, place=PlaceBytes(room=(0,), position=(1,), carried=(2,)))
    seen.add(np.array([1, 8, 0], np.uint8))
    assert seen.novelty(np.array([1, 8, 0], np.uint8)) == pytest.approx(0.75 / np.sqrt(2))
    assert seen.novelty(np.array([1, 8, 2], np.uint8)) == 0.75
