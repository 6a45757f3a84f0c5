"""What the curves of a task say: each arm by itself, and beside NatureCNN."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from benchmarks.control.arms import ARMS, BASELINE
from benchmarks.control.curves import Curves
from benchmarks.intervals import interquartile_mean, resampled
from rmr_gym.evaluation.statistics import compare_paired, holm
from rmr_gym.seeding import numpy_generator

ALPHA = 0.05

_SEED = 0
"""Of the bootstrap."""

JsonObject = dict[str, Any]


def describe(curves: Mapping[str, Curves]) -> JsonObject:
    """Summarise each arm.

    Args:
        curves: of the arms of one task.

    Returns:
        For each arm its seeds, the steps of the evaluations, the interquartile mean of the returns at each with its
        95 % interval, the returns of each seed, and the same for the mean over the training (`area`) and the end
        (`final`).
    """
    found = {}
    for arm, one in curves.items():
        summaries = np.column_stack([one.returns, one.area])
        *along, area = resampled(summaries, interquartile_mean, numpy_generator(_SEED, "curves", arm))
        found[arm] = {
            "label": ARMS[arm].label,
            "seeds": list(one.seeds),
            "steps": one.steps.astype(int).tolist(),
            "returns": one.returns.round(4).tolist(),
            "curve": [_rounded(asdict(point)) for point in along],
            "area": _rounded(asdict(area)) | {"per_seed": one.area.round(4).tolist()},
            "final": _rounded(asdict(along[-1])) | {"per_seed": one.final.round(4).tolist()},
        }
    return found


def compare(curves: Mapping[str, Curves], pairs: Mapping[str, str]) -> list[JsonObject]:
    """Compare arms by the mean return over the training, paired by seed.

    The test is the exact signed-rank test, one-sided in both directions, corrected over the comparisons of the family
    by Holm's method. The interval is that of the mean difference, by the bootstrap.

    Args:
        curves: of the arms of one task.
        pairs: of the first arm the second one; those that are not there are left out.

    Returns:
        One document per comparison.
    """
    found: list[JsonObject] = []
    for first, second in pairs.items():
        if not {first, second} <= set(curves):
            continue
        seeds = sorted(set(curves[first].seeds) & set(curves[second].seeds))
        areas = [dict(zip(curves[arm].seeds, curves[arm].area.tolist(), strict=True)) for arm in (first, second)]
        scores = [[area[one] for one in seeds] for area in areas]
        if not seeds:
            continue
        test = compare_paired(scores[0], scores[1], alpha=ALPHA)
        difference = np.subtract(scores[0], scores[1])[:, None]
        (interval,) = resampled(difference, _mean, numpy_generator(_SEED, "difference", first, second))
        found.append(
            {
                "first": first,
                "second": second,
                "seeds": seeds,
                "difference": _rounded(asdict(interval)) | {"per_seed": difference[:, 0].round(4).tolist()},
                "p_greater": test.p_greater,
                "p_less": test.p_less,
                "smallest_p": 0.5 ** (test.num_pairs - test.num_zeros),
            }
        )
    for side in ("greater", "less"):
        adjusted = holm([one[f"p_{side}"] for one in found])
        for one, value in zip(found, adjusted.tolist(), strict=True):
            one[f"p_{side}_adjusted"] = value
    return [one | {"verdict": _verdict(one)} for one in found]


def against_baseline(curves: Mapping[str, Curves]) -> dict[str, str]:
    """Pair every arm with NatureCNN."""
    return {arm: BASELINE for arm in curves if arm != BASELINE}


def against_rmr(curves: Mapping[str, Curves]) -> dict[str, str]:
    """Pair every other frozen encoder with RMR, to see whether its objective matters."""
    return {arm: "rmr" for arm in curves if ARMS[arm].kind == "frozen" and arm != "rmr"}


def _mean(scores: np.ndarray) -> np.ndarray:
    return np.asarray(scores.mean(axis=-1), dtype=np.float64)


def _verdict(one: JsonObject) -> str:
    if one["p_greater_adjusted"] < ALPHA:
        return "faster"
    if one["p_less_adjusted"] < ALPHA:
        return "slower"
    return "not told apart"


def _rounded(interval: Mapping[str, float]) -> JsonObject:
    return {name: round(value, 4) for name, value in interval.items()}
