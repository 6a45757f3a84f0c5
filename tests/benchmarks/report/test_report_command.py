"""`python -m benchmarks report` writes what was asked for, and pages of the documentation show what records hold."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import re
from pathlib import Path

import pytest

import benchmarks.report
from benchmarks.__main__ import main
from benchmarks.report.options import Options
from benchmarks.report.pages import LONG, NO_RECORD, SHORT, filled
from benchmarks.report.record import SUFFIX, to_record
from benchmarks.result import Failure
from tests.benchmarks.report.synthetic import abstract, everything, natural, pairs, write

ROOT = Path(__file__).parents[3]
PAGES = [
    path
    for path in (ROOT / "README.md", ROOT / "docs" / "benchmark.md")
    if SHORT.begin in path.read_text("utf-8") or LONG.begin in path.read_text("utf-8")
]


def test_command_writes_report_and_record(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = [*pairs("pong", [0.7] * 5, [0.6] * 5), *pairs("boxing", [0.6] * 5, [0.7] * 5)]
    results += [natural("pong", "rmr", k, 0.65, donor="boxing") for k in range(5)]
    results += [abstract("pong", "mpnn", 0, 0.8), natural("pong", "rmr", 0, 0.5, width=8)]
    write(tmp_path / "runs", results)
    out, record = tmp_path / "report", tmp_path / "records" / "all.jsonl.gz"
    assert main(["report", str(tmp_path / "runs"), "--out", str(out), "--record", str(record)]) == 0
    said = capsys.readouterr().out
    assert "27 results gathered" in said
    assert "Table 1: Ours, RMR beside C-SWM: 1 better, 1 worse, 0 without a difference (22 not run)" in said
    assert "open" in said
    names = {path.name for path in out.iterdir()}
    tables = {"coverage", "table1", "table2", "transfer", "bottleneck", "controls", "aggregates", "curves", "collapse"}
    for table in (tables | {"experiments"}) - {"controls"}:
        assert {f"{table}.csv", f"{table}.parquet"} <= names
    for figure in ("transfer", "bottleneck", "aggregates", "curves"):
        assert {f"{figure}.png", f"{figure}.svg"} <= names
    assert {"index.html", "report.md", "transfer_matrix.csv", "transfer_linkage.json"} <= names
    text = (out / "report.md").read_text(encoding="utf-8")
    assert "![Transfer between games](transfer.png)" in text
    assert "No control has been run." in text
    again = tmp_path / "again"
    assert main(["report", str(record), "--out", str(again)]) == 0
    for name in ("table1.csv", "transfer.csv", "aggregates.csv", "transfer.svg"):
        assert (again / name).read_bytes() == (out / name).read_bytes()


def test_mistakes_are_explained(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, pairs("pong", [0.7], [0.6]))
    for arguments, message in (
        ([str(tmp_path)], "Expected --out, --record or --page"),
        ([str(tmp_path), "--record", str(tmp_path / "all.json")], "the name of a record"),
        ([str(tmp_path / "nothing"), "--out", str(tmp_path / "o")], "Expected results; got none"),
        ([str(tmp_path), "--out", str(tmp_path / "o"), "--profile", "paper"], "profiles quick"),
        ([str(tmp_path), "--out", str(tmp_path / "o"), "--alpha", "0.7"], "a level alpha"),
    ):
        assert main(["report", *arguments]) == 2
        assert message in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "o").exists()


def test_page_shows_records_and_what_has_not_been_run(tmp_path: Path) -> None:
    results, failures = everything()
    record = tmp_path / "half.jsonl.gz"
    record.write_bytes(to_record(results, failures))
    page = f"# Title\n\n{SHORT.begin}\nstale text\n{SHORT.end}\n\n{LONG.begin}{LONG.end}\n\nend\n"
    found = filled(page, [record], Options(repetitions=20))
    short, long = found.split(LONG.begin)
    assert found.startswith("# Title\n")
    assert found.endswith("end\n")
    assert "stale text" not in found
    assert "**`half.jsonl.gz`**: 249 experiments, profile `quick`" in short
    assert "hours of experiments, added up (0." in short
    assert "torch 2.8.0" in short
    assert "Not run: 20 of 24 games" in short
    assert "| processor of |" in long
    assert "| pong |" in long
    assert "| qbert |" not in long  # not run
    assert "| games, beside RMR | full | few labels | low dimensional |" in short
    assert "| untrained | 0 better, " in short
    assert filled(found, [record], Options(repetitions=20)) == found
    twice = filled(page, [record, record], Options(repetitions=20))
    assert twice.count("15 better, 1 worse, 8 without a difference") == 2  # once in either section


def test_page_names_every_gap_and_counts_failures_once(tmp_path: Path) -> None:
    results = [*pairs("pong", [0.7] * 5, [0.6] * 4), *(abstract("pong", arm, 0, 0.8) for arm in ("mpnn", "deep_sets"))]
    other = natural("pong", "untrained", 0, 0.6, config={"probe": {"num_train_frames": 7}})
    failure = Failure(id="natural/pong/rmr/seed-9", key="0" * 12, error="OSError: disk full", traceback="", attempts=2)
    record = tmp_path / "some.jsonl.gz"
    record.write_bytes(to_record([*results, other], [failure]))
    found = filled(f"{SHORT.begin}{SHORT.end}", [record], Options(repetitions=20))
    for note in (
        "pong: MLP not run, so no best of four.",
        "pong: seed 4 of rmr without a partner, not compared.",
        "pong: rmr not normalised, settings of rmr and untrained differ: probe.num_train_frames: 4000 -> 7.",
    ):
        assert f"- {note}" in found
    assert "- ... and " in found
    assert found.count("ailed") == 1
    assert found.index("MLP not run") < found.index("without a partner"), "in the order of the tables"


def test_page_leaves_out_tables_without_numbers(tmp_path: Path) -> None:
    record = tmp_path / "some.jsonl.gz"
    record.write_bytes(to_record([natural("pong", "rmr", 0, 0.7, donor="boxing"), natural("pong", "c_swm", 0, 0.7)]))
    found = filled(f"{LONG.begin}{LONG.end}", [record], Options(repetitions=20))
    assert "### Table 2" not in found
    assert "### Transfer" in found
    record.write_bytes(to_record([natural("pong", "rmr", 0, 0.7, donor="boxing")]))
    assert "### Transfer" not in filled(f"{LONG.begin}{LONG.end}", [record], Options(repetitions=20))
    record.write_bytes(to_record([natural("pong", "untrained", 0, 0.7)]))
    assert "games, beside RMR" not in filled(f"{SHORT.begin}{SHORT.end}", [record], Options(repetitions=20))
    record.write_bytes(to_record([abstract("pong", "mpnn", 0, 0.8)]))
    found = filled(f"{LONG.begin}{LONG.end}", [record], Options(repetitions=20))
    assert "### Table 2" in found
    assert "- Table 2: ours" in found
    assert "Table 1" not in found, "neither a table nor a sentence, of ours or the paper's"


def test_page_leaves_out_gaps_that_another_record_fills(tmp_path: Path) -> None:
    predicted, encoded = tmp_path / "predicted.jsonl.gz", tmp_path / "encoded.jsonl.gz"
    predicted.write_bytes(to_record([abstract("pong", "mpnn", 0, 0.8)]))
    encoded.write_bytes(to_record(pairs("pong", [0.7] * 5, [0.6] * 5)))
    gap, nowhere = "RMR and C-SWM have no seed in common there", "Transfer between games has not been run."
    page, options = f"{SHORT.begin}{SHORT.end}", Options(repetitions=20)
    assert "Not run: 24 of 24 games" in filled(page, [predicted], options)
    both = filled(page, [predicted, encoded], options)
    assert "Not run: 24 of 24 games" not in both
    assert re.search(rf"Not run: 23 of 24 games \(.*\): {gap}", both)
    assert nowhere in both, "no record has it"


def test_page_is_made_of_the_choice(tmp_path: Path) -> None:
    config = {"natural": {"loop": {"gradient_steps": 7}}}
    other = pairs("boxing", [0.7], [0.6], config=config, profile="smoke")
    record, page = tmp_path / "some.jsonl.gz", tmp_path / "page.md"
    record.write_bytes(to_record([*pairs("pong", [0.7], [0.6]), *other]))
    for options in (["--profile", "smoke"], ["--where", "natural.loop.gradient_steps=7"]):
        page.write_text(f"{LONG.begin}{LONG.end}", encoding="utf-8")
        assert main(["report", str(record), "--page", str(page), *options]) == 0
        assert "| boxing |" in page.read_text("utf-8")
        assert "| pong |" not in page.read_text("utf-8")


def test_page_without_records_or_marks() -> None:
    assert NO_RECORD in filled(f"{SHORT.begin}{SHORT.end}", [], Options())
    with pytest.raises(ValueError, match="a page with marks"):
        filled("# Title", [], Options())


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_command_of_the_documentation_works_once_there_is_a_record(page: Path, tmp_path: Path) -> None:
    record, copy = tmp_path / "half.jsonl.gz", tmp_path / page.name
    results, failures = everything()
    record.write_bytes(to_record(results, failures))
    copy.write_bytes(page.read_bytes())
    assert main(["report", str(record), "--page", str(copy)]) == 0
    assert "249 experiments" in copy.read_text("utf-8")
    assert NO_RECORD not in copy.read_text("utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_documentation_shows_the_records(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert filled(text, sorted((ROOT / "benchmarks" / "results").glob(f"*{SUFFIX}")), Options()) == text, (
        f"Run: python -m benchmarks report benchmarks/results/*.jsonl.gz --page {page.name}"
    )


def test_examples_are_right() -> None:
    found = pkgutil.walk_packages(benchmarks.report.__path__, "benchmarks.report.")
    names = ["benchmarks.intervals", "benchmarks.marks", *(module.name for module in found)]
    assert len(names) > 25
    outcomes = [doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS) for name in names]
    assert sum(one.attempted for one in outcomes) > 20
    assert sum(one.failed for one in outcomes) == 0
