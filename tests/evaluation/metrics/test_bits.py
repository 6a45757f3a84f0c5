from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.metrics import f1_score

from rmr_gym.evaluation.metrics import BitF1, bit_f1, majority_bits, target_bits
from rmr_gym.seeding import numpy_generator


def test_bit_f1_hand_case() -> None:
    # Columns: (TP, FP, FN) = (1, 1, 1), (2, 0, 0), (0, 1, 0), never one.
    true = np.array([[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 0, 0]])
    predicted = np.array([[1, 1, 1, 0], [0, 1, 0, 0], [1, 0, 0, 0]])
    score = bit_f1(predicted, true)
    assert score.weighted == pytest.approx((2 * 0.5 + 2 * 1.0) / 4)
    assert score.micro == pytest.approx(2 * 3 / (2 * 3 + 2 + 1))
    assert score.macro == pytest.approx((0.5 + 1.0) / 2)  # the last two columns are constant


@pytest.mark.parametrize("frequency", [0.02, 0.5, 0.95])
def test_bit_f1_equals_scikit_learn(frequency: float) -> None:
    generator = numpy_generator(0, "bits", str(frequency))
    true = generator.random((200, 40)) < frequency
    predicted = true ^ (generator.random((200, 40)) < 0.2)
    true[:, 3], predicted[:, 3] = False, False
    true[:, 7] = True
    score = bit_f1(predicted, true)
    assert score.weighted == pytest.approx(f1_score(true, predicted, average="weighted", zero_division=0))
    assert score.micro == pytest.approx(f1_score(true, predicted, average="micro", zero_division=0))
    varying = true.any(axis=0) & ~true.all(axis=0)
    expected = f1_score(true[:, varying], predicted[:, varying], average="macro", zero_division=0)
    assert score.macro == pytest.approx(expected)


def test_bit_f1_takes_slots_of_eight_bits() -> None:
    generator = numpy_generator(0, "slots")
    true, predicted = generator.integers(0, 2, (2, 30, 5, 8), dtype=np.uint8)
    assert bit_f1(predicted, true) == bit_f1(predicted.reshape(30, 40), true.reshape(30, 40))


def test_bit_f1_is_zero_without_warning_when_no_bit_is_ever_one() -> None:
    nothing = np.zeros((4, 8), dtype=np.uint8)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert bit_f1(nothing, nothing) == BitF1(weighted=0.0, micro=0.0, macro=0.0)


def test_bit_f1_counts_more_hits_than_a_byte_holds() -> None:
    ones = np.ones((1000, 8), dtype=np.uint8)
    assert bit_f1(ones, ones).micro == 1.0


@given(hnp.arrays(np.bool_, st.tuples(st.integers(1, 12), st.integers(1, 9))), st.randoms(use_true_random=False))
def test_bit_f1_ignores_the_order_of_frames_and_bits(true: np.ndarray, shuffler) -> None:
    predicted = np.roll(true, 1, axis=0)
    frames, bits = list(range(true.shape[0])), list(range(true.shape[1]))
    shuffler.shuffle(frames)
    shuffler.shuffle(bits)
    score = bit_f1(predicted, true)
    shuffled = bit_f1(predicted[frames][:, bits], true[frames][:, bits])
    assert shuffled.weighted == pytest.approx(score.weighted)
    assert shuffled.micro == pytest.approx(score.micro)
    assert shuffled.macro == pytest.approx(score.macro)
    assert min(score.weighted, score.micro, score.macro) >= 0.0
    assert max(score.weighted, score.micro, score.macro) <= 1.0


@given(hnp.arrays(np.bool_, st.tuples(st.integers(1, 12), st.integers(1, 9))))
def test_bit_f1_of_the_truth_itself_is_one_where_defined(true: np.ndarray) -> None:
    score = bit_f1(true, true)
    assert score.weighted == score.micro == float(true.any())


@pytest.mark.parametrize(
    ("predicted", "true", "message"),
    [
        (np.zeros((3, 8)), np.zeros((2, 8)), r"one shape; got \(3, 8\) and \(2, 8\)"),
        (np.zeros((0, 8)), np.zeros((0, 8)), "at least one frame"),
        (np.full((2, 8), 0.3), np.zeros((2, 8)), "predicted bits to be 0 or 1"),
        (np.zeros((2, 8)), np.full((2, 8), 2, dtype=np.uint8), "true bits to be 0 or 1"),
    ],
)
def test_bit_f1_refuses_what_it_cannot_score(predicted: np.ndarray, true: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        bit_f1(predicted, true)


def test_target_bits_puts_the_most_significant_bit_first() -> None:
    ram = np.array([[9, 1, 0b1100_0010]], dtype=np.uint8)
    assert target_bits(ram, np.array([2, 1])).tolist() == [[1, 1, 0, 0, 0, 0, 1, 0] + [0] * 7 + [1]]
    assert target_bits(ram).shape == (1, 24)


def test_target_bits_refuses_wider_integers() -> None:
    with pytest.raises(ValueError, match="RAM bytes"):
        target_bits(np.zeros((2, 128), dtype=np.int64))


def test_majority_bits_repeats_the_most_frequent_value() -> None:
    train = np.array([[1, 0, 1], [1, 0, 0], [0, 0, 1], [1, 0, 0]])
    assert majority_bits(train, 2).tolist() == [[True, False, False], [True, False, False]]
