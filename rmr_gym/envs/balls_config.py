"""The parameters of the world of bouncing balls."""

from __future__ import annotations

import colorsys
import math
import numbers
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, get_args

from rmr_gym.counts import as_count
from rmr_gym.errors import explain

MAX_COVERAGE = 0.4
"""Largest share of the box that the balls may cover; a random start finds no room above about 0.5."""

MIN_RESTITUTION = 0.5
"""Springs that only push cannot swallow much more in a few steps."""

MAX_CROSSINGS = 100
"""Most sides of the box that a ball may fly in a frame: its collisions are resolved one by one, so that frames of very
fast balls would never end."""

Color = tuple[int, int, int]

PainterName = Literal["discs", "opengl"]

_COUNTS = {"num_balls": 1, "contact_steps": 4, "picture_size": 1}
_POSITIVE = ("radius", "mass", "box_size", "frame_seconds", "contact_seconds")
_FINITE = ("restitution", "speed", "gravity")


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

    painter: PainterName = "discs"
    """What draws the pictures: "discs" paints them by numpy, 20 times faster, nearer to the true shares of pixels, and
    alike on every machine; "opengl" takes MuJoCo's own renderer, which needs a graphics library."""

    MEANT_BEFORE = MappingProxyType({"painter": "opengl"})
    """What it means that a field is absent from a document that was written before the field existed."""

    def __post_init__(self) -> None:
        self._check_painter()
        self._read_counts()
        self._read_numbers()
        self._read_colors()
        self._check_contacts()
        self._check_room()

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

    def _read_counts(self) -> None:
        for name, least in _COUNTS.items():
            object.__setattr__(self, name, as_count(name, getattr(self, name), least=least))

    def _read_numbers(self) -> None:
        for name in (*_POSITIVE, *_FINITE):
            value: Any = getattr(self, name)
            if value is None and name == "contact_seconds":
                continue
            finite = not isinstance(value, bool) and isinstance(value, numbers.Real) and math.isfinite(value)
            if not finite or (value <= 0 and name in _POSITIVE) or (value < 0 and name == "speed"):
                expected = f"a finite {name}" + (", above 0" if name in _POSITIVE else "")
                raise ValueError(explain(expected=expected, got=value, fix=f"Correct {name}."))
            object.__setattr__(self, name, float(value))  # of numpy's numbers, which MuJoCo's language does not take
        if not MIN_RESTITUTION <= self.restitution <= 1:
            fix = "1 keeps the energy, lower values lose some of it."
            raise ValueError(explain(expected=f"restitution in {MIN_RESTITUTION}..1", got=self.restitution, fix=fix))

    def _read_colors(self) -> None:
        object.__setattr__(self, "background", _read_color(self.background))
        if self.colors is None:
            return
        colors: object = self.colors
        if not isinstance(colors, list | tuple) or len(colors) != self.num_balls:
            fix = "Give one for each ball, or leave colors out."
            raise ValueError(explain(expected=f"{self.num_balls} colours", got=colors, fix=fix))
        object.__setattr__(self, "colors", tuple(map(_read_color, colors)))

    def _check_painter(self) -> None:
        names = get_args(PainterName)
        if self.painter not in names:
            expected = f"painter to be {' or '.join(map(repr, names))}"
            raise ValueError(explain(expected=expected, got=self.painter, fix=f"Pass painter={names[0]!r}."))

    def _check_contacts(self) -> None:
        if self.contact_duration > self.frame_seconds / 4:
            got = f"{self.contact_duration} s and frames of {self.frame_seconds} s"
            raise ValueError(explain(expected="contacts shorter than a quarter frame", got=got, fix="Shorten them."))
        crossings = self.speed * self.frame_seconds / self.box_size
        if crossings > MAX_CROSSINGS:
            expected, got = (
                f"balls that cross the box at most {MAX_CROSSINGS} times in a frame",
                f"{crossings:.0f} times",
            )
            raise ValueError(explain(expected=expected, got=got, fix="Lower speed or frame_seconds."))

    def _check_room(self) -> None:
        most = int(MAX_COVERAGE * self.box_size**2 / (math.pi * self.radius**2))
        if self.bound <= 0 or (self.num_balls > max(most, 1)):
            got = f"{self.num_balls} balls of radius {self.radius} m in a box of {self.box_size} m"
            fix = f"At most {most} of this radius fit; lower num_balls or radius." if most else "Lower the radius."
            raise ValueError(
                explain(expected=f"balls that cover at most {MAX_COVERAGE:.0%} of the box", got=got, fix=fix)
            )


def _read_color(value: object) -> Color:
    """Read three integers in 0..255 from a tuple, or from the list that JSON made of one."""
    parts = value if isinstance(value, list | tuple) else ()
    if len(parts) != 3 or any(type(part) is not int or not 0 <= part <= 255 for part in parts):
        fix = "Black is (0, 0, 0), white (255, 255, 255)."
        raise ValueError(explain(expected="a colour as three integers in 0..255", got=value, fix=fix))
    red, green, blue = parts
    return red, green, blue


def _hue(share: float) -> Color:
    red, green, blue = (round(255 * part) for part in colorsys.hsv_to_rgb(share, 1.0, 1.0))
    return red, green, blue
