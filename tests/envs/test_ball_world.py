"""The physics of bouncing balls, against laws of conservation, symmetries and an independent simulation."""

from __future__ import annotations

import hashlib
import math
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from rmr_gym.envs.ball_world import BallWorlds, simulate, spring, start
from rmr_gym.envs.balls_config import BallsConfig


def started(config: BallsConfig, seeds: range) -> BallWorlds:
    worlds = BallWorlds(config, num_worlds=len(seeds), num_threads=1)
    worlds.set_state(*map(np.stack, zip(*(start(config, seed) for seed in seeds), strict=True)))
    return worlds


def given(config: BallsConfig, positions: Any, velocities: Any) -> BallWorlds:
    worlds = BallWorlds(config, num_worlds=len(positions), num_threads=1)
    worlds.set_state(np.array(positions, float), np.array(velocities, float))
    return worlds


def energies(worlds: BallWorlds) -> np.ndarray:
    return 0.5 * worlds.config.mass * (worlds.velocities() ** 2).sum(axis=(1, 2))


class Watched:
    """A batch of MuJoCo that measures after every step of physics how deep balls are in each other and in the walls."""

    def __init__(self, worlds: BallWorlds) -> None:
        self.batch, self.config, self.num_steps, self.overlap, self.outside = worlds._batch, worlds.config, 0, 0.0, 0.0
        self.positions = self.batch.qpos.reshape(worlds.num_worlds, self.config.num_balls, 2)
        worlds._batch = self

    def step(self, active: np.ndarray, nstep: int = 1) -> None:
        for _ in range(nstep):
            self.batch.step(active)
            self.measure()

    def measure(self) -> None:
        self.num_steps += 1
        first, second = np.triu_indices(self.config.num_balls, k=1)
        distance = np.linalg.norm(self.positions[:, first] - self.positions[:, second], axis=-1)
        self.overlap = max(self.overlap, 2 * self.config.radius - distance.min())
        self.outside = max(self.outside, np.abs(self.positions).max() - self.config.bound)


def test_energy_is_kept_over_1000_frames_of_elastic_collisions() -> None:
    worlds = started(BallsConfig(), range(3))
    before = energies(worlds)
    assert before == pytest.approx(0.5 * 10 * 0.35**2)
    drifts = []
    for _ in range(1_000):
        worlds.advance()
        free = ~worlds.touching()
        drifts.append(np.abs(energies(worlds)[free] / before[free] - 1).max(initial=0.0))
    assert max(drifts) < 1e-3


def test_no_ball_leaves_the_box_or_overlaps_another_in_100_worlds_at_any_step() -> None:
    worlds = started(BallsConfig(), range(100))
    watched = Watched(worlds)
    for _ in range(50):
        worlds.advance()
    assert watched.num_steps > 1_000
    # The bar is 0.04; a contact at the closing speed v of 0.7 m/s is v * 1e-5 s / 3 deep, some are faster.
    assert 1e-5 < watched.overlap / worlds.config.radius < 2e-4
    assert 1e-6 < watched.outside / worlds.config.radius < 2e-4


def test_depth_of_a_contact_is_the_documented_third_of_closing_speed_times_duration() -> None:
    config = BallsConfig(num_balls=2, contact_seconds=1e-3)
    worlds = given(config, [[[-0.1, 0.0], [0.1, 0.0]]], [[[0.3, 0.0], [-0.3, 0.0]]])
    watched = Watched(worlds)
    for _ in range(2):
        worlds.advance()
    assert watched.overlap == pytest.approx(0.6 * 1e-3 / 3, rel=0.1)


def test_momentum_and_energy_are_kept_when_two_balls_meet_at_any_angle() -> None:
    config = BallsConfig(num_balls=2)
    generator = np.random.default_rng(0)
    offsets = np.stack([np.full(200, 0.15), generator.uniform(-0.1, 0.1, 200)], axis=1)
    velocities = np.stack([np.zeros((200, 2)), np.full((200, 2), (-0.4, 0.0))], axis=1)
    velocities += generator.uniform(-0.1, 0.1, (200, 1, 2))
    worlds = given(config, np.stack([-offsets / 2, offsets / 2], axis=1), velocities)
    energy = energies(worlds)
    for _ in range(6):
        worlds.advance()
    met = np.abs(worlds.velocities() - velocities).max(axis=(1, 2)) > 1e-3
    assert met.sum() > 150
    np.testing.assert_allclose(worlds.velocities().sum(axis=1), velocities.sum(axis=1), atol=1e-14)
    np.testing.assert_allclose(energies(worlds), energy, rtol=1e-5)


