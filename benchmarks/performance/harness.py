"""How everything here is timed: variants take turns in one process, and a result is a ratio with its spread."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from rmr_gym.errors import explain

Work = Callable[[], object]
"""Does a fixed amount of work; what it returns is dropped."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Spread:
    """Median and extremes of repeated measurements."""

    median: float
    lowest: float
    highest: float

    @classmethod
    def of(cls, values: tuple[float, ...]) -> Spread:
        """Summarise at least one value."""
        return cls(median=statistics.median(values), lowest=min(values), highest=max(values))


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """One line of the table: a figure, what it is measured against, and the bar it has to reach."""

    what: str
    """What is compared, with its sizes."""

    ours: str
    """Name of our variant."""

    peer: str
    """Name of what it is compared to."""

    figure: Spread
    """Ratio, share or amount; see `unit`."""

    unit: str = "x"
    """`x` for ratios of speed (peer's seconds by ours), otherwise what the figure is."""

    bar: float | None = None
    """Value that the median has to reach; None where nothing is asked for."""

    direction: Literal["at least", "at most"] = "at least"
    """Which side of the bar is good."""

    note: str = ""
    """What a reader has to know to judge the figure."""

    @property
    def passed(self) -> bool | None:
        """Tell whether the median reaches the bar; None without one."""
        if self.bar is None:
            return None
        return self.figure.median >= self.bar if self.direction == "at least" else self.figure.median <= self.bar

    def as_json(self) -> dict[str, Any]:
        """Return the fields and the verdict as JSON values."""
        return asdict(self) | {"passed": self.passed}


def take_turns(variants: Mapping[str, Work], repeats: int, *, warm_up: int = 1) -> dict[str, tuple[float, ...]]:
    """Let every variant work once in each round, so that a change of the machine's speed meets all of them.

    Args:
        variants: work by name, in the order of the turns.
        repeats: rounds that count.
        warm_up: rounds before, which do not count.

    Returns:
        Seconds of each round by name.
    """
    if repeats < 1:
        raise ValueError(explain(expected="at least one repeat", got=repeats, fix="Leave it at its default."))
    seconds: dict[str, list[float]] = {name: [] for name in variants}
    for number in range(warm_up + repeats):
        for name, work in variants.items():
            started = time.perf_counter()
            work()
            if number >= warm_up:
                seconds[name].append(time.perf_counter() - started)
    return {name: tuple(values) for name, values in seconds.items()}


def speed_ratio(seconds: Mapping[str, tuple[float, ...]], *, ours: str, peer: str, work: float = 1.0) -> Spread:
    """Divide the peer's seconds by ours, round by round.

    Args:
        seconds: from `take_turns`.
        ours: name of our variant.
        peer: name of the other one.
        work: how much more our variant does in a turn than the peer does, for slow peers that do less.
    """
    return Spread.of(tuple(work * slow / fast for slow, fast in zip(seconds[peer], seconds[ours], strict=True)))
