"""A whole report as data: its tables, and what the figures are drawn from."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass

from benchmarks.report.evidence import Evidence
from benchmarks.report.options import Options
from benchmarks.report.table import Table
from benchmarks.report.tables.abstract import abstract_table
from benchmarks.report.tables.aggregates import aggregates_table
from benchmarks.report.tables.bottleneck import bottleneck_table
from benchmarks.report.tables.collapse import collapse_table
from benchmarks.report.tables.controls import controls_table
from benchmarks.report.tables.coverage import coverage_table
from benchmarks.report.tables.curves import Curve, curves, curves_table
from benchmarks.report.tables.experiments import experiments_table
from benchmarks.report.tables.natural import natural_table
from benchmarks.report.tables.transfer import Transfer, transfer_matrix, transfer_table


@dataclass(frozen=True, kw_only=True, slots=True)
class Document:
    """Everything that is written."""

    evidence: Evidence
    """What it is made from."""

    options: Options
    """Settings of all tables."""

    tables: tuple[Table, ...]
    """In the order of reading; those for which nothing has been run are left out."""

    transfer: Transfer | None
    """The transfer matrix, for the heat map."""

    curves: tuple[Curve, ...]
    """Learning curves, for the figure."""

    def table(self, name: str) -> Table | None:
        """Find a table by its name."""
        return next((table for table in self.tables if table.name == name), None)

    @property
    def absent(self) -> list[str]:
        """Say which parts of the benchmark are not there at all."""
        have = {table.name for table in self.tables}
        return [f"{title} has not been run." for name, title in _TITLES.items() if name not in have]

    @property
    def origin(self) -> list[str]:
        """Say where and with which versions the experiments were run."""
        results = self.evidence.results
        machines = Counter(json.dumps(one.machine, sort_keys=True) for one in results)
        lines = [f"{count} on {_listed(json.loads(text))}" for text, count in machines.most_common()]
        versions = Counter(json.dumps(one.versions, sort_keys=True) for one in results)
        return [*lines, *(f"{count} with {_listed(json.loads(text))}" for text, count in versions.most_common())]


_TITLES = {
    "transfer": "Transfer between games",
    "bottleneck": "The bottleneck (several widths of the slots)",
    "controls": "A control",
    "aggregates": "A pair of arms to be aggregated",
    "collapse": "An encoder",
}


def compose(evidence: Evidence, options: Options) -> Document:
    """Make all tables of a report."""
    transfer = transfer_matrix(evidence, options)
    tables = [
        coverage_table(evidence, options),
        abstract_table(evidence, options),
        natural_table(evidence, options),
        transfer_table(evidence, options, transfer) if transfer is not None else None,
        bottleneck_table(evidence, options),
        controls_table(evidence, options),
        aggregates_table(evidence, options),
        curves_table(evidence, options),
        collapse_table(evidence, options),
        experiments_table(evidence, options),
    ]
    return Document(
        evidence=evidence,
        options=options,
        tables=tuple(table for table in tables if table is not None),
        transfer=transfer,
        curves=tuple(curves(evidence)),
    )


def _listed(facts: dict[str, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in facts.items()) or "unknown"
