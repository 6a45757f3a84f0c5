from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.stats import entropy

from rmr_gym.evaluation.metrics import (
    MaskScore,
    changed_slot_accuracy,
    kept_slots,
    mask_precision_recall,
    slot_accuracy,
    slot_entropy,
    target_bits,
)


def test_slot_entropy_hand_case() -> None:
    ram = np.array([[5, 0, 1], [5, 0, 2], [5, 255, 3], [5, 255, 4]], dtype=np.uint8)
    assert slot_entropy(ram) == pytest.approx([0.0, math.log(2), math.log(4)])
    assert not np.signbit(slot_entropy(ram)[0])


@given(hnp.arrays(np.uint8, st.tuples(st.integers(1, 60), st.integers(1, 6)), elements=st.integers(0, 255)))
def test_slot_entropy_equals_scipy(ram: np.ndarray) -> None:
    expected = [entropy(np.unique(column, return_counts=True)[1]) for column in ram.T]
    assert slot_entropy(ram) == pytest.approx(expected, abs=1e-12)


def test_slot_entropy_refuses_no_frames() -> None:
    with pytest.raises(ValueError, match="at least one frame"):
        slot_entropy(np.zeros((0, 128), dtype=np.uint8))


def test_kept_slots_uses_nats_and_a_strict_threshold() -> None:
    # 1 frame in 4 differs: 0.562 nats but 0.811 bits. Half and half: 0.693 nats.
    ram = np.array([[0, 7, 0], [0, 7, 1], [0, 7, 1], [9, 7, 0]], dtype=np.uint8)
    assert kept_slots(ram).tolist() == [2]
    assert kept_slots(ram, threshold=0.5).tolist() == [0, 2]
    assert kept_slots(ram, threshold=float(slot_entropy(ram)[2])).tolist() == []


def test_slot_accuracy_needs_all_eight_bits() -> None:
    true = np.zeros((2, 2, 8), dtype=np.uint8)
    predicted = true.copy()
    predicted[0, 1, 3] = 1
    assert slot_accuracy(predicted, true) == 0.75
    assert slot_accuracy(predicted.reshape(2, 16), true.reshape(2, 16)) == 0.75


def test_slot_accuracy_counts_equal_bytes() -> None:
    generator = np.random.default_rng(0)
    first, second = generator.integers(0, 3, (2, 50, 128), dtype=np.uint8)
    assert slot_accuracy(target_bits(first), target_bits(second)) == pytest.approx((first == second).mean())


@pytest.mark.parametrize("shape", [(2, 12), (2, 4, 6)])
def test_slot_accuracy_refuses_broken_slots(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"\(frame, slot, 8\)"):
        slot_accuracy(np.zeros(shape), np.zeros(shape))


def test_changed_slot_accuracy_looks_only_at_changes() -> None:
    previous = target_bits(np.array([[1, 2, 3], [4, 5, 6]], dtype=np.uint8))
    true = target_bits(np.array([[1, 9, 8], [4, 5, 7]], dtype=np.uint8))
    predicted = target_bits(np.array([[0, 9, 3], [0, 0, 7]], dtype=np.uint8))
    assert changed_slot_accuracy(predicted, true, previous) == pytest.approx(2 / 3)
    assert changed_slot_accuracy(previous, true, previous) == 0.0
    assert changed_slot_accuracy(true, true, previous) == 1.0


def test_changed_slot_accuracy_is_nan_when_nothing_changed() -> None:
    same = np.zeros((3, 8), dtype=np.uint8)
    assert math.isnan(changed_slot_accuracy(same, same, same))


def test_mask_precision_recall_hand_case() -> None:
    predicted = np.array([[1, 1, 0], [0, 1, 0]])
    true = np.array([[1, 0, 1], [0, 1, 1]])
    assert mask_precision_recall(predicted, true) == MaskScore(precision=2 / 3, recall=2 / 4)


def test_mask_precision_recall_is_zero_when_undefined() -> None:
    nothing, all_ = np.zeros((2, 3)), np.ones((2, 3))
    assert mask_precision_recall(nothing, all_) == MaskScore(precision=0.0, recall=0.0)
    assert mask_precision_recall(all_, nothing) == MaskScore(precision=0.0, recall=0.0)


def test_mask_precision_recall_refuses_probabilities() -> None:
    with pytest.raises(ValueError, match="predicted mask to be 0 or 1"):
        mask_precision_recall(np.full((2, 3), 0.7), np.ones((2, 3)))
