"""The paper's own numbers, fed through the report, give the paper's summary."""

from __future__ import annotations

import functools
import itertools

import numpy as np
import pytest

from benchmarks.report.evidence import Evidence
from benchmarks.report.options import Options
from benchmarks.report.paper import Natural, abstract_scores, natural_scores
from benchmarks.report.tables.abstract import abstract_table
from benchmarks.report.tables.natural import natural_table
from rmr_gym.envs.games import GAMES
from rmr_gym.pipeline.data_paper import paper_copy_scores
from tests.benchmarks.report.synthetic import abstract, pairs

NUM_SEEDS = 20


@functools.cache
def tails() -> np.ndarray:
    """Return P(positive rank sum >= w) of 20 random signs for every w."""
    counts = np.array([1.0])
    for rank in range(1, NUM_SEEDS + 1):
        longer = np.zeros(len(counts) + rank)
        longer[: len(counts)] += counts
        longer[rank:] += counts
        counts = longer / 2
    return np.cumsum(counts[::-1])[::-1]


def signs_of(rank_sum: int) -> np.ndarray:
    """Return signs of the ranks 1 to 20 of which the positive ones add up to a number."""
    signs = -np.ones(NUM_SEEDS)
    for rank in range(NUM_SEEDS, 0, -1):
        if rank <= rank_sum:
            signs[rank - 1] = 1
            rank_sum -= rank
    assert rank_sum == 0
    return signs


def seeds_like(row: Natural) -> tuple[list[float], list[float]]:
    """Make 20 pairs of scores with the printed means and deviations and the nearest p-value that 20 seeds can have.

    The differences have fixed signs and sizes that grow with their rank, as a power of it, so their p-value is fixed,
    whatever the power. It is chosen so that their deviation lies between the difference and the sum of the deviations
    of both arms; then there is a correlation of C-SWM with them under which both deviations come out as printed. The
    difference of the means may be any that rounds to the printed means.
    """
    table = tails()
    ahead = 1 if row.rmr[0] > row.c_swm[0] else -1
    # Where the paper prints a bound, all signs agree: 20 seeds then have p = 1e-6.
    rank_sum = int(np.abs(table - (0.0 if row.p_text.startswith("<") else row.p)).argmin())
    ranks = np.arange(1, NUM_SEEDS + 1)
    other = np.random.default_rng(0).normal(size=NUM_SEEDS)
    for shift in (0.0, -2e-4, 2e-4, -4e-4, 4e-4, -6e-4, 6e-4, -8e-4):
        mean = row.rmr[0] - row.c_swm[0] + shift
        for power in np.geomspace(0.02, 20, 200):
            shape = signs_of(rank_sum) * ahead * ranks**power
            if shape.mean() * mean <= 0:
                continue
            difference = shape * mean / shape.mean()
            spread = difference.std(ddof=1)
            correlation = (row.rmr[1] ** 2 - row.c_swm[1] ** 2 - spread**2) / (2 * row.c_swm[1] * spread)
            if abs(correlation) <= 1:
                along = (difference - difference.mean()) / spread
                across = other - other.mean() - along * (along @ other) / (along @ along)
                across /= across.std(ddof=1)
                base = row.c_swm[0] - shift / 2
                base = base + row.c_swm[1] * (correlation * along + np.sqrt(1 - correlation**2) * across)
                return (base + difference).tolist(), base.tolist()
    raise AssertionError(f"no 20 seeds are like {row}")


@pytest.fixture(scope="module")
def table_1() -> list[dict[str, object]]:
    results = [result for game, row in natural_scores().items() for result in pairs(game, *seeds_like(row))]
    table = natural_table(Evidence(results=tuple(results)), Options())
    assert table.summary[0].startswith("Ours, RMR beside C-SWM: 15 better, 1 worse, 8 without a difference;")
    assert table.summary[1] == "Paper (20 seeds): 15 better, 1 worse, 8 without a difference."
    return [dict(row.values) for row in table.rows]


def test_table_1_gives_the_papers_summary_from_seeds_with_its_numbers(table_1: list[dict[str, object]]) -> None:
    assert len(table_1) == 24
    for row in table_1:
        assert row["verdict"] == row["paper_verdict"], row["game"]
    assert [row["game"] for row in table_1 if row["verdict"] == "worse"] == ["pitfall"]


def test_seeds_have_the_papers_means_deviations_and_p_values(table_1: list[dict[str, object]]) -> None:
    for row in table_1:
        paper = natural_scores()[str(row["game"])]
        for arm, printed in (("rmr", paper.rmr), ("c_swm", paper.c_swm)):
            assert row[arm] == pytest.approx(printed[0], abs=6e-4), row["game"]
            assert row[f"{arm}_std"] == pytest.approx(printed[1], abs=6e-4), row["game"]
        p = row["p"]
        assert isinstance(p, float)
        assert p < 1e-5 if paper.p_text.startswith("<") else p == pytest.approx(paper.p, rel=0.06)


def test_table_2_gives_the_papers_summary() -> None:
    results = [
        abstract(game, arm, 0, row[arm][0], copy=row["copy"][0])
        for game, row in abstract_scores().items()
        for arm in ("mlp", "deep_sets", "mpnn")
    ]
    table = abstract_table(Evidence(results=tuple(results)), Options())
    ours, paper = table.summary
    assert "best of the four in 17 of 24 (best: MPNN 17, Deep Sets 2, MLP 5, copy 0)" in ours
    assert "above copying in slot accuracy in 21 of 24 games" in ours
    assert paper.removeprefix("Paper") == ours.removeprefix("Ours")
    for row in table.rows:
        assert row.values["best"] == row.values["paper_best"]
        for arm in ("copy", "mlp", "deep_sets", "mpnn"):
            assert row.values[f"{arm}_accuracy"] == row.values[f"paper_{arm}_accuracy"]
    assert table.notes == ()


def test_numbers_are_those_of_the_text() -> None:
    assert tuple(natural_scores()) == tuple(abstract_scores()) == GAMES
    assert natural_scores()["seaquest"] == Natural(
        agent57=(0.472, 0.007), c_swm=(0.634, 0.013), rmr=(0.653, 0.008), p_text="<1e-5"
    )
    assert natural_scores()["pitfall"].verdict == "worse"
    copy = paper_copy_scores("freeway")
    assert copy is not None
    assert abstract_scores()["freeway"]["copy"] == (copy.slot_accuracy, copy.bit_f1)


def test_p_value_of_either_direction() -> None:
    rows = natural_scores()
    assert (rows["pong"].p_greater, rows["pong"].p_less) == (0.001, 0.999)
    assert (rows["battle_zone"].p_greater, rows["battle_zone"].p_less) == (pytest.approx(0.944), 0.056)


def test_tails_of_the_rank_sum_are_those_of_all_patterns() -> None:
    assert tails()[-1] == 0.5**20
    few = [
        sum(rank for rank, sign in zip((1, 2, 3), signs, strict=True) if sign)
        for signs in itertools.product([0, 1], repeat=3)
    ]
    assert sorted(few) == [0, 1, 2, 3, 3, 4, 5, 6]
    assert signs_of(210).sum() == 20
