from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import rankdata, wilcoxon

from rmr_gym.evaluation.statistics import _signed_rank, benjamini_hochberg, compare_paired, holm, normalised_score
from rmr_gym.seeding import numpy_generator


def enumerated_p_greater(difference: np.ndarray) -> float:
    """Share of the 2**n sign assignments whose positive rank sum is at least the observed one."""
    difference = difference[difference != 0]
    ranks = rankdata(np.abs(difference))
    observed = ranks[difference > 0].sum()
    sums = [np.dot(ranks, signs) for signs in itertools.product([0, 1], repeat=len(ranks))]
    return float(np.mean(np.array(sums) >= observed))


@pytest.mark.parametrize("num_pairs", range(1, 9))
def test_compare_paired_equals_brute_force_enumeration(num_pairs: int) -> None:
    generator = numpy_generator(num_pairs, "scores")
    first, second = generator.random((2, num_pairs))
    if num_pairs > 3:
        first[0] = second[0]  # a zero difference is dropped
    result = compare_paired(first.tolist(), second.tolist())
    assert result.p_greater == pytest.approx(enumerated_p_greater(first - second))
    assert result.p_less == pytest.approx(enumerated_p_greater(second - first))


@pytest.mark.parametrize("num_pairs", [20, 60])
def test_compare_paired_equals_scipy_exact(num_pairs: int) -> None:
    first, second = numpy_generator(0, "long", num_pairs).random((2, num_pairs))
    result = compare_paired(first.tolist(), second.tolist())
    for side, p_value in (("greater", result.p_greater), ("less", result.p_less)):
        assert p_value == pytest.approx(wilcoxon(first, second, alternative=side, method="exact").pvalue, rel=1e-9)


def test_compare_paired_equals_scipy_exact_when_zeros_are_dropped() -> None:
    first, second = numpy_generator(0, "zeros").random((2, 20))
    first[:3] = second[:3]
    expected = wilcoxon(first, second, alternative="less", zero_method="wilcox", method="exact").pvalue
    assert compare_paired(first.tolist(), second.tolist()).p_less == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("zero_method", ["wilcox", "pratt"])
def test_signed_rank_is_near_scipy_asymptotic_with_ties_and_zeros(zero_method: str) -> None:
    difference = numpy_generator(1, "ties").integers(-4, 7, 60).astype(float)
    greater, less = _signed_rank(difference, rank_zeros=zero_method == "pratt")
    for side, p_value in (("greater", greater), ("less", less)):
        expected = wilcoxon(
            difference, alternative=side, zero_method=zero_method, correction=True, method="asymptotic"
        ).pvalue
        assert p_value == pytest.approx(expected, rel=0.1)


def test_compare_paired_is_exact_with_ties() -> None:
    # Ranks 1, 2.5, 2.5, 4; the negative one is a 2.5. Rank sums of at most 2.5: {}, {1}, {2.5}, {2.5}.
    result = compare_paired([1.0, 2.0, -2.0, 3.0], [0.0] * 4)
    assert result.p_greater == pytest.approx(4 / 16)
    assert result.p_less == pytest.approx(14 / 16)


@pytest.mark.parametrize("unit", [0.1, 1.0, 1e6, 1 / 3])
def test_compare_paired_gives_the_same_p_values_in_every_unit(unit: float) -> None:
    # Differences -1, 5, 8, 1, 5, 1: ranks 2, 4.5, 6, 2, 4.5, 2. Of 64 sign patterns 4 have a negative rank sum of at
    # most 2: none negative, or one of the three of rank 2.
    scores = np.array([[4.0, 5.0, 12.0, 4.0, 9.0, 8.0], [5.0, 0.0, 4.0, 3.0, 4.0, 7.0]])
    for scaled in (scores * unit, scores / (1 / unit)):
        result = compare_paired(*scaled.tolist())
        assert result.p_greater == 4 / 64
        assert result.num_zeros == 0


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=1, max_size=12))
def test_compare_paired_does_not_see_the_unit(pairs: list[tuple[int, int]]) -> None:
    whole, percent = (compare_paired(*zip(*np.multiply(pairs, unit).tolist(), strict=True)) for unit in (1.0, 0.01))
    assert (percent.p_greater, percent.p_less) == (whole.p_greater, whole.p_less)
    assert percent.num_zeros == whole.num_zeros


