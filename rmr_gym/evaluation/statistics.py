"""Paired comparison of two arms over seeds, corrections for many comparisons, and a score between two anchors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float64

from rmr_gym.errors import explain

Verdict = Literal["better", "worse", "no difference"]

MIN_PAIRS = 5
"""Fewest seeds at which a one-sided signed-rank test can reach p < 0.05: the smallest p is 2**-n."""

_ROUNDING = 1e-12
"""Differences of scores this close, as a part of the largest score, are equal: sums of some thousand doubles stay below
it, and nobody measures a score that finely."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PairedComparison:
    """Outcome of comparing a first arm with a second one over the same seeds."""

    num_pairs: int
    """Number of seeds."""

    num_zeros: int
    """Seeds at which both arms score the same, up to rounding; the test leaves them out."""

    first_mean: float
    """Mean score of the first arm."""

    first_std: float
    """Sample standard deviation over seeds (denominator n - 1; 0 for one seed)."""

    second_mean: float
    """Mean score of the second arm."""

    second_std: float
    """Sample standard deviation of the second arm."""

    mean_difference: float
    """Mean over seeds of first minus second."""

    p_greater: float
    """One-sided p-value of "the first arm scores higher"."""

    p_less: float
    """One-sided p-value of "the first arm scores lower"."""

    verdict: Verdict
    """What the first arm is: better, worse, or not told apart, at the level that was asked for."""

    verdict_depends_on_zeros: bool
    """Whether the verdict changes when zeros are ranked (Pratt) instead of dropped (Wilcoxon)."""

    warning: str | None
    """What to know before quoting the verdict; None when there is nothing."""


def compare_paired(first: Sequence[float], second: Sequence[float], *, alpha: float = 0.05) -> PairedComparison:
    """Compare two arms by two one-sided Wilcoxon signed-rank tests over paired seeds.

    The null distribution is exact at every number of seeds, with ties too; zero differences are dropped. Since both
    directions are tested at `alpha`, the two-sided level is `2 * alpha`, as in the paper. What differs by rounding
    alone is equal, as 0.9 - 0.8 and 0.4 - 0.3 are, so that scores in another unit give the same p-values.

    Source: paper, table 1 and section 5 ("p < 0.05, one-sided paired Wilcoxon test").

    Args:
        first: one score per seed.
        second: one score per seed, in the same order of seeds.
        alpha: level of each one-sided test, in (0, 0.5).

    Returns:
        Means, p-values and verdict.

    Raises:
        ValueError: when the lengths differ, there is no pair, a score is not finite, or alpha is out of range.

    Example:
        >>> compare_paired([0.81, 0.84, 0.83, 0.85, 0.82], [0.80, 0.82, 0.80, 0.81, 0.77]).verdict
        'better'
    """
    scores = _as_pairs(first, second)
    if not 0.0 < alpha < 0.5:
        raise ValueError(explain(expected="a level alpha in (0, 0.5)", got=alpha, fix="Use 0.05."))
    difference = scores[0] - scores[1]
    signed_levels = _signed_levels(difference, float(np.abs(scores).max()))
    num_zeros = int((signed_levels == 0).sum())
    p_greater, p_less = _signed_rank(signed_levels, rank_zeros=False)
    verdict = _verdict(p_greater, p_less, alpha)
    by_pratt = _verdict(*_signed_rank(signed_levels, rank_zeros=True), alpha) if num_zeros else verdict
    means = scores.mean(axis=1)
    stds = scores.std(axis=1, ddof=1) if len(difference) > 1 else np.zeros(2)
    return PairedComparison(
        num_pairs=len(difference),
        num_zeros=num_zeros,
        first_mean=float(means[0]),
        first_std=float(stds[0]),
        second_mean=float(means[1]),
        second_std=float(stds[1]),
        mean_difference=float(difference.mean()),
        p_greater=p_greater,
        p_less=p_less,
        verdict=verdict,
        verdict_depends_on_zeros=by_pratt != verdict,
        warning=_warning(len(difference) - num_zeros, alpha),
    )


def holm(p_values: Sequence[float]) -> Float64[np.ndarray, " test"]:
    """Adjust p-values so that the chance of any false claim in the family stays below the level (Holm, 1979).

    Args:
        p_values: raw p-values in [0, 1], in any order.

    Returns:
        Adjusted p-values in the same order, to be compared with the level itself.

    Raises:
        ValueError: when a p-value lies outside [0, 1].
    """
    raw = _as_p_values(p_values)
    order = np.argsort(raw, kind="stable")
    stepped = np.maximum.accumulate(raw[order] * np.arange(len(raw), 0, -1))
    adjusted = np.empty_like(raw)
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted


