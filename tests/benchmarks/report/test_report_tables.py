"""Tables of results with holes, uneven seeds, failures and ties."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from benchmarks.report.document import Document, compose
from benchmarks.report.evidence import Evidence
from benchmarks.report.figures.aggregates import draw_aggregates
from benchmarks.report.figures.curves import draw_learning
from benchmarks.report.figures.pictures import pictures
from benchmarks.report.files import to_csv, to_linkage, to_markdown, to_matrix, to_parquet
from benchmarks.report.options import Options
from benchmarks.report.table import Row, Table
from benchmarks.report.tables.curves import curves
from benchmarks.result import Failure, Result
from rmr_gym.envs.games import GAMES
from tests.benchmarks.report.synthetic import abstract, everything, natural, pairs

QUICK = Options(repetitions=20)


@pytest.fixture(scope="module")
def document() -> Document:
    results, failures = everything()
    return compose(Evidence(results=tuple(results), failures=tuple(failures)), QUICK)


def table(document: Document, name: str) -> Table:
    found = document.table(name)
    assert found is not None, name
    return found


def row(table: Table, **wanted: object) -> Row:
    (found,) = [one for one in table.rows if wanted.items() <= one.values.items()]
    return found


def composed(*results: Result) -> Document:
    return compose(Evidence(results=results), QUICK)


def test_every_table_is_there(document: Document) -> None:
    names = [one.name for one in document.tables]
    expected = ["coverage", "table2", "table1", "transfer", "bottleneck", "controls", "aggregates", "curves"]
    assert names == [*expected, "collapse", "experiments"]
    assert document.caveats == ["Failed experiments: 1; the report names them under its tables."]


def test_columns_of_rows_are_columns_of_tables(document: Document) -> None:
    for one in document.tables:
        names = [column.name for column in one.columns]
        assert len(names) == len(set(names)), one.name
        for line in one.rows:
            assert {*line.strong, *line.runs} <= set(names), one.name
        for column in one.columns:
            assert {column.std, *(column.bounds or ())} - {None} <= set(names), (one.name, column.name)


def test_links_lead_to_experiments(document: Document) -> None:
    ids = [one.id for one in document.evidence.results]
    for one in document.tables:
        for line in one.rows:
            for column, prefix in line.runs.items():
                if line.values.get(column) is not None:
                    assert any(name.startswith(prefix) for name in ids), prefix


def test_table_1_says_what_has_not_been_run(document: Document) -> None:
    found = table(document, "table1")
    assert len(found.rows) == 24
    assert "Not run: 20 of 24 games" in found.notes[0]
    missing = row(found, game="qbert")
    assert missing.values["verdict"] == "not run"
    assert missing.values["paper_rmr"] == 0.59
    assert "rmr" not in missing.values
    assert "(20 not run)" in found.summary[0]


@pytest.mark.parametrize(("arm", "other"), [("rmr", "c_swm"), ("c_swm", "rmr")])
def test_table_1_shows_an_arm_without_its_partner(arm: str, other: str) -> None:
    found = table(composed(*(natural("pong", arm, seed, 0.5 + seed / 10) for seed in (0, 1))), "table1")
    values = row(found, game="pong").values
    assert (values[arm], values[f"{arm}_std"]) == (pytest.approx(0.55), pytest.approx(0.1 / 2**0.5))
    assert other not in values
    assert (values["verdict"], values["seeds"]) == ("not run", 0)
    assert f"pong: seeds 0, 1 of {arm} without a partner, not compared." in found.notes


def test_means_are_those_of_the_seeds(document: Document) -> None:
    scores = [
        one.scores["readouts"]["full"]["bit_f1"]["weighted"]
        for one in document.evidence.results
        if (one.kind, one.game, one.arm, one.donor, one.slot_dim) == ("natural", "boxing", "rmr", "boxing", 64)
    ]
    values = row(table(document, "table1"), game="boxing").values
    assert values["rmr"] == pytest.approx(np.mean(scores))
    assert values["rmr_std"] == pytest.approx(np.std(scores, ddof=1))
    assert values["seeds"] == len(scores) == 6


def test_diagonal_of_the_transfer_matrix_is_table_1(document: Document) -> None:
    natural_rows, cells = table(document, "table1"), table(document, "transfer")
    for game in ("boxing", "breakout", "pong", "space_invaders"):
        one, other = row(natural_rows, game=game).values, row(cells, donor=game, game=game).values
        for name in ("rmr", "c_swm", "difference", "p_greater", "p_less", "verdict", "seeds"):
            assert one[name] == other[name], (game, name)


def test_transfer_names_holes_and_few_seeds(document: Document) -> None:
    found = table(document, "transfer")
    assert row(found, donor="pong", game="boxing").values["verdict"] == "not run"
    assert row(found, donor="boxing", game="pong").values["verdict"] == "too few seeds"
    said = "\n".join(found.notes)
    assert "Not run: 561 of 576 pairs; here are 4 donors and 4 games." in said
    assert "Not run inside of the matrix: pong to boxing." in said
    assert "boxing to breakout, boxing to pong, boxing to space_invaders: 2 seeds, p cannot fall below 0.25" in said
    assert "over the cells that two of them share" in said


def test_transfer_matrix_and_linkage_are_files(document: Document) -> None:
    assert document.transfer is not None
    lines = list(csv.reader(io.StringIO(to_matrix(document.transfer).decode())))
    assert lines[0] == ["donor", *document.transfer.games]
    assert [line[0] for line in lines[1:]] == list(document.transfer.donors)
    for donor, *numbers in lines[1:]:
        expected = [document.transfer.cells[donor, game].pairing.improvement for game in document.transfer.games]
        assert [float(number) if number else None for number in numbers] == pytest.approx(expected)
    trees = json.loads(to_linkage(document.transfer))
    assert sorted(trees["donors"]["order"]) == trees["donors"]["names"]
    assert len(trees["games"]["linkage"]) == 3


def test_bottleneck_has_both_arms_at_each_width(document: Document) -> None:
    found = table(document, "bottleneck")
    assert [one.values["width"] for one in found.rows] == [2, 4, 8, 16, 32, 64]
    assert all(isinstance(one.values[arm], float) for one in found.rows for arm in ("rmr", "c_swm"))
    assert row(found, width=2).values["processor"] == pytest.approx(0.7)
    assert row(found, width=64).values["rmr"] == row(table(document, "table1"), game="pong").values["rmr"]
    lonely = composed(*pairs("pong", [0.7], [0.6]), natural("pong", "rmr", 0, 0.5, width=8))
    assert "pong, width 8: c_swm not run." in table(lonely, "bottleneck").notes


def test_controls_have_three_readouts_and_both_ends_of_the_scale(document: Document) -> None:
    found = table(document, "controls")
    assert [one.values["arm"] for one in found.rows][:3] == ["rmr", "c_swm", "frozen_random"]
    for readout in ("full", "few_labels", "low_dimensional"):
        assert row(found, game="boxing", arm="untrained").values[f"{readout}_normalised"] == pytest.approx(0)
        assert row(found, game="boxing", arm="supervised").values[f"{readout}_normalised"] == pytest.approx(1)
    few = row(found, game="boxing", arm="anchored").values
    assert (few["full_verdict"], few["full_pairs"]) == ("too few seeds", 3)
    said = "\n".join(found.notes)
    assert "boxing, anchored beside rmr: 3 seeds, p cannot fall below 0.125" in said
    assert "boxing, breakout: anchored lacks seeds 3, 4, 5." in said


def test_controls_have_the_notes_of_all_readouts(document: Document) -> None:
    undefined = natural("pong", "untrained", 1, 0.6)
    readouts = undefined.scores["readouts"]
    undefined = dataclasses.replace(
        undefined, scores=undefined.scores | {"readouts": readouts | {"few_labels": {"bit_f1": {}}}}
    )
    results = [*pairs("pong", [0.7, 0.8], [0.6, 0.6]), natural("pong", "untrained", 0, 0.6), undefined]
    results.append(natural("pong", "supervised", 0, 0.9))
    said = table(composed(*results), "controls").notes
    assert "pong: seed 1 of rmr without a partner, not compared." in said
    assert "pong: seed 1 of untrained and rmr left out, a score is undefined (few labels readout)." in said
    few = "seeds, p cannot fall below 0.25, so there is no verdict"
    assert f"pong, c_swm beside rmr: 2 {few}." in said
    assert f"pong, untrained beside rmr: 2 {few} (full, low dimensional readout)." in said
    assert not any("full, full" in note for note in table(document, "controls").notes)


def test_table_2_leaves_the_best_open_where_a_predictor_is_missing(document: Document) -> None:
    found = table(document, "table2")
    freeway = row(found, game="freeway")
    assert freeway.values["best"] is None
    assert freeway.values["paper_best"] == "mpnn"
    assert "freeway: MLP not run, so no best of four." in found.notes
    assert "of 5 (best:" in found.summary[0]


def test_table_2_leaves_the_best_open_where_predictors_were_trained_otherwise() -> None:
    long, short = (
        {"abstract": {"processor": {"type": arm}, "loop": {"gradient_steps": steps}}}
        for arm, steps in (("mpnn", 50_000), ("mlp", 10))
    )
    results = [abstract("pong", "mpnn", 0, 0.9, config=long), abstract("pong", "mlp", 0, 0.7, config=short)]
    found = table(composed(*results, abstract("pong", "deep_sets", 0, 0.8, config=long)), "table2")
    assert row(found, game="pong").values["best"] is None
    assert not row(found, game="pong").strong & {f"{arm}_accuracy" for arm in ("mpnn", "mlp", "deep_sets")}
    assert (
        "pong: no best of four, settings of the predictors differ: abstract.loop.gradient_steps: 10 -> 50000."
        in found.notes
    )
    assert "MPNN is above copying in slot accuracy in 1 of 1 games; no game has all four" in found.summary[0]


def test_predictors_that_tie_share_the_first_place() -> None:
    found = table(composed(*(abstract("pong", arm, 0, 0.75) for arm in ("mlp", "deep_sets", "mpnn"))), "table2")
    pong = row(found, game="pong")
    assert pong.values["best"] == "deep_sets, mlp, mpnn"
    assert {"mlp_accuracy", "deep_sets_accuracy", "mpnn_accuracy"} <= pong.strong
    assert "copy_accuracy" not in pong.strong


def test_failures_are_named(document: Document) -> None:
    assert any("natural/pong/fine_tuned/seed-0" in note for note in table(document, "coverage").notes)
    assert any("natural/pong/fine_tuned/seed-0" in note for note in table(document, "table1").notes)
    data = Failure(id="data/pong", key="0" * 12, error="OSError: disk full", traceback="", attempts=1)
    found = compose(Evidence(results=(natural("pong", "rmr", 0, 0.7),), failures=(data,)), QUICK)
    assert "Failed: data/pong (OSError: disk full; 1 attempt)." in table(found, "coverage").notes


def test_collapse_warns() -> None:
    one = natural("pong", "rmr", 0, 0.5)
    collapse = {"effective_rank": 3.2, "active_margins": 0.0, "num_dead_slots": 4}
    found = table(composed(dataclasses.replace(one, collapse=collapse)), "collapse")
    said = "\n".join(found.notes)
    assert "effective rank 3.2" in said
    assert "up to 4 slots do not vary" in said
    assert "no margin is active" in said
    missing = table(composed(dataclasses.replace(one, collapse=None)), "collapse")
    assert "effective_rank" not in missing.rows[0].values


def test_curves_are_mean_and_range_over_seeds() -> None:
    results = [natural("pong", "rmr", seed, 0.5) for seed in (0, 1)]
    logs = [[{"step": 0, "loss": 1.0}, {"step": 5, "loss": 2.0}], [{"step": 0, "loss": 3.0}, {"step": 9, "loss": 9.0}]]
    results = [dataclasses.replace(one, curve=log) for one, log in zip(results, logs, strict=True)]
    (curve,) = curves(Evidence(results=tuple(results)))
    assert (curve.steps, curve.mean, curve.low, curve.high) == ([0], [2.0], [1.0], [3.0])


@pytest.mark.parametrize(
    "results",
    [
        [abstract("pong", "mpnn", 0, 0.7)],
        [natural("pong", "rmr", 0, 0.7)],
        [natural("pong", "rmr", 0, 0.7, donor="boxing")],
        [natural("pong", "untrained", 3, None)],
        [natural("pong", "c_swm", 0, 0.7, width=8)],
        [natural("pong", "new_arm", 0, 0.7), natural("a_new_game", "rmr", 0, 0.7)],
        [*pairs("pong", [0.0, 0.0], [0.0, 0.0])],
        [natural("pong", "rmr", 0, None, scores={})],
        [dataclasses.replace(abstract("pong", "mpnn", 0, 0.7), scores={}, curve=[], seconds={}, machine={})],
    ],
    ids=["abstract", "one", "foreign", "undefined", "narrow", "unknown", "zeros", "no scores", "bare"],
)
def test_any_part_of_a_benchmark_makes_a_report(results: list[Result]) -> None:
    found = composed(*results)
    for one in found.tables:
        to_csv(one)
        to_markdown(one)
        assert pq.read_table(io.BytesIO(to_parquet(one))).num_rows == len(one.rows)
    assert found.caveats
    assert "nan" not in to_markdown(table(found, "table1"))


def test_figures_are_drawn_of_any_part() -> None:
    for results in ([natural("pong", "rmr", 0, 0.7, donor="boxing")], [abstract("pong", "mpnn", 0, 0.7)]):
        for picture in pictures(composed(*results)):
            assert picture.png.startswith(b"\x89PNG")
            assert b"<svg" in picture.svg


def test_learning_curves_of_many_games_stand_beside_each_other() -> None:
    results = [abstract(game, arm, 0, 0.7) for game in GAMES for arm in ("mlp", "mpnn")]
    figure = draw_learning(curves(Evidence(results=tuple(results))))
    assert figure is not None
    assert len(figure.axes) == 24
    assert max(figure.get_size_inches()) < 15
    assert [axes.get_xlabel() for axes in figure.axes[-4:]] == ["gradient steps"] * 4
    assert [axes.get_ylabel() for axes in figure.axes[:5]] == [
        "processor: loss of bits",
        "",
        "",
        "",
        "processor: loss of bits",
    ]
    few = draw_learning(curves(Evidence(results=tuple(results[:10]))))
    assert few is not None
    assert [bool(axes.get_xlabel()) for axes in few.axes] == [False, True, True, True, True]


def test_aggregates_say_what_is_hollow_and_what_lines_rest_on(document: Document) -> None:
    figure = draw_aggregates(table(document, "aggregates"))
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["the arm", "RMR on the same games and seeds"]
    labels = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert labels[-1] == "c_swm\n(4 games, 6 seeds)"
    assert "anchored\n(2 games, 3 seeds)" in labels
    alike = composed(*pairs("pong", [0.7], [0.6]), natural("pong", "anchored", 0, 0.6))
    axes = draw_aggregates(table(alike, "aggregates")).axes[0]
    assert [text.get_text() for text in axes.get_yticklabels()] == ["anchored", "c_swm"]


def test_narrow_slots_alone_are_the_usual_width() -> None:
    found = table(composed(*pairs("pong", [0.7] * 5, [0.6] * 5, width=16)), "table1")
    assert row(found, game="pong").values["verdict"] == "better"
    assert row(found, game="pong").runs["rmr"] == "natural/pong/rmr/width-16/seed-"


def test_files_hold_full_precision_and_types(document: Document, tmp_path: Path) -> None:
    one = table(document, "table1")
    lines = list(csv.DictReader(io.StringIO(to_csv(one).decode())))
    parquet = pq.read_table(io.BytesIO(to_parquet(one)))
    assert parquet.column_names == list(lines[0]) == [column.name for column in one.columns]
    for line, typed, source in zip(lines, parquet.to_pylist(), one.rows, strict=True):
        for name, value in typed.items():
            assert value == source.values.get(name)
            assert line[name] == ("" if value is None else str(value))
    assert json.loads(parquet.schema.metadata[b"notes"]) == list(one.notes)


def test_markdown_is_a_table(document: Document) -> None:
    text = to_markdown(table(document, "table1"))
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len({line.count("|") for line in rows}) == 1
    assert len(rows) == 26
    assert "paper: RMR" in rows[0]
    assert "**" in text


def test_profiles_that_are_mixed_are_named() -> None:
    mixed = composed(natural("pong", "rmr", 0, 0.7), natural("boxing", "rmr", 0, 0.7, profile="smoke"))
    assert any("mix profiles (1 of" in caveat for caveat in mixed.caveats)
    assert not any("mix profiles" in caveat for caveat in composed(natural("pong", "rmr", 0, 0.7)).caveats)


def test_experiments_hold_every_score(document: Document) -> None:
    found = row(table(document, "experiments"), id="natural/boxing/rmr/seed-0").values
    full, few = found["full"], found["few_labels"]
    assert isinstance(full, float)
    assert few == pytest.approx(full - 0.05)
    assert found["score"] == full
    assert found["majority"] == 0.4
    assert found["bit_f1"] is None
    assert row(table(document, "experiments"), id="abstract/pong/mpnn/seed-0").values["copy_slot_accuracy"] == 0.6