@pytest.mark.parametrize("unit", [0.1, 1.0, 1e6])
def test_compare_paired_takes_rounding_for_no_difference(unit: float) -> None:
    assert 0.1 + 0.2 != 0.3
    result = compare_paired([unit * 0.3, unit * 0.5], [unit * (0.1 + 0.2), unit * 0.4])
    assert (result.num_zeros, result.p_greater, result.p_less) == (1, 0.5, 1.0)


def test_compare_paired_sees_small_differences_of_scores_that_are_small() -> None:
    result = compare_paired([3e-15, 2e-15], [1e-15, 1e-15])
    assert (result.num_zeros, result.p_greater) == (0, 0.25)


def test_compare_paired_hand_case_of_five_seeds() -> None:
    result = compare_paired([2.0, 3.0, 4.0, 5.0, 6.0], [1.9, 2.8, 3.7, 4.6, 5.5])
    assert (result.verdict, result.num_pairs, result.num_zeros, result.warning) == ("better", 5, 0, None)
    assert result.p_greater == pytest.approx(1 / 32)
    assert result.p_less == 1.0
    assert result.first_mean == 4.0
    assert result.first_std == pytest.approx(math.sqrt(2.5))
    assert result.second_mean == pytest.approx(3.7)
    assert result.second_std == pytest.approx(0.9 * math.sqrt(2.5))
    assert result.mean_difference == pytest.approx(0.3)


def test_compare_paired_reaches_the_smallest_p_of_twenty_seeds() -> None:
    first = np.arange(20) + np.linspace(0.1, 0.2, 20)
    assert compare_paired(first.tolist(), np.arange(20.0).tolist()).p_greater == pytest.approx(0.5**20)


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=12))
def test_compare_paired_mirrors_when_the_arms_change_places(pairs: list[tuple[float, float]]) -> None:
    first, second = zip(*pairs, strict=True)
    there, back = compare_paired(first, second), compare_paired(second, first)
    assert (there.p_greater, there.p_less) == pytest.approx((back.p_less, back.p_greater))
    mirrored = {"better": "worse", "worse": "better", "no difference": "no difference"}
    assert back.verdict == mirrored[there.verdict]
    assert back.verdict_depends_on_zeros == there.verdict_depends_on_zeros
    assert there.mean_difference == -back.mean_difference


def test_compare_paired_calls_equal_arms_no_difference() -> None:
    result = compare_paired([0.5] * 6, [0.5] * 6)
    assert (result.p_greater, result.p_less, result.verdict, result.num_zeros) == (1.0, 1.0, "no difference", 6)
    assert result.warning is not None
    assert "All pairs are equal" in result.warning


@pytest.mark.parametrize("num_pairs", [1, 3, 4])
def test_compare_paired_warns_below_five_seeds(num_pairs: int) -> None:
    first = [1.0 + 0.1 * seed for seed in range(num_pairs)]
    result = compare_paired(first, [0.0] * num_pairs)
    assert result.verdict == "no difference"
    assert result.warning is not None
    assert f"Only {num_pairs} seeds" in result.warning


@pytest.mark.parametrize(("alpha", "needed"), [(0.05, 5), (0.01, 7), (1 / 64, 7)])
def test_compare_paired_asks_for_as_many_seeds_as_the_level_needs(alpha: float, needed: int) -> None:
    few, enough = ([1.0 + seed for seed in range(count)] for count in (needed - 1, needed))
    warning = compare_paired(few, [0.0] * len(few), alpha=alpha).warning
    assert warning is not None
    assert f"run at least {needed} seeds" in warning
    assert compare_paired(enough, [0.0] * needed, alpha=alpha).warning is None