def benjamini_hochberg(p_values: Sequence[float]) -> Float64[np.ndarray, " test"]:
    """Adjust p-values so that the expected share of false claims stays below the level (Benjamini, Hochberg, 1995).

    Args:
        p_values: raw p-values in [0, 1], in any order.

    Returns:
        Adjusted p-values in the same order, to be compared with the level itself.

    Raises:
        ValueError: when a p-value lies outside [0, 1].
    """
    from scipy.stats import false_discovery_control  # slow to import

    raw = _as_p_values(p_values)
    return np.asarray(false_discovery_control(raw, method="bh"), dtype=np.float64) if len(raw) else raw


def normalised_score(score: float, *, untrained: float, supervised: float) -> float:
    """Place a score between an encoder that never learned (0) and one trained on the labels (1).

    Args:
        score: the score of an arm; values outside the anchors extrapolate.
        untrained: score of the untrained encoder.
        supervised: score of the encoder trained on RAM bits.

    Returns:
        `(score - untrained) / (supervised - untrained)`; NaN when the supervised encoder is not above the untrained
        one, for then there is no scale (this happens: a probe on very many features rewards rank).
    """
    span = supervised - untrained
    return (score - untrained) / span if span > 0 else float("nan")


def _as_pairs(first: Sequence[float], second: Sequence[float]) -> Float64[np.ndarray, "2 pair"]:
    if len(first) != len(second) or len(first) == 0:
        raise ValueError(
            explain(
                expected="one score per seed for both arms",
                got=f"{len(first)} and {len(second)} scores",
                fix="Pair the arms by seed and leave out seeds that one of them lacks.",
            )
        )
    scores = np.array([first, second], dtype=np.float64)
    if not np.isfinite(scores).all():
        raise ValueError(explain(expected="finite scores", got=scores.tolist(), fix="Repeat the seeds that failed."))
    return scores


def _as_p_values(p_values: Sequence[float]) -> Float64[np.ndarray, " test"]:
    raw = np.array(p_values, dtype=np.float64)
    if not ((raw >= 0) & (raw <= 1)).all():  # NaN fails too
        raise ValueError(explain(expected="p-values in [0, 1]", got=list(p_values), fix="Pass raw p-values."))
    return raw


def _signed_levels(difference: Float64[np.ndarray, " pair"], largest_score: float) -> Float64[np.ndarray, " pair"]:
    """Number the sizes of differences, equal ones alike and nothing as 0, and give them back their signs.

    A size opens a level where it is more than rounding above the one before. Rounding all sizes to some digits would
    still part equal ones that lie on either side of a boundary.
    """
    sizes = np.abs(difference)
    order = np.argsort(sizes)
    levels = np.empty(len(sizes))
    levels[order] = np.cumsum(np.diff(sizes[order], prepend=0.0) > _ROUNDING * largest_score)
    signed: Float64[np.ndarray, " pair"] = np.copysign(levels, difference)
    return signed


def _signed_rank(difference: Float64[np.ndarray, " pair"], *, rank_zeros: bool) -> tuple[float, float]:
    """Return the exact p-values of "greater" and "less" under random signs; both 1 when every difference is zero.

    scipy offers the exact distribution only without ties and zeros. Adding the ranks one by one, each with either
    sign, gives it for any ranks; they are doubled because ties share half ranks.
    """
    from scipy.stats import rankdata  # slow to import

    ranked = difference if rank_zeros else difference[difference != 0]
    doubled = (2 * rankdata(np.abs(ranked)) * (ranked != 0)).astype(np.int64)
    probability = np.zeros(doubled.sum() + 1)  # of each positive rank sum
    probability[0] = 1.0
    for rank in doubled[doubled > 0]:
        probability[rank:] += probability[:-rank].copy()
        probability /= 2
    observed = int(doubled[ranked > 0].sum())
    greater, less = probability[observed:].sum(), probability[: observed + 1].sum()
    return min(float(greater), 1.0), min(float(less), 1.0)


def _verdict(p_greater: float, p_less: float, alpha: float) -> Verdict:
    if p_greater < alpha:
        return "better"
    return "worse" if p_less < alpha else "no difference"


def _warning(num_differing: int, alpha: float) -> str | None:
    if num_differing == 0:
        return "All pairs are equal: are the two arms the same run?"
    smallest = 0.5**num_differing
    if smallest >= alpha or num_differing < MIN_PAIRS:
        needed = max(MIN_PAIRS, math.floor(-math.log2(alpha)) + 1)
        return (
            f"Only {num_differing} seeds differ, so p cannot fall below {smallest:.3g}; "
            f"run at least {needed} seeds before claiming a difference."
        )
    return None