@pytest.mark.parametrize("restitution", [0.5, 0.7, 0.9, 1.0])
@pytest.mark.parametrize("options", [{}, {"contact_steps": 4}, {"contact_seconds": 1e-3, "mass": 3.0}])
def test_restitution_is_what_head_on_collisions_measure(restitution: float, options: dict[str, float]) -> None:
    config = BallsConfig(num_balls=2, restitution=restitution, **options)  # type: ignore[arg-type]
    worlds = given(
        config,
        [[[0.3, 0.0], [-0.3, 0.2]], [[0.3, 0.2], [0.0, -0.4]], [[-0.1, 0.0], [0.1, 0.0]]],
        [[[0.4, 0.0], [0.0, 0.0]], [[0.0, 0.0], [0.0, -0.4]], [[0.3, 0.0], [-0.2, 0.0]]],
    )
    for _ in range(5):
        worlds.advance()
    right_wall, lower_wall, pair = worlds.velocities()
    assert -right_wall[0, 0] / 0.4 == pytest.approx(restitution, abs=1e-5)
    assert -lower_wall[1, 1] / -0.4 == pytest.approx(restitution, abs=1e-5)
    assert (pair[1, 0] - pair[0, 0]) / 0.5 == pytest.approx(restitution, abs=1e-5)
    np.testing.assert_allclose(pair.sum(axis=0), [0.1, 0.0], atol=1e-12)


def test_spring_of_an_elastic_contact_has_no_damping_and_the_stiffness_of_half_a_period() -> None:
    stiffness, damping = spring(BallsConfig(contact_seconds=1e-3, contact_steps=200))
    assert damping == 0.0
    assert stiffness == pytest.approx((math.pi / 1e-3) ** 2, rel=1e-3)  # a half period of 1 ms
    assert spring(BallsConfig(restitution=0.9))[1] > 0.0


def test_dropped_ball_falls_as_it_should_and_keeps_its_energy() -> None:
    config = BallsConfig(num_balls=1, gravity=9.81)
    worlds = given(config, [[[0.1, 0.3]]], [[[0.0, 0.0]]])
    worlds.advance()
    np.testing.assert_allclose(worlds.positions()[0, 0], [0.1, 0.3 - 0.5 * 9.81 * 0.1**2], atol=1e-12)
    np.testing.assert_allclose(worlds.velocities()[0, 0], [0.0, -0.981], atol=1e-12)
    height = 0.3 + config.bound
    total = []
    for _ in range(100):
        worlds.advance()
        if not worlds.touching()[0]:
            lift = worlds.positions()[0, 0, 1] + config.bound
            total.append((9.81 * lift + energies(worlds)[0]) / (9.81 * height))
    assert len(total) > 50
    assert max(abs(one - 1) for one in total) < 0.02


def test_ball_on_the_floor_stays_there() -> None:
    config = BallsConfig(num_balls=1, gravity=9.81, restitution=0.5, contact_seconds=1e-3)
    worlds = given(config, [[[0.0, -0.3]]], [[[0.0, 0.0]]])
    for _ in range(20):
        worlds.advance()
    assert worlds.positions()[0, 0, 1] == pytest.approx(-config.bound, abs=1e-4)
    assert abs(worlds.velocities()[0, 0, 1]) < 1e-2


def hard_spheres(
    config: BallsConfig, positions: np.ndarray, velocities: np.ndarray, num_frames: int
) -> tuple[np.ndarray, int]:
    """Move equal hard spheres from event to event, in double precision: an elastic collision takes no time at all.

    Returns the frames and how many times two balls met.
    """
    place, speed, meetings = positions.copy(), velocities.copy(), 0
    frames, clock = [place.copy()], 0.0
    while len(frames) < num_frames:
        time, event = len(frames) * config.frame_seconds - clock, None
        for ball in range(len(place)):
            for axis in range(2):
                if speed[ball, axis] != 0:
                    hit = (math.copysign(config.bound, speed[ball, axis]) - place[ball, axis]) / speed[ball, axis]
                    if hit < time:
                        time, event = hit, ("wall", ball, axis)
            for other in range(ball):
                gap, closing = place[ball] - place[other], speed[ball] - speed[other]
                a, b, c = closing @ closing, gap @ closing, gap @ gap - 4 * config.radius**2
                if b < 0 and b * b > a * c and (-b - math.sqrt(b * b - a * c)) / a < time:
                    time, event = (-b - math.sqrt(b * b - a * c)) / a, ("pair", ball, other)
        place += time * speed
        clock += time
        if event is None:
            frames.append(place.copy())
        elif event[0] == "wall":
            speed[event[1], event[2]] *= -1
        else:
            meetings += 1
            normal = (place[event[1]] - place[event[2]]) / (2 * config.radius)
            exchanged = normal * (normal @ (speed[event[1]] - speed[event[2]]))
            speed[event[1]] -= exchanged
            speed[event[2]] += exchanged
    return np.stack(frames), meetings


