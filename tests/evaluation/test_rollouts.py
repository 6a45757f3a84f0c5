from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from rmr_gym.evaluation.metrics import constant_velocity, copy_last
from rmr_gym.evaluation.rollouts import RolloutErrors, rollout, rollout_errors
from rmr_gym.seeding import numpy_generator


def test_rollout_drops_the_oldest_and_appends_the_prediction() -> None:
    seen = []

    def step(window: np.ndarray) -> np.ndarray:
        seen.append(window.tolist())
        return window.sum(axis=1)

    assert rollout(step, np.array([[1, 1, 2]]), 3).tolist() == [[4, 7, 13]]
    assert seen == [[[1, 1, 2]], [[1, 2, 4]], [[2, 4, 7]]]


def test_rollout_of_constant_velocity_is_a_straight_line() -> None:
    generator = numpy_generator(0, "lines")
    start, velocity = generator.standard_normal((2, 5, 1, 10, 2))
    path = start + np.arange(13).reshape(1, 13, 1, 1) * velocity
    window = path[:, :3].copy()
    assert rollout(constant_velocity, window, 10) == pytest.approx(path[:, 3:])
    assert np.array_equal(window, path[:, :3])


@pytest.mark.parametrize("shape", [(2, 3, 10, 2), (2, 3, 3, 8, 8), (2, 1, 4)])
def test_rollout_is_the_same_for_tensors_of_any_shape(shape: tuple[int, ...]) -> None:
    window = numpy_generator(0, "window").standard_normal(shape).astype(np.float32)
    by_array = rollout(lambda states: np.float32(0.5) * states.sum(axis=1), window, 4)
    by_tensor = rollout(lambda states: 0.5 * states.sum(dim=1), torch.from_numpy(window), 4)
    assert isinstance(by_tensor, Tensor)
    assert by_array.dtype == np.float32
    assert by_array.shape == (shape[0], 4, *shape[2:])
    assert by_tensor.numpy() == pytest.approx(by_array, rel=1e-5)


def test_rollout_records_no_gradient() -> None:
    weight = torch.ones((), requires_grad=True)
    assert not rollout(lambda states: weight * states[:, -1], torch.ones(2, 3, 4), 2).requires_grad


@pytest.mark.parametrize(
    ("window", "num_steps", "message"),
    [
        (np.zeros((2, 3, 4)), 0, "num_steps of at least 1"),
        (np.zeros(3), 2, "windows"),
        (np.zeros((2, 0, 4)), 2, "windows"),
    ],
)
def test_rollout_refuses_what_it_cannot_start_from(window: np.ndarray, num_steps: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        rollout(copy_last, window, num_steps)


def test_rollout_refuses_predictions_that_do_not_fit() -> None:
    pixels = np.zeros((2, 3, 3, 8, 8), np.uint8)
    with pytest.raises(ValueError, match=r"\(2, 3, 8, 8\) of uint8 like the window; got .* of float64"):
        rollout(lambda window: window[:, -1] / 255, pixels, 2)
    with pytest.raises(ValueError, match=r"got ndarray \(2, 1, 3, 8, 8\)"):
        rollout(lambda window: window[:, -1:], pixels, 2)


def test_rollout_errors_hand_case() -> None:
    true = np.zeros((2, 2, 2, 2))
    predicted = true.copy()
    predicted[0, 0, 0] = [0.3, 0.4]  # distance 0.5 at horizon 1
    predicted[0, 1, 0] = [0.6, 0.8]  # 1.0 at horizon 2
    predicted[1, 1, 1] = [0.0, 2.0]  # 2.0 at horizon 2
    errors = rollout_errors(predicted, true, radius=0.5)
    assert errors.mse == pytest.approx((0.25 / 8, 5.0 / 8))
    assert errors.mean_distance == pytest.approx((0.5 / 4, 3.0 / 4))
    assert errors.within_radius_fraction == (0.75, 0.5)  # a distance of one radius is not below it


def test_rollout_errors_count_a_diverged_ball_as_lost() -> None:
    predicted = np.zeros((1, 1, 4, 2))
    predicted[0, 0, 0] = np.nan
    errors = rollout_errors(predicted, np.zeros((1, 1, 4, 2)), radius=0.1)
    assert errors.within_radius_fraction == (0.75,)
    assert math.isnan(errors.mse[0])


def test_rollout_errors_of_the_truth_are_none() -> None:
    true = numpy_generator(0, "paths").standard_normal((3, 4, 5, 2)).astype(np.float32)
    expected = RolloutErrors(mse=(0.0,) * 4, mean_distance=(0.0,) * 4, within_radius_fraction=(1.0,) * 4)
    assert rollout_errors(true, true, radius=0.06) == expected


@pytest.mark.parametrize(
    ("predicted", "true", "radius", "message"),
    [
        ((2, 10, 3, 2), (2, 9, 3, 2), 0.1, "one shape"),
        ((0, 10, 3, 2), (0, 10, 3, 2), 0.1, "at least one ball"),
        ((2, 10, 3, 2), (2, 10, 3, 2), 0.0, "radius above 0"),
    ],
)
def test_rollout_errors_refuse_what_they_cannot_score(
    predicted: tuple[int, ...], true: tuple[int, ...], radius: float, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        rollout_errors(np.zeros(predicted), np.zeros(true), radius=radius)
