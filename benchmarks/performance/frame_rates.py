"""Frames per second of variants that take turns, each with as many frames per turn as it can make."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.performance.harness import Spread, Work, speed_ratio, take_turns


@dataclass(frozen=True, kw_only=True, slots=True)
class Timed:
    """A variant: slow ones make fewer frames."""

    work: Work
    """Makes the frames of a turn."""

    frames: int
    """How many these are."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FrameRate:
    """What came of a variant."""

    frames_per_second: Spread
    """Over the turns."""

    ours_is_faster_by: Spread
    """Ratio of our frames per second to these, turn by turn."""


def frame_rates(variants: Mapping[str, Timed], repeats: int, *, ours: str) -> dict[str, FrameRate]:
    """Let all variants work in turns.

    Args:
        variants: by name, in the order of the turns.
        repeats: turns of each that count.
        ours: name of the variant that the others are compared with.

    Returns:
        The rates by name.
    """
    seconds = take_turns({name: variant.work for name, variant in variants.items()}, repeats)
    return {
        name: FrameRate(
            frames_per_second=Spread.of(tuple(variant.frames / one for one in seconds[name])),
            ours_is_faster_by=speed_ratio(seconds, ours=ours, peer=name, work=variants[ours].frames / variant.frames),
        )
        for name, variant in variants.items()
    }
