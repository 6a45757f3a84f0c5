from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import mean_squared_error

from rmr_gym.evaluation.metrics import ImageErrors, ImageScores, foreground_mse, image_mse, psnr
from rmr_gym.seeding import numpy_generator


def pictures(num: int = 7, *, name: str = "pictures") -> tuple[np.ndarray, np.ndarray]:
    """Predictions that leave [0, 1], and targets that are half black."""
    generator = numpy_generator(0, name)
    target = generator.random((num, 3, 8, 6)) * (generator.random((num, 1, 8, 6)) < 0.5)
    return target + 0.3 * generator.standard_normal(target.shape), target


def test_image_scores_hand_case() -> None:
    # One foreground pixel of four, and that one by its last channel alone.
    target = np.zeros((1, 3, 2, 2))
    target[0, 2, 0, 1] = 1.0
    predicted = np.zeros((1, 3, 2, 2))
    predicted[0, 0, 0, 1] = 0.5  # error 0.25 and 1 in the foreground
    predicted[0, 1, 1, 1] = -0.5  # 0.25 outside
    errors = ImageErrors()
    errors.add(predicted, target)
    mse = 1.5 / 12
    assert errors.result() == ImageScores(
        mse=mse, foreground_mse=1.25 / 3, foreground_fraction=0.25, psnr=10 * math.log10(1 / mse)
    )
    assert image_mse(predicted, target) == mse
    assert foreground_mse(predicted, target) == 1.25 / 3


def test_image_mse_equals_scikit_learn() -> None:
    predicted, target = pictures()
    assert image_mse(predicted, target) == pytest.approx(mean_squared_error(target.ravel(), predicted.ravel()))
    shown = (target > 0.02).any(axis=1)
    expected = mean_squared_error(np.moveaxis(target, 1, -1)[shown], np.moveaxis(predicted, 1, -1)[shown])
    assert foreground_mse(predicted, target) == pytest.approx(expected)


@given(st.lists(st.integers(0, 7), max_size=4))
def test_image_errors_do_not_depend_on_the_batches(cuts: list[int]) -> None:
    predicted, target = pictures()
    whole, parts = ImageErrors(), ImageErrors()
    whole.add(predicted, target)
    for rows in np.split(np.arange(7), sorted(cuts)):
        parts.add(predicted[rows], target[rows])
    one, other = whole.result(), parts.result()
    assert other.mse == pytest.approx(one.mse)
    assert other.foreground_mse == pytest.approx(one.foreground_mse)
    assert other.psnr == pytest.approx(one.psnr)
    assert other.foreground_fraction == one.foreground_fraction


def test_image_errors_take_bytes_for_what_they_mean() -> None:
    generator = numpy_generator(0, "bytes")
    predicted, target = generator.integers(0, 256, (2, 4, 3, 5, 5), dtype=np.uint8)
    floats = image_mse(predicted.astype(np.float64) / 255, target.astype(np.float64) / 255)
    assert image_mse(predicted, target) == pytest.approx(floats, rel=1e-5)
    assert image_mse(predicted.astype(np.float32) / 255, target) == pytest.approx(floats, rel=1e-5)
    assert image_mse(target, target) == 0.0


def test_image_errors_do_not_lose_small_errors_in_a_long_sum() -> None:
    target = np.zeros((1, 3, 64, 64), np.float32)
    predicted = np.full(target.shape, 1e-4, np.float32)
    errors = ImageErrors()
    errors.add(np.ones_like(target), target)
    for _ in range(500):
        errors.add(predicted, target)
    assert errors.result().mse == pytest.approx((1 + 500 * 1e-8) / 501, rel=1e-9)


def test_foreground_mse_uses_a_strict_threshold_on_the_target_alone() -> None:
    target = np.zeros((1, 3, 1, 3))
    target[0, 0] = [[0.5, 0.6, 0.0]]
    predicted = target + np.array([[[1.0, 2.0, 3.0]]])
    assert foreground_mse(predicted, target, threshold=0.5) == pytest.approx(4.0)
    assert foreground_mse(predicted, target, threshold=0.0) == pytest.approx((1 + 4) / 2)


def test_foreground_differs_from_the_background_in_either_direction() -> None:
    target = np.array([0.2, 0.6, 1.0])[None, :, None, None] + np.zeros((1, 3, 1, 4))
    target[0, :, 0, 1:] += [[0.0, 0.5, 0.0], [-0.3, 0.0, 0.01], [0.0, 0.0, 0.0]]
    errors = ImageErrors(background=(0.2, 0.6, 1.0))
    errors.add(target + np.array([1.0, 2.0, 3.0, 4.0]), target)
    assert errors.result().foreground_fraction == 0.5
    assert errors.result().foreground_mse == pytest.approx((4 + 9) / 2)


@pytest.mark.parametrize("background", [(0.0, 0.0, 255.0), (0.0, -0.1, 0.0), (0.0, math.nan, 0.0)])
def test_image_errors_refuse_a_background_of_bytes(background: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match=r"background in \[0, 1\]"):
        ImageErrors(background=background)


def test_foreground_mse_is_nan_when_nothing_is_shown() -> None:
    assert math.isnan(foreground_mse(np.ones((1, 3, 2, 2)), np.zeros((1, 3, 2, 2))))


def test_image_mse_is_nan_when_the_prediction_is() -> None:
    assert math.isnan(image_mse(np.full((1, 3, 2, 2), np.nan), np.zeros((1, 3, 2, 2))))


def test_psnr_hand_cases() -> None:
    assert psnr(1.0) == 0.0
    assert psnr(1e-4) == pytest.approx(40.0)
    assert psnr(0.0) == math.inf
    with pytest.raises(ValueError, match="mean squared error >= 0"):
        psnr(-0.1)


@pytest.mark.parametrize(
    ("predicted", "target", "message"),
    [
        (np.zeros((1, 3, 4, 4)), np.zeros((2, 3, 4, 4)), "one shape"),
        (np.zeros((1, 3, 4, 4)), np.full((1, 3, 4, 4), 255.0), r"target pictures in \[0, 1\]; got values from 255"),
        (np.zeros((1, 3, 4, 4)), np.full((1, 3, 4, 4), np.nan), r"target pictures in \[0, 1\]"),
        (np.zeros((1, 3, 4, 4), np.int64), np.zeros((1, 3, 4, 4)), "floats or bytes"),
        (np.zeros((0, 3, 4, 4)), np.zeros((0, 3, 4, 4)), "at least one picture"),
    ],
)
def test_image_mse_refuses_what_it_cannot_score(predicted: np.ndarray, target: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        image_mse(predicted, target)


def test_image_errors_refuse_a_threshold_of_bytes() -> None:
    with pytest.raises(ValueError, match=r"threshold in \[0, 1\)"):
        ImageErrors(threshold=5.0)
