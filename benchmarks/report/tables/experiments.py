"""One row per experiment."""

from __future__ import annotations

import dataclasses

from benchmarks.report.evidence import Evidence, number
from benchmarks.report.measure import READOUTS
from benchmarks.report.options import Options
from benchmarks.report.origin import origin
from benchmarks.report.table import Column, Row, Table, Value
from benchmarks.result import Result


def experiments_table(evidence: Evidence, options: Options) -> Table:
    """List all experiments with their scores."""
    return Table(
        name="experiments",
        title="Experiments",
        about=(
            f"Every finished experiment. Score: {options.measure.text} of encoders, slot accuracy of processors. "
            "Profile: with the settings that are not the profile's. The key is the hash of the complete settings."
        ),
        columns=_columns(),
        rows=tuple(Row(values=_row(one, options), runs={"id": one.id}) for one in evidence.results),
    )


def _row(result: Result, options: Options) -> dict[str, Value]:
    abstract = result.kind == "abstract"
    score = number(result.scores, "slot_accuracy") if abstract else options.measure(result)
    measures = {name: dataclasses.replace(options.measure, readout=name) for name in READOUTS}
    return {
        "id": result.id,
        "key": result.key,
        "kind": result.kind,
        "game": result.game,
        "donor": result.donor,
        "arm": result.arm,
        "width": result.slot_dim,
        "seed": result.seed,
        "profile": origin(result),
        "score": score,
        "slot_accuracy": number(result.scores, "slot_accuracy"),
        "copy_slot_accuracy": number(result.scores, "copy", "slot_accuracy"),
        "bit_f1": number(result.scores, "bit_f1", options.measure.average),
        **{name: measure(result) for name, measure in measures.items()},
        "majority": options.measure.majority(result),
        "effective_rank": number(result.collapse, "effective_rank"),
        "wall_seconds": number(result.seconds, "wall"),
        "processor_seconds": number(result.seconds, "processor"),
        "device": str(result.machine.get("device", "")) or None,
    }


def _columns() -> tuple[Column, ...]:
    return (
        Column(name="id", heading="experiment"),
        Column(name="key", heading="key"),
        Column(name="kind"),
        Column(name="game"),
        Column(name="donor"),
        Column(name="arm"),
        Column(name="width"),
        Column(name="seed"),
        Column(name="profile", heading="profile"),
        Column(name="score", heading="score", style="score"),
        Column(name="slot_accuracy"),
        Column(name="copy_slot_accuracy"),
        Column(name="bit_f1"),
        *(Column(name=readout) for readout in READOUTS),
        Column(name="majority"),
        Column(name="effective_rank"),
        Column(name="wall_seconds", heading="seconds", style="rank"),
        Column(name="processor_seconds"),
        Column(name="device", heading="device"),
    )
