"""The tables of a run, from its result alone."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from rmr_gym.evaluation.statistics import MIN_PAIRS
from rmr_gym.pipeline.summary import HEADLINE

JsonObject = Mapping[str, Any]

_MARKS = {"better": ">", "worse": "<", "no difference": "≈"}
"""Verdicts in one character, so that three readouts fit into 80."""

_FILE_WIDTH = 120
"""Characters per line of a table in a file."""


def render(result: JsonObject) -> RenderableType:
    """Lay out the result of a run for a console: both stages, what follows from them, warnings."""
    tables = [abstract_table(result["abstract"]), natural_table(result)]
    if result["comparisons"]:
        tables.append(comparison_table(result))
    parts: list[RenderableType] = [part for table in tables for part in (table, "")]
    parts += [Text(sentence) for sentence in result["findings"]]
    parts += [Text(f"Warning: {sentence}", style="yellow") for sentence in result["warnings"]]
    return Group(*parts)


def as_text(result: JsonObject) -> str:
    """Return the same layout as plain text for a file."""
    return plain(render(result))


def plain(layout: RenderableType) -> str:
    """Return what a console would show, as lines of a file."""
    file = io.StringIO()
    Console(file=file, width=_FILE_WIDTH, color_system=None).print(layout)
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines()) + "\n"


def abstract_table(abstract: JsonObject) -> RenderableType:
    """Show how well the next RAM is predicted, by copying and by the processor."""
    table = columns("predictor", "slot accuracy", "F1 weighted", "F1 micro", "F1 macro", "changed slots")
    for name in ("copy", "processor"):
        row, f1 = abstract[name], abstract[name]["bit_f1"]
        values = (row["slot_accuracy"], f1["weighted"], f1["micro"], f1["macro"], row["changed_slot_accuracy"])
        table.add_row(name, *(_number(value) for value in values))
    num_slots = len(abstract["kept_slots"])
    return under(f"Abstract stage: next RAM on held-out episodes ({num_slots} bytes with enough entropy)", table)


def natural_table(result: JsonObject) -> RenderableType:
    """Show what a linear probe reads off the encoders of each arm, mean and standard deviation over seeds."""
    readouts, natural = result["config"]["probe"]["readouts"], result["natural"]
    table = columns("arm", *readouts, "effective rank")
    majority = _number(natural["majority"]["bit_f1"][HEADLINE])
    table.add_row("majority bit", *[majority] * len(readouts), "-")
    for arm, seeds in natural["arms"].items():
        by_readout = [[seed["readouts"][name]["bit_f1"][HEADLINE] for seed in seeds.values()] for name in readouts]
        ranks = [seed["collapse"]["effective_rank"] for seed in seeds.values()]
        table.add_row(arm, *(spread(values) for values in by_readout), spread(ranks, digits=0))
    num_seeds = result["config"]["num_seeds"]
    return under(f"Natural stage: RAM read off encoders, weighted bit F1 (seeds per arm: {num_seeds})", table)


def probe_table(probed: JsonObject) -> RenderableType:
    """Show what a linear probe reads off one encoder, beside the predictor that sees no features."""
    table = columns("readout", "F1 weighted", "F1 micro", "F1 macro", "slot accuracy", "labelled frames", "features")
    for name, row in {"majority bit": probed["majority"], **probed["readouts"]}.items():
        f1 = row["bit_f1"]
        values = (f1["weighted"], f1["micro"], f1["macro"], row["slot_accuracy"])
        counts = (row["num_labelled_frames"], row["num_features"])
        table.add_row(name, *(_number(value) for value in values), *(f"{count:,}" for count in counts))
    return under(f"RAM read off a frozen encoder ({len(probed['kept_slots'])} bytes with enough entropy)", table)


def probes_table(probed: Mapping[str, JsonObject]) -> RenderableType:
    """Show what linear probes read off several encoders on the same frames, one row each.

    Args:
        probed: records of the probe step under one configuration, by the name of the encoder.
    """
    some = next(iter(probed.values()))
    table = columns("encoder", *some["readouts"], "features", "effective rank")
    majority = _number(some["majority"]["bit_f1"][HEADLINE])
    table.add_row("majority bit", *[majority] * len(some["readouts"]), "-", "-")
    for name, record in probed.items():
        scores = [_number(row["bit_f1"][HEADLINE]) for row in record["readouts"].values()]
        widest = max(row["num_features"] for row in record["readouts"].values())
        table.add_row(name, *scores, f"{widest:,}", f"{record['collapse']['effective_rank']:.0f}")
    num_slots = len(some["kept_slots"])
    return under(f"RAM read off frozen encoders, weighted bit F1 ({num_slots} bytes with enough entropy)", table)


def comparison_table(result: JsonObject) -> RenderableType:
    """Show each arm against the reference arms: difference of the means, verdict and p-value per readout."""
    readouts = result["config"]["probe"]["readouts"]
    table = columns("arm", "against", *readouts)
    rows = {(row["reference"], row["arm"], row["readout"]): row for row in result["comparisons"]}
    for reference, arm in dict.fromkeys((reference, arm) for reference, arm, _ in rows):
        table.add_row(arm, reference, *(_cell(rows[reference, arm, readout]) for readout in readouts))
    marks = ", ".join(f"{mark} {verdict}" for verdict, mark in _MARKS.items())
    tested = any(row["num_pairs"] >= MIN_PAIRS for row in rows.values())
    legend = f"; {marks}" if tested else ""
    return under(f"Differences of weighted bit F1, paired by seed (one-sided Wilcoxon){legend}", table)


def columns(first: str, *others: str) -> Table:
    """Make a table that fits into 80 characters."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, collapse_padding=True)
    table.add_column(first, no_wrap=True)
    for other in others:
        table.add_column(other, justify="right")
    return table


def under(title: str, table: Table) -> RenderableType:
    """Put a heading above a table; rich would wrap it at the width of the table."""
    return Group(Text(title, style="bold"), table)


def _cell(row: JsonObject) -> str:
    difference = f"{row['mean_difference']:+.3f}"
    if row["num_pairs"] < MIN_PAIRS:
        return difference  # no p-value could mean anything
    return f"{difference} {_MARKS[row['verdict']]} p {min(row['p_greater'], row['p_less']):.2g}"


def spread(values: Sequence[float], digits: int = 3) -> str:
    """Show the mean of some seeds, and the standard deviation where there are several."""
    mean = f"{np.mean(values):.{digits}f}"
    return f"{mean} ± {np.std(values, ddof=1):.{digits}f}" if len(values) > 1 else mean


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
