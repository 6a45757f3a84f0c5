"""Times until contacts, against hand-computed ones and a plain loop over walls and pairs."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from rmr_gym.envs.ball_world import start
from rmr_gym.envs.balls_config import BallsConfig
from rmr_gym.envs.contact_times import ContactTimes


def until_contact(positions: Any, velocities: Any, **options: Any) -> float:
    config = BallsConfig(num_balls=len(positions), **options)
    (time,) = ContactTimes(config)(np.array([positions], float), np.array([velocities], float))
    return float(time)


def reference(config: BallsConfig, positions: np.ndarray, velocities: np.ndarray) -> float:
    """Solve the equations of motion for one wall and one pair after the other; nothing touches at the start."""
    times = [math.inf]
    for place, speed in zip(positions, velocities, strict=True):
        for axis, pull in ((0, 0.0), (1, -config.gravity)):
            for wall in (-config.bound, config.bound):
                roots = np.roots(np.trim_zeros([pull / 2, speed[axis], place[axis] - wall], "f"))
                times += [float(root.real) for root in roots if abs(root.imag) < 1e-12 and root.real > 0]
    for one in range(len(positions)):
        for other in range(one):
            offset, closing = positions[one] - positions[other], velocities[one] - velocities[other]
            roots = np.roots([closing @ closing, 2 * offset @ closing, offset @ offset - 4 * config.radius**2])
            times += [float(root.real) for root in roots if abs(root.imag) < 1e-12 and root.real > 0]
    return min(times)


@pytest.mark.parametrize("options", [{}, {"num_balls": 1}, {"gravity": 1.0}, {"gravity": -0.5, "num_balls": 3}])
def test_times_are_those_of_the_equations_of_motion(options: dict[str, Any]) -> None:
    config = BallsConfig(**options)
    starts = [start(config, seed) for seed in range(20)]
    found = ContactTimes(config)(*(np.stack(parts) for parts in zip(*starts, strict=True)))
    np.testing.assert_allclose(found, [reference(config, *one) for one in starts], rtol=1e-9, atol=2e-12)


def test_ball_flies_to_the_wall_ahead() -> None:
    assert until_contact([[0.04, 0.0]], [[0.1, 0.0]]) == pytest.approx(4.0)
    assert until_contact([[0.04, 0.0]], [[-0.1, 0.0]]) == pytest.approx(4.8)
    assert until_contact([[0.0, -0.24]], [[0.0, -0.2]]) == pytest.approx(1.0)


def test_balls_meet_when_their_centres_are_two_radii_apart() -> None:
    assert until_contact([[-0.2, 0.0], [0.2, 0.0]], [[0.07, 0.0], [-0.07, 0.0]]) == pytest.approx(2.0)
    # Beside each other by 8 of 10 cm, so they touch 6 cm before they are level.
    options = {"radius": 0.05}
    assert until_contact([[-0.2, 0.0], [0.0, 0.08]], [[0.1, 0.0], [0.0, 0.0]], **options) == pytest.approx(1.4)
    assert until_contact([[-0.2, 0.0], [0.0, 0.11]], [[0.1, 0.0], [0.0, 0.0]], **options) == pytest.approx(6.5)


def test_nothing_ever_touches_when_nothing_moves() -> None:
    assert until_contact([[0.0, 0.0], [0.2, 0.0]], [[0.0, 0.0]] * 2) == math.inf


@pytest.mark.parametrize("gravity", [0.0, 1.0])
def test_contact_goes_on_until_the_ball_has_left_what_it_is_in(gravity: float) -> None:
    bound = BallsConfig().bound
    for velocity in (0.1, -0.1):  # deeper in, and on its way back
        assert until_contact([[bound + 1e-6, 0.0]], [[velocity, 0.0]], gravity=gravity) == 0.0
        assert until_contact([[0.0, -bound - 1e-6]], [[0.0, velocity]], gravity=gravity) == 0.0
        assert until_contact([[-0.06, 0.0], [0.06 - 1e-6, 0.0]], [[velocity, 0.0], [0.0, 0.0]], gravity=gravity) == 0.0


def test_ball_that_just_touches_is_in_contact_only_when_it_approaches() -> None:
    bound = BallsConfig().bound
    assert until_contact([[bound, 0.0]], [[0.1, 0.0]]) == 0.0
    assert until_contact([[bound, 0.0]], [[-0.1, 0.0]]) == pytest.approx(8.8)
    assert until_contact([[bound, 0.0]], [[0.0, 0.0]]) == math.inf
    assert until_contact([[-0.2, 0.0], [-0.08, 0.0]], [[0.1, 0.0], [0.0, 0.0]]) == 0.0
    assert until_contact([[-0.2, 0.0], [-0.08, 0.0]], [[-0.1, 0.0], [0.0, 0.0]]) == pytest.approx(2.4)


def test_ball_under_gravity_falls_back_to_the_floor_that_it_flies_from() -> None:
    # Up with 1 m/s under 2 m/s^2 it is back where it was after 1 s, and it does not reach the ceiling at 0.44 m.
    floor = -BallsConfig(radius=0.06).bound
    assert until_contact([[0.0, floor + 1e-9]], [[0.0, 1.0]], gravity=2.0) == pytest.approx(1.0, abs=1e-6)
    assert until_contact([[0.0, floor]], [[0.0, 0.0]], gravity=2.0) == 0.0
    assert until_contact([[0.0, floor + 0.25]], [[0.0, 0.0]], gravity=2.0) == pytest.approx(0.5)


def test_worlds_do_not_disturb_each_other() -> None:
    config = BallsConfig()
    starts = [np.stack(parts) for parts in zip(*(start(config, seed) for seed in range(6)), strict=True)]
    until = ContactTimes(config)
    together = until(*starts)
    for index in range(6):
        assert until(*(part[index : index + 1] for part in starts)).tobytes() == together[index : index + 1].tobytes()
