"""Scores on a scale from an encoder that never learned (0) to one that was trained on the labels (1)."""

from __future__ import annotations

import math
from collections.abc import Sequence

from benchmarks.report.evidence import Evidence, mismatch
from benchmarks.report.measure import Measure
from benchmarks.report.tables.spread import mean_and_std, scores
from rmr_gym.evaluation.statistics import normalised_score

Scale = tuple[float, float]
"""Mean scores of `untrained` and `supervised` on a game."""


NARROW = 0.01
"""Distance of the two below which a note warns; ours: a few times the deviation over seeds of short runs."""


ENDS = ("untrained", "supervised")
"""Arms at 0 and at 1."""


def anchors(evidence: Evidence, game: str, measure: Measure, arms: Sequence[str]) -> Scale | None:
    """Return the scale of a game for some arms.

    Args:
        evidence: all results.
        game: rom id.
        measure: what is placed on the scale.
        arms: whose scores are placed.

    Returns:
        None where an end is missing, was made under other settings than the arms, or the supervised encoder is not
        above the untrained. The latter happens: a probe on very many features rewards rank.
    """
    if any(_unlike(evidence, game, arm) for arm in arms):
        return None
    low, high = (mean_and_std(scores(evidence.at("natural", game, end), measure))[0] for end in ENDS)
    return (low, high) if low is not None and high is not None and high > low else None


def other_scales(evidence: Evidence, game: str, arms: Sequence[str]) -> list[str]:
    """Say which arms have no scale because its ends were made under other settings."""
    notes = []
    for arm in arms:
        for end, change in list(_unlike(evidence, game, arm).items())[:1]:
            notes.append(f"{game}: {arm} not normalised, settings of {arm} and {end} differ: {change}.")
    return notes


def _unlike(evidence: Evidence, game: str, arm: str) -> dict[str, str]:
    """Return by end of the scale the first setting in which an arm differs from it."""
    seeds = {name: evidence.at("natural", game, name) for name in (arm, *ENDS)}
    # One seed of each says it all: those of an arm have the same settings.
    some = {name: next(iter(found.values())) for name, found in seeds.items() if found}
    changes = {end: mismatch(some[arm], some[end]) for end in ENDS if arm in some and end in some}
    return {end: found[0] for end, found in changes.items() if found}


def placed(score: float, scale: Scale | None) -> float | None:
    """Place a score on a scale.

    Example:
        >>> placed(0.75, (0.5, 1.0)), placed(0.75, None)
        (0.5, None)
    """
    if scale is None:
        return None
    value = normalised_score(score, untrained=scale[0], supervised=scale[1])
    return value if math.isfinite(value) else None


def without_scale(evidence: Evidence, games: list[str], measure: Measure) -> list[str]:
    """Say for which games there is no scale, and why."""
    notes = []
    for game in games:
        missing = [arm for arm in ENDS if not evidence.at("natural", game, arm)]
        if missing:
            notes.append(f"{game}: not normalised, {' and '.join(missing)} not run.")
            continue
        scale, where = anchors(evidence, game, measure, ()), f"{measure.readout} readout"
        if scale is None:
            notes.append(f"{game}: not normalised, the supervised encoder is not above the untrained ({where}).")
        elif scale[1] - scale[0] < NARROW:
            width = f"only {scale[1] - scale[0]:.4f}"
            notes.append(f"{game}: from untrained to supervised is {width} ({where}), so normalised scores say little.")
    return notes
