"""Comparisons, corrections, clusterings and aggregates agree with scipy, statsmodels, scikit-learn and rliable."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
import scipy.stats
from rliable import library, metrics
from scipy.cluster import hierarchy
from sklearn.cluster import AgglomerativeClustering
from sklearn.metrics.pairwise import nan_euclidean_distances
from statsmodels.stats.multitest import multipletests

from benchmarks.intervals import interquartile_mean, probability_of_improvement, stratified
from benchmarks.report.clustering import cluster
from benchmarks.report.comparison import Pairing, correct, family, pair, remarks, tally
from benchmarks.report.document import compose
from benchmarks.report.evidence import Evidence
from benchmarks.report.measure import Measure
from benchmarks.report.options import Options
from benchmarks.report.tables.aggregates import aggregates_table, rectangle
from benchmarks.report.tables.normalised import anchors, placed
from benchmarks.result import Result
from tests.benchmarks.report.synthetic import natural, pairs

ALPHA = 0.05


def pairing(first: list[float], second: list[float]) -> Pairing:
    return Pairing(seeds=tuple(range(len(first))), first=tuple(first), second=tuple(second), notes=())


def seeds_of(results: list[Result], arm: str) -> dict[int, Result]:
    return {one.seed: one for one in results if one.arm == arm}


@pytest.mark.parametrize("num_seeds", [1, 2, 3, 4, 5, 8, 20])
def test_p_values_are_those_of_scipy(num_seeds: int) -> None:
    random = np.random.default_rng(num_seeds)
    cells = [pairing(*random.normal(size=(2, num_seeds)).tolist()) for _ in range(6)]
    for cell, found in zip(cells, family(cells, alpha=ALPHA), strict=True):
        assert found.test is not None
        for side in ("greater", "less"):
            expected = scipy.stats.wilcoxon(cell.first, cell.second, alternative=side, method="exact").pvalue
            assert getattr(found.test, f"p_{side}") == pytest.approx(expected, rel=1e-12)
        means = np.mean(cell.first), np.mean(cell.second)
        assert (found.test.first_mean, found.test.second_mean) == pytest.approx(means)


def test_p_values_with_ties_and_zeros_are_those_of_all_sign_patterns() -> None:
    random = np.random.default_rng(0)
    for num_seeds in (3, 5, 8):
        second = random.integers(0, 4, size=num_seeds) / 4
        first = second + random.integers(-2, 3, size=num_seeds) / 8  # exact in binary
        (found,) = family([pairing(first.tolist(), second.tolist())], alpha=ALPHA)
        difference = (first - second)[first != second]
        ranks = scipy.stats.rankdata(np.abs(difference))
        signs = np.array(list(itertools.product([0, 1], repeat=len(ranks))))
        sums, observed = signs @ ranks, ranks[difference > 0].sum()
        assert found.test is not None
        assert found.test.num_zeros == num_seeds - len(difference)
        assert found.test.p_greater == pytest.approx(np.mean(sums >= observed))
        assert found.test.p_less == pytest.approx(np.mean(sums <= observed))


def test_corrections_are_those_of_statsmodels_and_scipy() -> None:
    random = np.random.default_rng(1)
    for size in (1, 2, 7, 24):
        raw = [(float(p), float(1 - p)) for p in np.round(random.uniform(size=size) ** 3, 2)]  # rounded: with ties
        for found, side in zip(correct(raw), zip(*raw, strict=True), strict=True):
            np.testing.assert_allclose(found["holm"], multipletests(side, method="holm")[1])
            np.testing.assert_allclose(found["bh"], scipy.stats.false_discovery_control(side))
            np.testing.assert_allclose(found["bh"], multipletests(side, method="fdr_bh")[1])


def test_holm_by_hand() -> None:
    # Sorted .01, .02, .04 times 3, 2, 1 is .03, .04, .04.
    greater, _ = correct([(0.04, 0.96), (0.01, 0.99), (0.02, 0.98)])
    assert greater["holm"] == pytest.approx([0.04, 0.03, 0.04])


def test_family_leaves_out_comparisons_with_too_few_seeds() -> None:
    five, four = [0.1 * k + 1 for k in range(5)], [0.1 * k + 1 for k in range(4)]
    cells = [pairing(five, [0.0] * 5), pairing(four, [0.0] * 4), pairing([], [])]
    enough, few, none = family(cells, alpha=ALPHA)
    assert [one.judgement for one in (enough, few, none)] == ["better", "too few seeds", "not run"]
    assert [one.judgement_holm for one in (enough, few, none)] == ["better", "too few seeds", "not run"]
    assert enough.holm is not None
    assert enough.holm[0] == 1 / 32  # a family of one
    assert few.holm is few.bh is none.test is None
    assert few.test is not None
    assert few.test.p_greater == 1 / 16
    assert "4 seeds, p cannot fall below 0.0625" in remarks("pong", few)[0]


def test_identical_arms_are_no_difference_with_p_one() -> None:
    scores = [0.5, 0.6, 0.55, 0.52, 0.57, 0.61]
    (found,) = family([pairing(scores, scores)], alpha=ALPHA)
    assert found.test is not None
    assert (found.test.p_greater, found.test.p_less, found.judgement) == (1.0, 1.0, "no difference")
    assert "all 6 pairs are equal (p = 1)" in remarks("pong", found)[0]


def test_equal_pairs_do_not_count_as_seeds_for_a_verdict() -> None:
    # Four gains and a tie: the smallest p that four pairs can have is 1/16.
    (found,) = family([pairing([0.1, 0.2, 0.3, 0.4, 0.0], [0.0] * 5)], alpha=ALPHA)
    assert found.test is not None
    assert (found.judgement, found.judgement_bh, found.holm) == ("too few seeds", "too few seeds", None)
    assert remarks("pong", found) == [
        "pong: 5 seeds, 1 of them equal and left out of the test, p cannot fall below 0.0625, so there is no verdict."
    ]
    (six,) = family([pairing([0.1, 0.2, 0.3, 0.4, 0.5, 0.0], [0.0] * 6)], alpha=ALPHA)
    assert six.judgement == "better"


def test_shuffled_seeds_destroy_the_pairing() -> None:
    # A gain of .001 at every seed beside a spread of .1 over seeds: found only when the seeds are paired.
    base = [0.1 * k for k in range(8)]
    gained = [one + 0.001 * (k + 1) for k, one in enumerate(base)]
    shuffled = [gained[index] for index in np.random.default_rng(0).permutation(8)]
    paired, broken = family([pairing(gained, base), pairing(shuffled, base)], alpha=ALPHA)
    assert (paired.judgement, broken.judgement) == ("better", "no difference")


def test_zeros_are_counted_and_what_depends_on_them_is_said() -> None:
    # Five gains and one loss that is the smallest: p = 2/64 without zeros; three zeros ranked below change it.
    difference = [0.0, 0.0, 0.0, 0.4, 0.5, 0.6, 0.7, 0.8, -0.3]
    (found,) = family([pairing(difference, [0.0] * 9)], alpha=ALPHA)
    assert found.test is not None
    expected = scipy.stats.wilcoxon(difference[3:], alternative="greater", method="exact").pvalue
    assert found.test.p_greater == pytest.approx(expected)
    said = " ".join(remarks("pong", found))
    assert "3 of 9 pairs are equal and left out" in said
    assert ("Pratt" in said) == found.test.verdict_depends_on_zeros


def test_pairs_are_made_by_seed_and_others_are_named() -> None:
    results = [natural("pong", "rmr", k, 0.7 + k / 100) for k in (0, 1, 3)]
    results += [natural("pong", "c_swm", k, 0.6 + k / 100) for k in (3, 1, 2)]
    found = pair(seeds_of(results, "rmr"), seeds_of(results, "c_swm"), Measure(), names=("rmr", "c_swm"), where="pong")
    assert found.seeds == (1, 3)
    assert found.first == (0.71, 0.73)
    assert found.second == (0.61, 0.63)
    assert found.notes == (
        "pong: seed 0 of rmr without a partner, not compared.",
        "pong: seed 2 of c_swm without a partner, not compared.",
    )
    assert found.improvement == pytest.approx(100 * (0.1 / 0.61 + 0.1 / 0.63) / 2)


@pytest.mark.parametrize("field", ["data", "probe", "natural"])
def test_seeds_under_other_settings_do_not_pair(field: str) -> None:
    first = natural("pong", "rmr", 0, 0.7, config={field: {"other": 1}})
    found = pair({0: first}, {0: natural("pong", "c_swm", 0, 0.6)}, Measure(), names=("rmr", "c_swm"), where="pong")
    assert found.seeds == ()
    assert f"settings differ: {field}." in found.notes[0]


def test_supervised_pairs_though_it_is_trained_otherwise() -> None:
    other = natural("pong", "supervised", 0, 0.8, config={"natural": {"loop": {"gradient_steps": 7}}})
    found = pair({0: other}, {0: natural("pong", "rmr", 0, 0.7)}, Measure(), names=("supervised", "rmr"), where="pong")
    assert found.seeds == (0,)


def test_supervised_does_not_pair_around_another_encoder() -> None:
    other = natural("pong", "supervised", 0, 0.8, config={"natural": {"encoder": {"maps_per_slot": 7}}})
    found = pair({0: other}, {0: natural("pong", "rmr", 0, 0.7)}, Measure(), names=("supervised", "rmr"), where="pong")
    assert found.seeds == ()
    assert "settings differ: natural.encoder: {'maps_per_slot': 7} -> None." in found.notes[0]


def test_processors_that_were_trained_otherwise_do_not_pair() -> None:
    meaning = {"learns_from": "pixels", "processor": "pretrained"}
    first, longer, foreign = (
        {"arm": meaning, "processor": {"data": {"game": game}, "abstract": {"loop": {"gradient_steps": steps}}}}
        for game, steps in (("pong", 10), ("pong", 20), ("boxing", 10))
    )
    rmr = {0: natural("pong", "rmr", 0, 0.7, config=first)}
    for config, seeds in ((longer, ()), (foreign, (0,)), ({"arm": meaning | {"processor": "random"}}, (0,))):
        other = natural("pong", "fine_tuned", 0, 0.6, config=config)
        assert pair(rmr, {0: other}, Measure(), names=("rmr", "fine_tuned"), where="pong").seeds == seeds


def test_undefined_scores_are_left_out_and_named() -> None:
    first, second = natural("pong", "rmr", 0, None), natural("pong", "c_swm", 0, 0.6)
    found = pair({0: first}, {0: second}, Measure(), names=("rmr", "c_swm"), where="pong")
    assert found.seeds == ()
    assert "a score is undefined" in found.notes[0]


def test_improvement_is_undefined_where_the_second_score_is_zero() -> None:
    assert pairing([0.5], [0.0]).improvement is None
    assert pairing([], []).improvement is None


def test_tally_counts_all() -> None:
    assert tally([]) == "0 better, 0 worse, 0 without a difference"
    assert tally(["too few seeds"] * 2) == "0 better, 0 worse, 0 without a difference (2 with too few seeds)"


@pytest.mark.parametrize("holes", [0, 5])
def test_clustering_is_that_of_scikit_learn_and_scipy(holes: int) -> None:
    random = np.random.default_rng(2)
    matrix = random.normal(size=(9, 8))
    matrix.ravel()[random.choice(72, holes, replace=False)] = np.nan
    found = cluster(matrix)
    distances = nan_euclidean_distances(matrix)
    assert found.linkage is not None
    for count in (2, 3, 5):
        ours = hierarchy.fcluster(found.linkage, count, criterion="maxclust")
        theirs = AgglomerativeClustering(count, metric="precomputed", linkage="complete").fit_predict(distances)
        np.testing.assert_array_equal(ours[:, None] == ours, theirs[:, None] == theirs)
    assert sorted(found.order) == list(range(9))
    assert list(found.order) == hierarchy.leaves_list(found.linkage).tolist()
    if not holes:
        np.testing.assert_allclose(found.linkage, hierarchy.linkage(matrix, "complete"))


def test_rows_without_a_shared_column_are_not_clustered() -> None:
    assert cluster(np.array([[1.0, np.nan], [np.nan, 2.0]])).linkage is None
    assert cluster(np.zeros((1, 3))).order == (0,)


@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (5, 4), (20, 24)])
def test_interquartile_mean_is_that_of_rliable(shape: tuple[int, int]) -> None:
    scores = np.random.default_rng(3).normal(size=shape)
    found = stratified(scores, interquartile_mean, np.random.default_rng(0), repetitions=50)
    assert found.estimate == pytest.approx(metrics.aggregate_iqm(scores))


def test_probability_of_improvement_is_that_of_rliable_with_ties_too() -> None:
    random = np.random.default_rng(4)
    for num_first, num_second, num_tasks in ((1, 1, 1), (4, 4, 2), (5, 3, 6), (20, 20, 24)):
        first = random.integers(0, 6, size=(num_first, num_tasks)) / 5
        second = random.integers(0, 6, size=(num_second, num_tasks)) / 5
        found = probability_of_improvement(first, second, random, repetitions=20)
        assert found.estimate == pytest.approx(metrics.probability_of_improvement(first, second))


def test_intervals_are_those_of_rliable() -> None:
    random = np.random.default_rng(5)
    first, second = random.normal(0.3, 1, size=(6, 4)), random.normal(0, 1, size=(6, 4))
    np.random.seed(1)  # noqa: NPY002 - rliable draws from the global generator
    _, bounds = library.get_interval_estimates(
        {"iqm": first}, lambda drawn: np.array([metrics.aggregate_iqm(drawn)]), reps=1_500
    )
    iqm = stratified(first, interquartile_mean, random, repetitions=1_500)
    assert [iqm.low, iqm.high] == pytest.approx(bounds["iqm"][:, 0].tolist(), abs=0.06)
    _, bounds = library.get_interval_estimates(
        {"p": [first, second]},
        lambda one, two: np.array([metrics.probability_of_improvement(one, two)]),
        reps=600,
    )
    chance = probability_of_improvement(first, second, random, repetitions=1_500)
    assert [chance.low, chance.high] == pytest.approx(bounds["p"][:, 0].tolist(), abs=0.05)


def test_aggregates_of_results_are_those_of_rliable() -> None:
    random = np.random.default_rng(6)
    scores = {arm: random.uniform(0.3, 0.8, size=(4, 3)) for arm in ("rmr", "c_swm", "untrained", "supervised")}
    scores["untrained"] -= 0.4
    scores["supervised"] += 0.4
    results = [
        natural(game, arm, seed, float(table[seed, place]))
        for arm, table in scores.items()
        for place, game in enumerate(("boxing", "pong", "qbert"))
        for seed in range(4)
    ]
    table = aggregates_table(Evidence(results=tuple(results)), Options(repetitions=50))
    assert table is not None
    row = next(row.values for row in table.rows if row.values["arm"] == "c_swm" and row.values["readout"] == "full")
    assert (row["games"], row["seeds"], row["normalised_games"]) == (3, 4, 3)
    assert row["iqm"] == pytest.approx(metrics.aggregate_iqm(scores["c_swm"]))
    assert row["rmr_iqm"] == pytest.approx(metrics.aggregate_iqm(scores["rmr"]))
    assert row["improvement"] == pytest.approx(metrics.probability_of_improvement(scores["rmr"], scores["c_swm"]))
    low, high = scores["untrained"].mean(axis=0), scores["supervised"].mean(axis=0)
    normalised = (scores["c_swm"] - low) / (high - low)
    assert row["normalised"] == pytest.approx(metrics.aggregate_iqm(normalised))


def test_aggregates_use_as_many_runs_as_make_a_rectangle() -> None:
    assert rectangle({"a": 5, "b": 5, "c": 1}) == (5, ["a", "b"])
    assert rectangle({"a": 2, "b": 1}) == (1, ["a", "b"])
    assert rectangle({}) == (0, [])
    results = [
        *pairs("pong", [0.7] * 3, [0.6] * 3),
        *pairs("qbert", [0.7] * 5, [0.6] * 5),
        *pairs("boxing", [0.7], [0.6]),
    ]
    table = aggregates_table(Evidence(results=tuple(results)), Options(repetitions=20))
    assert table is not None
    assert any("boxing left out, fewer than 3 seeds" in note for note in table.notes)
    assert any("only the first 3 seeds of qbert" in note for note in table.notes)


def test_scale_needs_a_supervised_encoder_above_the_untrained() -> None:
    below = [natural("pong", "untrained", 0, 0.9), natural("pong", "supervised", 0, 0.8)]
    assert anchors(Evidence(results=tuple(below)), "pong", Measure(), ()) is None
    above = [natural("pong", "untrained", 0, 0.6), natural("pong", "supervised", 0, 0.8)]
    assert placed(0.7, anchors(Evidence(results=tuple(above)), "pong", Measure(), ())) == pytest.approx(0.5)


def test_scale_of_other_settings_is_no_scale() -> None:
    other = {"natural": {"encoder": {"maps_per_slot": 7}}}
    ends = [natural("pong", arm, 0, score, config=other) for arm, score in (("untrained", 0.6), ("supervised", 0.8))]
    evidence = Evidence(results=(*pairs("pong", [0.7], [0.65]), *ends))
    assert anchors(evidence, "pong", Measure(), ["rmr"]) is None
    assert anchors(evidence, "pong", Measure(), ["untrained"]) == (0.6, 0.8)
    changed = "natural.encoder: None -> {'maps_per_slot': 7}"
    document = compose(evidence, Options(repetitions=20))
    for name in ("table1", "controls", "aggregates"):
        table = document.table(name)
        assert table is not None
        assert f"pong: rmr not normalised, settings of rmr and untrained differ: {changed}." in table.notes, name
        placed_on_it = [row.values.get("rmr_normalised") for row in table.rows if row.values.get("arm") != "untrained"]
        assert set(placed_on_it) == {None}, name


def test_result_of_another_readout_is_measured() -> None:
    result = natural("pong", "rmr", 0, 0.7)
    assert Measure(readout="low_dimensional", average="micro")(result) == pytest.approx(0.7 - 0.1 + 0.01)
    assert Measure()(dataclasses.replace(result, scores={})) is None
    with pytest.raises(ValueError, match="known readout"):
        Measure(readout="best")
