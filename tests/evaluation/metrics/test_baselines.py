from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from rmr_gym.evaluation.metrics import black, constant_velocity, copy_last

METRES = st.floats(-1, 1)


def test_baselines_of_positions_hand_case() -> None:
    window = np.array([[[[0.0, 9.0]], [[0.1, 0.5]], [[0.3, 0.4]]]])
    assert copy_last(window).tolist() == [[[0.3, 0.4]]]
    assert constant_velocity(window) == pytest.approx(np.array([[[0.5, 0.3]]]))


def test_baselines_of_pictures_keep_shape_and_bytes() -> None:
    window = np.arange(2 * 3 * 3 * 4 * 4, dtype=np.uint8).reshape(2, 3, 3, 4, 4)
    assert np.array_equal(copy_last(window), window[:, 2])
    assert black(window).shape == (2, 3, 4, 4)
    assert black(window).dtype == np.uint8
    assert not black(window).any()
    assert window.any()


@given(hnp.arrays(np.float64, (4, 5, 2), elements=METRES), hnp.arrays(np.float64, (4, 5, 2), elements=METRES))
def test_constant_velocity_is_exact_for_free_flight(start: np.ndarray, velocity: np.ndarray) -> None:
    path = np.stack([start + time * velocity for time in range(4)], axis=1)
    assert constant_velocity(path[:, :3]) == pytest.approx(path[:, 3], abs=1e-12)


def test_constant_velocity_keeps_float32() -> None:
    assert constant_velocity(np.zeros((2, 3, 10, 2), np.float32)).dtype == np.float32


def test_constant_velocity_refuses_a_single_state() -> None:
    with pytest.raises(ValueError, match="at least two states"):
        constant_velocity(np.zeros((2, 1, 10, 2)))