def test_trajectory_is_that_of_hard_spheres_and_ten_times_closer_with_contacts_ten_times_shorter() -> None:
    errors = []
    for contact_seconds in (1e-4, 1e-5, 1e-6):
        config = BallsConfig(num_balls=3, radius=0.1, contact_seconds=contact_seconds)
        exact, meetings = zip(*(hard_spheres(config, *start(config, seed), 60) for seed in range(10)), strict=True)
        assert min(meetings) >= 2
        assert sum(meetings) > 40
        errors.append(np.abs(simulate(config, range(10), 60, num_threads=1) - np.stack(exact)).max())
    # Measured: 27, 2.7 and 0.24 mm after 6 s of chaos; the radius is 100 mm.
    assert errors[1] < 5e-3
    assert 0.05 < errors[1] / errors[0] < 0.2
    assert 0.05 < errors[2] / errors[1] < 0.2


def test_same_seed_gives_the_same_trajectory_in_any_company_and_with_any_number_of_threads() -> None:
    config = BallsConfig()
    alone = np.stack([simulate(config, [seed], 60, num_threads=1)[0] for seed in range(4)])
    for num_threads in (1, 2, 3, None):
        np.testing.assert_array_equal(simulate(config, list(range(4)), 60, num_threads=num_threads), alone)
    backwards = simulate(config, [9, 3, 2, 8, 1, 0], 60)
    np.testing.assert_array_equal(backwards[[5, 4, 2, 1]], alone)


def test_trajectory_is_the_same_in_another_process() -> None:
    code = (
        "from rmr_gym.envs.ball_world import *; import hashlib;"
        "print(hashlib.sha256(simulate(BallsConfig(), [0, 1], 50).tobytes()).hexdigest())"
    )
    here = hashlib.sha256(simulate(BallsConfig(), [0, 1], 50).tobytes()).hexdigest()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == here


@pytest.mark.parametrize("mirror", [(-1.0, 1.0), (1.0, -1.0), (-1.0, -1.0)])
def test_mirrored_start_gives_the_mirrored_trajectory_bit_for_bit(mirror: tuple[float, float]) -> None:
    worlds = started(BallsConfig(), range(10))
    mirrored = given(worlds.config, worlds.positions() * mirror, worlds.velocities() * mirror)
    for _ in range(100):
        worlds.advance()
        mirrored.advance()
    np.testing.assert_array_equal(mirrored.positions(), worlds.positions() * mirror)


def test_simulation_does_not_depend_on_the_mass() -> None:
    light, heavy = (simulate(BallsConfig(mass=mass), [0], 20) for mass in (1.0, 4.0))
    np.testing.assert_allclose(light, heavy, atol=1e-6)


def test_start_is_apart_inside_and_equally_fast() -> None:
    config = BallsConfig(num_balls=30)
    for seed in range(20):
        positions, velocities = start(config, seed)
        distance = np.linalg.norm(positions[:, None] - positions[None], axis=-1) + np.eye(30)
        assert distance.min() > 2 * config.radius
        assert np.abs(positions).max() <= config.bound
        np.testing.assert_allclose(np.linalg.norm(velocities, axis=1), config.speed)


def test_starts_of_two_seeds_differ_and_of_one_do_not() -> None:
    config = BallsConfig()
    np.testing.assert_array_equal(start(config, 3), start(config, 3))
    assert not np.array_equal(start(config, 3)[0], start(config, 4)[0])


def test_simulation_begins_with_the_start_and_counts_it() -> None:
    frames = simulate(BallsConfig(), [5, 6], 3)
    assert (frames.shape, frames.dtype) == ((2, 3, 10, 2), np.float32)
    np.testing.assert_array_equal(frames[1, 0], start(BallsConfig(), 6)[0].astype(np.float32))


def test_set_state_forgets_what_was_before() -> None:
    config = BallsConfig()
    worlds = started(config, range(2))
    for _ in range(30):
        worlds.advance()
    positions, velocities = start(config, 7)
    worlds.set_state(np.stack([positions] * 2), np.stack([velocities] * 2))
    for _ in range(20):
        worlds.advance()
    fresh = simulate(config, [7], 21)[0, -1]
    for positions in worlds.positions().astype(np.float32):
        np.testing.assert_array_equal(positions, fresh)


def test_push_adds_a_velocity_to_one_ball_of_every_world() -> None:
    worlds = given(BallsConfig(num_balls=2), [[[0.0, 0.0], [0.2, 0.2]]] * 2, np.zeros((2, 2, 2)))
    worlds.push(1, (0.3, -0.1))
    np.testing.assert_array_equal(worlds.velocities(), [[[0.0, 0.0], [0.3, -0.1]]] * 2)
    worlds.advance()
    np.testing.assert_allclose(worlds.positions(), [[[0.0, 0.0], [0.23, 0.19]]] * 2, atol=1e-12)


@pytest.mark.parametrize(("seeds", "num_frames"), [([], 10), ([0], 0)])
def test_simulation_refuses_to_do_nothing(seeds: list[int], num_frames: int) -> None:
    with pytest.raises(ValueError, match="at least one seed and one frame"):
        simulate(BallsConfig(), seeds, num_frames)
