from __future__ import annotations

import math

import numpy as np
import pytest

from rmr_gym.evaluation.abstract import score_abstract, score_copy
from rmr_gym.evaluation.metrics import MaskScore, bit_f1, kept_slots, target_bits
from rmr_gym.seeding import numpy_generator

RAM = np.array([[1, 10, 0], [2, 20, 0]], dtype=np.uint8)
NEXT_RAM = np.array([[1, 11, 9], [3, 20, 9]], dtype=np.uint8)
KEPT = np.array([0, 1])


def test_score_abstract_hand_case() -> None:
    predicted = np.array([[1, 11, 0], [2, 99, 0]], dtype=np.uint8)
    overwritten = np.array([[False, True, True], [False, True, True]])
    scores = score_abstract(predicted, overwritten, RAM, NEXT_RAM, KEPT)
    assert scores.slot_accuracy == 0.5
    assert scores.changed_slot_accuracy == 0.5
    assert scores.mask == MaskScore(precision=0.5, recall=0.5)
    assert scores.bit_f1 == bit_f1(target_bits(predicted, KEPT), target_bits(NEXT_RAM, KEPT))


def test_score_abstract_of_the_truth_is_one() -> None:
    scores = score_abstract(NEXT_RAM, RAM != NEXT_RAM, RAM, NEXT_RAM, KEPT)
    assert (scores.slot_accuracy, scores.changed_slot_accuracy, scores.bit_f1.weighted) == (1.0, 1.0, 1.0)
    assert scores.mask == MaskScore(precision=1.0, recall=1.0)


def test_score_copy_gets_the_unchanged_bytes_right() -> None:
    generator = numpy_generator(0, "memory")
    ram = generator.integers(0, 256, (200, 128), dtype=np.uint8)
    next_ram = np.where(generator.random(ram.shape) < 0.1, ram ^ 255, ram)
    kept = kept_slots(next_ram)[:50]
    scores = score_copy(ram, next_ram, kept)
    assert scores.slot_accuracy == pytest.approx((ram == next_ram)[:, kept].mean())
    assert scores.changed_slot_accuracy == 0.0
    assert scores.mask == MaskScore(precision=0.0, recall=0.0)


def test_score_copy_has_no_changed_accuracy_when_nothing_changes() -> None:
    assert math.isnan(score_copy(RAM, RAM, KEPT).changed_slot_accuracy)


def test_score_abstract_refuses_a_game_in_which_nothing_varies() -> None:
    with pytest.raises(ValueError, match="at least one kept slot"):
        score_copy(RAM, NEXT_RAM, np.empty(0, np.int64))
