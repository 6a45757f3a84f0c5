from __future__ import annotations

import math
from dataclasses import astuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rmr_gym.evaluation.metrics import collisions, constant_velocity, copy_last, position_errors
from rmr_gym.seeding import numpy_generator


def billiard(num_windows: int = 200, *, bound: float = 0.44) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Balls that bounce off walls only, exactly: windows, next positions, and which of them touched a wall."""
    generator = numpy_generator(0, "billiard")
    start = generator.uniform(-bound, bound, (num_windows, 1, 10, 2))
    velocity = generator.uniform(-0.035, 0.035, (num_windows, 1, 10, 2))
    free = start + np.arange(4).reshape(1, 4, 1, 1) * velocity
    path = (bound - np.abs((free + bound) % (4 * bound) - 2 * bound)).astype(np.float32)
    outside = (np.abs(free) > bound).any(axis=-1)
    kept = ~outside[:, 1].any(axis=-1)  # who touched a wall before the last two states flies straight again
    return path[kept, :3], path[kept, 3], outside[kept, 3]


def test_position_errors_hand_case() -> None:
    # Two windows of two balls in a box of 4 m. Only ball 1 of window 0 turns; everything else moves on by (1, 0) / 10.
    window = np.zeros((2, 3, 2, 2))
    window[..., 0] = np.array([0.0, 0.1, 0.2])[None, :, None]
    target = np.zeros((2, 2, 2))
    target[..., 0] = 0.3
    target[0, 1] = [0.1, 0.0]
    predicted = target.copy()
    predicted[0, 0, 0] += 0.2  # squared error 0.04 / 2 of a free ball in a window with a collision
    predicted[0, 1, 1] += 0.4  # 0.16 / 2 of the colliding one
    predicted[1, 1, 1] += 0.6  # 0.36 / 2 of a free ball in a free window
    errors = position_errors(predicted, target, window, box_size=4.0)
    assert errors.metres.overall == pytest.approx(0.56 / 8)
    assert errors.metres.colliding_balls == pytest.approx(0.16 / 2)
    assert errors.metres.free_balls == pytest.approx(0.40 / 6)
    assert errors.metres.colliding_windows == pytest.approx(0.20 / 4)
    assert errors.metres.free_windows == pytest.approx(0.36 / 4)
    assert astuple(errors.network) == pytest.approx([value / 4 for value in astuple(errors.metres)])
    assert errors.colliding_ball_fraction == 1 / 4
    assert errors.colliding_window_fraction == 1 / 2


def test_collisions_are_the_touches_of_a_wall() -> None:
    window, target, hit = billiard()
    assert 0.01 < hit.mean() < 0.5
    assert np.array_equal(collisions(window, target), hit)


def test_constant_velocity_is_exact_but_for_collisions() -> None:
    window, target, hit = billiard()
    errors = position_errors(constant_velocity(window), target, window)
    assert errors.metres.free_balls < 1e-13
    assert errors.metres.free_windows < 1e-13
    assert errors.metres.colliding_balls > 1e-5
    assert errors.colliding_ball_fraction == hit.mean()
    assert errors.metres.overall == pytest.approx(hit.mean() * errors.metres.colliding_balls, rel=1e-6)
    assert errors.metres.overall < position_errors(copy_last(window), target, window).metres.overall


@given(st.floats(0.1, 10.0))
def test_position_errors_in_network_units_do_not_depend_on_the_unit(scale: float) -> None:
    window, target, _ = billiard(20)
    one = position_errors(copy_last(window), target, window, box_size=1.0)
    unit = np.float64(scale)
    other = position_errors(
        copy_last(window) * unit, target * unit, window * unit, box_size=scale, tolerance=1e-5 * scale
    )
    assert astuple(other.network) == pytest.approx(astuple(one.network))
    assert other.metres.overall == pytest.approx(one.metres.overall * scale**2)
    assert other.colliding_ball_fraction == one.colliding_ball_fraction


def test_position_errors_are_nan_where_nothing_is_in_a_part() -> None:
    window = np.zeros((2, 3, 4, 2), np.float32)
    errors = position_errors(window[:, 0], window[:, 0], window)
    assert errors.metres.overall == errors.metres.free_balls == errors.metres.free_windows == 0.0
    assert math.isnan(errors.metres.colliding_balls)
    assert math.isnan(errors.metres.colliding_windows)
    assert errors.colliding_ball_fraction == errors.colliding_window_fraction == 0.0


def test_collisions_heed_the_tolerance() -> None:
    window, target = np.zeros((1, 3, 2, 2)), np.zeros((1, 2, 2))
    target[0, :, 0] = [0.1, 0.3]
    assert collisions(window, target, tolerance=0.2).tolist() == [[False, True]]
    assert collisions(window, target, tolerance=0.05).tolist() == [[True, True]]


@pytest.mark.parametrize(
    ("predicted", "target", "window", "options", "message"),
    [
        ((2, 4, 2), (3, 4, 2), (3, 3, 4, 2), {}, "predicted and target positions of one shape"),
        ((3, 4, 2), (3, 4, 2), (1, 3, 4, 2), {}, "positions in the window"),
        ((0, 4, 2), (0, 4, 2), (0, 3, 4, 2), {}, "at least one window"),
        ((3, 4, 2), (3, 4, 2), (3, 1, 4, 2), {}, "at least two states"),
        ((3, 4, 2), (3, 4, 2), (3, 3, 4, 2), {"box_size": 0.0}, "box_size above 0"),
        ((3, 4, 2), (3, 4, 2), (3, 3, 4, 2), {"tolerance": 0.0}, "tolerance above 0"),
    ],
)
def test_position_errors_refuse_what_they_cannot_score(
    predicted: tuple[int, ...],
    target: tuple[int, ...],
    window: tuple[int, ...],
    options: dict[str, float],
    message: str,
) -> None:
    with pytest.raises(ValueError, match=message):
        position_errors(np.zeros(predicted), np.zeros(target), np.zeros(window), **options)
