from __future__ import annotations

import copy
import io
import json
import re
from pathlib import Path

import pytest
from rich.console import Console, RenderableType

from rmr_gym.evaluation.statistics import compare_paired
from rmr_gym.pipeline.stage import JsonObject
from rmr_gym.pipeline.tables import abstract_table, as_text, comparison_table, natural_table, probe_table


def _text(shown: RenderableType, width: int = 120) -> str:
    file = io.StringIO()
    Console(file=file, width=width, color_system=None).print(shown)
    return file.getvalue()


def _row(text: str, name: str) -> list[str]:
    line = next(line for line in text.splitlines() if line.startswith(name))
    return re.split(r" {2,}", line.strip())


@pytest.fixture
def five_seeds(finished: tuple[Path, JsonObject]) -> JsonObject:
    """The result as if five seeds had been run, with scores that can be followed by hand."""
    result = copy.deepcopy(finished[1])
    result["config"]["num_seeds"] = 5
    natural = result["natural"]["arms"]
    for arm, base in {"rmr": 0.80, "c_swm": 0.70}.items():
        seeds = {}
        for seed in range(5):
            record = copy.deepcopy(natural[arm]["3"])
            for readout in record["readouts"].values():
                readout["bit_f1"]["weighted"] = base + seed / 100
            record["collapse"]["effective_rank"] = 10.0 + seed
            seeds[str(seed)] = record
        natural[arm] = seeds
    comparison = compare_paired([0.8 + seed / 100 for seed in range(5)], [0.7 + seed / 200 for seed in range(5)])
    fields = {name: getattr(comparison, name) for name in comparison.__dataclass_fields__}
    result["comparisons"] = [
        {"readout": readout, "arm": "rmr", "reference": "c_swm", **fields}
        for readout in result["config"]["probe"]["readouts"]
    ]
    return result


def test_abstract_table_shows_copy_and_processor(finished: tuple[Path, JsonObject]) -> None:
    abstract = finished[1]["abstract"]
    row = _row(_text(abstract_table(abstract)), "copy")
    f1 = abstract["copy"]["bit_f1"]
    assert row == [
        "copy",
        *(f"{value:.3f}" for value in (abstract["copy"]["slot_accuracy"], f1["weighted"], f1["micro"], f1["macro"])),
        "0.000",
    ]
    assert len(_row(_text(abstract_table(abstract)), "processor")) == 6


def test_abstract_table_shows_a_dash_for_a_number_that_is_missing(finished: tuple[Path, JsonObject]) -> None:
    abstract = copy.deepcopy(finished[1]["abstract"])
    abstract["copy"]["changed_slot_accuracy"] = None  # no byte changed
    assert _row(_text(abstract_table(abstract)), "copy")[5] == "-"


def test_natural_table_shows_means_and_deviations(five_seeds: JsonObject) -> None:
    text = _text(natural_table(five_seeds))
    assert _row(text, "rmr") == ["rmr", *["0.820 ± 0.016"] * 3, "12 ± 2"]
    majority = f"{five_seeds['natural']['majority']['bit_f1']['weighted']:.3f}"
    assert _row(text, "majority bit") == ["majority bit", *[majority] * 3, "-"]


def test_comparison_table_fits_into_80_characters(five_seeds: JsonObject) -> None:
    lines = _text(comparison_table(five_seeds)).splitlines()
    assert "> better, < worse, ≈ no difference" in " ".join(lines)
    assert max(len(line.rstrip()) for line in lines[2:]) <= 80


def test_comparison_table_shows_verdict_and_p(five_seeds: JsonObject) -> None:
    assert _row(_text(comparison_table(five_seeds)), "rmr") == ["rmr", "c_swm", *["+0.110 > p 0.031"] * 3]


def test_comparison_table_claims_nothing_for_one_seed(finished: tuple[Path, JsonObject]) -> None:
    text = _text(comparison_table(finished[1]))
    assert "better" not in text
    assert " p " not in text
    assert _row(text, "rmr")[2][0] in "+-"


@pytest.mark.parametrize("name", ["abstract", "natural", "comparison"])
def test_tables_keep_their_first_column_on_a_narrow_terminal(finished: tuple[Path, JsonObject], name: str) -> None:
    result = finished[1]
    tables = {
        "abstract": (abstract_table(result["abstract"]), ("copy", "processor")),
        "natural": (natural_table(result), ("majority bit", *result["natural"]["arms"])),
        "comparison": (comparison_table(result), ("rmr", "supervised")),
    }
    table, names = tables[name]
    text = _text(table, width=80)
    assert all(_row(text, first)[0] == first for first in names)
    assert "…" not in text


def test_probe_table_shows_the_majority_bit_first(finished: tuple[Path, JsonObject]) -> None:
    probed = json.loads((finished[0] / "encoders" / "rmr" / "seed-3" / "probe.json").read_text())
    text = _text(probe_table(probed), width=80)
    assert _row(text, "majority bit")[-1] == "0"
    assert _row(text, "full")[-2:] == ["60", "8,192"]
    assert "…" not in text


def test_as_text_is_plain_and_complete(five_seeds: JsonObject) -> None:
    text = as_text(five_seeds)
    assert "\x1b" not in text
    assert all(line == line.rstrip() for line in text.splitlines())
    assert all(sentence in text.replace("\n", " ") for sentence in five_seeds["findings"])
    assert "Warning: Only 1 of at least 5 seeds" in text


def test_as_text_does_without_comparisons(finished: tuple[Path, JsonObject]) -> None:
    result = {**finished[1], "comparisons": [], "findings": []}
    assert "Differences" not in as_text(result)
    assert "Differences" in as_text(finished[1])
