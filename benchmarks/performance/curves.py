"""How cost grows: seconds at several sizes, all variants in turns, and the exponent of the growth."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from benchmarks.performance.harness import Spread, Work, take_turns
from rmr_gym.errors import explain

MAX_SECONDS = 10.0
"""A variant whose next turn is expected to take longer ends there."""

MAX_BYTES = 8 * 2**30
"""A variant that would need more memory ends there."""

SECONDS_PER_SIZE = 4.0
"""Turns beyond the third are taken as long as they fit into this time."""

_MIN_TURNS, _TURNS_PER_REPEAT = 3, 4


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """Seconds at one size."""

    size: int
    """Value of what is varied."""

    seconds: Spread
    """Of one piece of work."""

    turns: int
    """How many times it was measured."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Curve:
    """One variant over all sizes that it could do."""

    panel: str
    """What is varied, and the label of the axis."""

    variant: str
    """Whose cost it is."""

    work: str
    """What takes so long, with the sizes that stay."""

    points: tuple[Point, ...]
    """In ascending order of size."""

    ended: str = ""
    """Why it has fewer points than others; empty if it has all."""

    @property
    def exponent(self) -> float | None:
        """Slope of log seconds over log size in the upper half of the points, by least squares; None for one point."""
        upper = self.points[-max(2, math.ceil(len(self.points) / 2)) :]
        if len(upper) < 2:
            return None
        sizes, seconds = np.log([(point.size, point.seconds.median) for point in upper]).T
        centred = sizes - sizes.mean()
        return float(centred @ seconds / (centred @ centred))

    def as_json(self) -> dict[str, Any]:
        """Return the fields and the exponent as JSON values."""
        return asdict(self) | {"exponent": self.exponent}


@dataclass(frozen=True, kw_only=True, slots=True)
class Variant:
    """Something whose cost is measured at several sizes."""

    name: str
    """For the legend."""

    prepare: Callable[[int], Work]
    """Makes the work of a size; what it prepares is kept for that size only."""

    num_bytes: Callable[[int], int] | None = None
    """Memory that the work of a size takes, if it may be too much."""


def sweep(
    variants: Sequence[Variant],
    sizes: Sequence[int],
    *,
    panel: str,
    work: str,
    repeats: int,
    growth: float,
    max_seconds: float = MAX_SECONDS,
    max_bytes: int = MAX_BYTES,
    seconds_per_size: float = SECONDS_PER_SIZE,
) -> list[Curve]:
    """Measure variants at growing sizes; at each they take turns.

    Args:
        variants: what to measure.
        sizes: in ascending order.
        panel: what is varied.
        work: what is measured, with the sizes that stay.
        repeats: at sizes whose turns take milliseconds four times as many turns, where they take seconds three turns.
        growth: exponent by which the seconds of the next size are foreseen.
        max_seconds: a variant ends before a turn that is expected to be longer.
        max_bytes: a variant ends before it needs more memory.
        seconds_per_size: for all turns of all variants at one size, if that is enough for three.

    Returns:
        One curve per variant.

    Raises:
        ValueError: when the sizes do not ascend.
    """
    if not sizes or list(sizes) != sorted(set(sizes)):
        raise ValueError(explain(expected="sizes in ascending order", got=sizes, fix="Sort them."))
    points: dict[str, list[Point]] = {variant.name: [] for variant in variants}
    ended: dict[str, str] = {}
    for size in sizes:
        for variant in variants:
            foreseen = _foreseen(points[variant.name], size, growth)
            needed = variant.num_bytes(size) if variant.num_bytes else 0
            if foreseen > max_seconds:
                ended.setdefault(variant.name, f"{size} would take about {foreseen:.0f} s")
            elif needed > max_bytes:
                ended.setdefault(variant.name, f"{size} would take about {needed / 2**30:.0f} GB")
        running = [variant for variant in variants if variant.name not in ended]
        for name, seconds in _measure(running, size, repeats, seconds_per_size).items():
            points[name].append(Point(size=size, seconds=Spread.of(seconds), turns=len(seconds)))
    return [
        Curve(panel=panel, variant=name, work=work, points=tuple(found), ended=ended.get(name, ""))
        for name, found in points.items()
    ]


def _foreseen(points: Sequence[Point], size: int, growth: float) -> float:
    return points[-1].seconds.median * (size / points[-1].size) ** growth if points else 0.0


def _measure(
    variants: Sequence[Variant], size: int, repeats: int, seconds_per_size: float
) -> dict[str, tuple[float, ...]]:
    works = {variant.name: variant.prepare(size) for variant in variants}
    started = time.perf_counter()
    for work in works.values():  # warms up, and says how many turns there is time for
        work()
    once = time.perf_counter() - started
    turns = max(_MIN_TURNS, min(_TURNS_PER_REPEAT * repeats, int(seconds_per_size / once)))
    return take_turns(works, turns, warm_up=0)