def test_compare_paired_counts_only_differing_seeds_for_the_warning() -> None:
    result = compare_paired([1.0, 2.0, 3.0, 4.0, 5.0], [0.0, 0.0, 0.0, 0.0, 5.0])
    assert result.warning is not None
    assert "Only 4 seeds" in result.warning


def test_compare_paired_flags_a_verdict_that_hangs_on_the_zeros() -> None:
    # Seven differences, the two smallest negative. Dropped zeros: 5 of 128 sign patterns have a negative rank sum of
    # at most 1 + 2. Ranked zeros shift the ranks to 4..10, and 8 of 128 patterns reach at most 4 + 5.
    first = [0.0, 0.0, 0.0, -0.1, -0.2, 0.3, 0.4, 0.5, 0.6, 0.7]
    result = compare_paired(first, [0.0] * 10)
    assert result.p_greater == pytest.approx(5 / 128)
    assert (result.verdict, result.num_zeros, result.verdict_depends_on_zeros) == ("better", 3, True)
    assert not compare_paired(first[3:], [0.0] * 7).verdict_depends_on_zeros


def test_compare_paired_ranks_zeros_of_long_series_too() -> None:
    first = [0.0] * 4 + [0.1 * seed for seed in range(1, 17)]
    result = compare_paired(first, [0.0] * 20)
    assert (result.verdict, result.num_zeros, result.verdict_depends_on_zeros) == ("better", 4, False)


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        ([1.0, 2.0], [1.0], "2 and 1 scores"),
        ([], [], "one score per seed"),
        ([1.0, math.nan], [1.0, 2.0], "finite scores"),
    ],
)
def test_compare_paired_refuses_broken_pairs(first: list[float], second: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        compare_paired(first, second)


@pytest.mark.parametrize("alpha", [0.0, 0.5, math.nan])
def test_compare_paired_refuses_levels_that_mean_nothing(alpha: float) -> None:
    with pytest.raises(ValueError, match="alpha"):
        compare_paired([1.0], [2.0], alpha=alpha)


def test_holm_hand_case() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == pytest.approx([1.0, 1.0])


def test_benjamini_hochberg_hand_case() -> None:
    # Sorted 0.005, 0.01, 0.03, 0.04 times 4/rank: 0.02, 0.02, 0.04, 0.04.
    assert benjamini_hochberg([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.02, 0.04, 0.04, 0.02])


@given(st.lists(st.floats(0, 1), max_size=20))
def test_corrections_only_raise_p_values_and_holm_raises_more(p_values: list[float]) -> None:
    by_holm, by_rate = holm(p_values), benjamini_hochberg(p_values)
    assert len(by_holm) == len(by_rate) == len(p_values)
    assert (by_rate >= np.array(p_values) - 1e-12).all()
    assert (by_holm >= by_rate - 1e-12).all()
    assert (by_holm <= 1.0).all()


@pytest.mark.parametrize("correct", [holm, benjamini_hochberg])
@pytest.mark.parametrize("p_values", [[0.1, 1.2], [-0.1], [math.nan]])
def test_corrections_refuse_what_is_no_p_value(correct, p_values: list[float]) -> None:
    with pytest.raises(ValueError, match="p-values"):
        correct(p_values)


def test_normalised_score_runs_between_the_anchors() -> None:
    assert normalised_score(0.8, untrained=0.8, supervised=0.9) == 0.0
    assert normalised_score(0.9, untrained=0.8, supervised=0.9) == 1.0
    assert normalised_score(0.75, untrained=0.8, supervised=0.9) == pytest.approx(-0.5)


def test_normalised_score_is_nan_without_a_scale() -> None:
    assert math.isnan(normalised_score(0.8, untrained=0.9, supervised=0.9))
    assert math.isnan(normalised_score(0.8, untrained=0.9, supervised=0.85))
