"""How long bouncing balls fly freely."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rmr_gym.envs.balls_config import BallsConfig

_TOUCHING = 1e-10  # metres; far below the depth of a contact, far above the rounding of a free flight
_EARLY = 1e-12  # seconds before a contact at which a free flight ends, so that rounding never puts it behind

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


class ContactTimes:
    """Finds the next contact of worlds of bouncing balls, exactly, from where their balls are and how they move.

    A frame of one world asks four times on average, so this counts operations: they are few and work on all walls and
    all pairs of balls at once.

    Args:
        config: the parameters of all worlds.

    Example:
        >>> until_contact = ContactTimes(BallsConfig(num_balls=1))
        >>> until_contact(np.zeros((1, 1, 2)), np.array([[[0.11, 0.0]]])).round(6).tolist()  # 44 cm to the wall
        [4.0]
    """

    def __init__(self, config: BallsConfig) -> None:
        self._bound, self._reach, self._gravity = config.bound, 2 * config.radius, config.gravity
        self._first, self._second = np.triu_indices(config.num_balls, k=1)

    def __call__(self, positions: Floats, velocities: Floats) -> Floats:
        """Return the seconds of free flight until something touches, 0 where something does.

        Args:
            positions: metres, `(world, ball, 2)`.
            velocities: metres per second, `(world, ball, 2)`.

        Returns:
            `(world,)`, infinity where nothing will ever touch.
        """
        with np.errstate(invalid="ignore", divide="ignore"):  # of pairs that do not meet, whose time is not used
            time, touching = (self._walls_under_gravity if self._gravity else self._walls)(positions, velocities)
            if len(self._first):
                time_of_pairs, touching_pairs = self._pairs(positions, velocities)
                time, touching = np.minimum(time, time_of_pairs), touching | touching_pairs
        free: Floats = np.where(touching, 0.0, np.maximum(time - _EARLY, _EARLY))
        return free

    def _pairs(self, positions: Floats, velocities: Floats) -> tuple[Floats, Flags]:
        """Return the smallest root of |offset + closing t| = 2 r over the pairs, and whether a pair touches."""
        offset = positions.take(self._first, axis=1) - positions.take(self._second, axis=1)
        closing = velocities.take(self._first, axis=1) - velocities.take(self._second, axis=1)
        distance2, approach = _dot(offset, offset), -_dot(offset, closing)
        outside = distance2 - self._reach**2
        discriminant = approach * approach - _dot(closing, closing) * outside
        approaching = approach > 0
        # This form of the root does not cancel when the pair is about to touch.
        time = outside / (approach + np.sqrt(discriminant))
        soonest: Floats = np.where(approaching & (discriminant > 0), time, np.inf).min(axis=1)
        return soonest, _any_touches(np.sqrt(distance2) - self._reach, approaching)

    def _walls(self, positions: Floats, velocities: Floats) -> tuple[Floats, Flags]:
        """Return the time until the first ball meets the wall that it flies to, and whether one touches a wall."""
        distance, speed = np.abs(positions), np.abs(velocities)
        gap = self._bound - np.copysign(distance, positions * velocities)  # to the wall ahead
        flying = speed > 0
        soonest: Floats = np.where(flying, gap / speed, np.inf).min(axis=(1, 2))
        outside = distance > self._bound  # of where a ball can be, also of one that is on its way back
        return soonest, _any_touches(np.where(outside, -1.0, gap), flying)

    def _walls_under_gravity(self, positions: Floats, velocities: Floats) -> tuple[Floats, Flags]:
        """Do the same with paths that bend downwards, so that a ball can meet the wall that it flies away from."""
        times: list[Floats] = []
        touching: list[Flags] = []
        for side in (-1.0, 1.0):
            gap, speed = self._bound - side * positions, side * velocities
            pull = np.array([0.0, -side * self._gravity])
            discriminant = speed**2 + 2 * pull * gap
            root = np.sqrt(discriminant)
            time = np.where(speed > 0, 2 * gap / (speed + root), (root - speed) / pull)
            meets = (discriminant > 0) & ((speed > 0) | (pull > 0))
            approaching = (speed > 0) | ((speed == 0) & (pull > 0))
            times.append(np.where(meets, time, np.inf).min(axis=(1, 2)))
            touching.append(_any_touches(gap, approaching))
        return np.minimum(*times), np.logical_or(*touching)


def _dot(one: Floats, other: Floats) -> Floats:
    """Multiply vectors of two coordinates; the order of the sum is fixed, and with it the last bit."""
    product = one * other
    total: Floats = product[..., 0] + product[..., 1]
    return total


def _any_touches(gap: Floats, approaching: Flags) -> Flags:
    """Return in which worlds a contact goes on, `(world,)`, from gaps in metres, `(world, ...)`."""
    touching = (gap < 0.0) | ((gap <= _TOUCHING) & approaching)
    found: Flags = np.logical_or.reduce(touching, axis=tuple(range(1, gap.ndim)))
    return found
