"""Scores on a scale from an encoder that never learned (0) to one that was trained on the labels (1)."""

from __future__ import annotations

import math

from benchmarks.report.evidence import Evidence
from benchmarks.report.measure import Measure
from benchmarks.report.tables.spread import mean_and_std, scores
from rmr_gym.evaluation.statistics import normalised_score

Scale = tuple[float, float]
"""Mean scores of `untrained` and `supervised` on a game."""


NARROW = 0.01
"""Distance of the two below which a note warns; ours: a few times the deviation over seeds of short runs."""


def anchors(evidence: Evidence, game: str, measure: Measure) -> Scale | None:
    """Return the scale of a game; None where an end is missing or the supervised encoder is not above the untrained.

    The latter happens: a probe on very many features rewards rank.
    """
    ends = [mean_and_std(scores(evidence.at("natural", game, arm), measure))[0] for arm in ("untrained", "supervised")]
    low, high = ends
    return (low, high) if low is not None and high is not None and high > low else None


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
        missing = [arm for arm in ("untrained", "supervised") if not evidence.at("natural", game, arm)]
        if missing:
            notes.append(f"{game}: not normalised, {' and '.join(missing)} not run.")
            continue
        scale, where = anchors(evidence, game, measure), f"{measure.readout} readout"
        if scale is None:
            notes.append(f"{game}: not normalised, the supervised encoder is not above the untrained ({where}).")
        elif scale[1] - scale[0] < NARROW:
            width = f"only {scale[1] - scale[0]:.4f}"
            notes.append(f"{game}: from untrained to supervised is {width} ({where}), so normalised scores say little.")
    return notes
