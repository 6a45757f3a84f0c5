"""The parameters of the world of bouncing balls."""

from __future__ import annotations

import colorsys
import math
from dataclasses import dataclass

from rmr_gym.errors import explain

MAX_COVERAGE = 0.4
"""Largest share of the box that the balls may cover; a random start finds no room above about 0.5."""

MIN_RESTITUTION = 0.5
"""Springs that only push cannot swallow much more in a few steps."""

Color = tuple[int, int, int]


@dataclass(frozen=True, kw_only=True, slots=True)
class BallsConfig:
    """Equal balls in a square box, seen from above.

    The paper (section 4) gives the number of balls, two coordinates and the size of the picture; all else is ours.
    """

    num_balls: int = 10
    """Number of balls (paper, section 4)."""

    radius: float = 0.06
    """Radius of a ball in metres. ours: 3.84 pixels of a 64-pixel picture of a 1 m box."""

    mass: float = 1.0
    """Mass of a ball in kilograms."""

    speed: float = 0.35
    """Speed of every ball at the start, in metres per second, in a random direction. ours: 2.2 pixels per frame."""

    restitution: float = 1.0
    """Speed after a head-on collision divided by that before it, 0.5 to 1 (elastic)."""

    gravity: float = 0.0
    """Acceleration towards the lower edge of the picture, in metres per second squared."""

    box_size: float = 1.0
    """Length of a side of the box in metres; the origin is in its middle."""

    frame_seconds: float = 0.1
    """Simulated time between two frames, in seconds."""

    contact_seconds: float | None = None
    """How long a collision lasts, in seconds: contacts are stiff springs. The depth that two balls reach in one another
    is their closing speed times a third of this; two collisions at once, which cost some accuracy, are as rare as it is
    short. None takes 1e-5, or 1e-4 under gravity, where balls that lie on the floor cost one step after the other."""

    contact_steps: int = 6
    """Physics steps that resolve a collision, at least 4."""

    picture_size: int = 64
    """Height and width of a picture in pixels (paper, section 4); it shows exactly the box."""

    colors: tuple[Color, ...] | None = None
    """RGB colour of each ball, 0..255; without them hues at equal distances around the circle of colours."""

    background: Color = (0, 0, 0)
    """RGB colour behind the balls, 0..255."""

    def __post_init__(self) -> None:
        self._check_numbers()
        self._check_room()
        shades = [*(self.colors or ()), self.background]
        if any(not 0 <= part <= 255 for shade in shades for part in shade):
            raise ValueError(explain(expected="colours as three numbers in 0..255", got=shades, fix="Correct them."))
        if self.colors is not None and len(self.colors) != self.num_balls:
            got, fix = f"{len(self.colors)} colours", "Give one for each ball, or leave colors out."
            raise ValueError(explain(expected=f"{self.num_balls} colours", got=got, fix=fix))

    @property
    def bound(self) -> float:
        """Largest coordinate that the centre of a ball can have, in metres."""
        return self.box_size / 2 - self.radius

    @property
    def contact_duration(self) -> float:
        """How long a collision lasts, in seconds, with the default filled in."""
        if self.contact_seconds is not None:
            return self.contact_seconds
        return 1e-4 if self.gravity else 1e-5

    @property
    def palette(self) -> tuple[Color, ...]:
        """RGB colour of each ball."""
        if self.colors is not None:
            return self.colors
        return tuple(_hue(index / self.num_balls) for index in range(self.num_balls))

    def _check_numbers(self) -> None:
        positive = ("radius", "mass", "box_size", "frame_seconds", "contact_duration")
        finite = ("restitution", "speed", "gravity")
        for name in (*positive, *finite):
            value = getattr(self, name)
            if not math.isfinite(value) or (value <= 0 and name in positive) or (value < 0 and name == "speed"):
                expected = f"a finite {name}" + (", above 0" if name in positive else "")
                raise ValueError(explain(expected=expected, got=value, fix=f"Correct {name}."))
        if not MIN_RESTITUTION <= self.restitution <= 1:
            fix = "1 keeps the energy, lower values lose some of it."
            raise ValueError(explain(expected=f"restitution in {MIN_RESTITUTION}..1", got=self.restitution, fix=fix))
        if self.num_balls < 1 or self.contact_steps < 4 or self.picture_size < 1:
            expected = "num_balls >= 1, contact_steps >= 4 and picture_size >= 1"
            raise ValueError(explain(expected=expected, got=self, fix="Raise them."))
        if self.contact_duration > self.frame_seconds / 4:
            got = f"{self.contact_duration} s and frames of {self.frame_seconds} s"
            raise ValueError(explain(expected="contacts shorter than a quarter frame", got=got, fix="Shorten them."))

    def _check_room(self) -> None:
        most = int(MAX_COVERAGE * self.box_size**2 / (math.pi * self.radius**2))
        if self.bound <= 0 or (self.num_balls > max(most, 1)):
            got = f"{self.num_balls} balls of radius {self.radius} m in a box of {self.box_size} m"
            fix = f"At most {most} of this radius fit; lower num_balls or radius." if most else "Lower the radius."
            raise ValueError(
                explain(expected=f"balls that cover at most {MAX_COVERAGE:.0%} of the box", got=got, fix=fix)
            )


def _hue(share: float) -> Color:
    red, green, blue = (round(255 * part) for part in colorsys.hsv_to_rgb(share, 1.0, 1.0))
    return red, green, blue
