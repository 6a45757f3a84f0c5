"""A whole report as data: its tables, and what the figures are drawn from."""

from __future__ import annotations

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
from benchmarks.result import Result


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
    def absent(self) -> dict[str, str]:
        """Say which parts of the benchmark are not there at all, by the name of the table."""
        have = {table.name for table in self.tables}
        return {name: sentence for name, sentence in _ABSENT.items() if name not in have}

    @property
    def caveats(self) -> list[str]:
        """Say which parts are not there at all, what failed, and what is mixed in the tables."""
        return [*self.absent.values(), *self.troubles]

    @property
    def troubles(self) -> list[str]:
        """Say what failed, and what is mixed in the tables."""
        found = []
        profiles = Counter(one.profile for one in self.evidence.results)
        if len(profiles) > 1:
            counted = ", ".join(f"{count} of {name}" for name, count in profiles.most_common())
            found.append(f"The tables mix profiles ({counted} experiments); --profile chooses one.")
        if self.evidence.failures:
            found.append(f"Failed experiments: {len(self.evidence.failures)}; the report names them under its tables.")
        if self.evidence.problems:
            found.append(
                f"Files with problems: {len(self.evidence.problems)}; the report names them under its first table."
            )
        return found

    @property
    def origin(self) -> list[str]:
        """Say where and with which versions the experiments were run."""
        results = self.evidence.results
        machines = Counter(machine_of(one) for one in results)
        versions = Counter(", ".join(f"{name} {value}" for name, value in one.versions.items()) for one in results)
        lines = [f"{count} run on {machine}" for machine, count in machines.most_common()]
        return [*lines, *(f"{count} run with {text or 'unknown versions'}" for text, count in versions.most_common())]


_ABSENT = {
    "transfer": "Transfer between games has not been run.",
    "bottleneck": "The bottleneck (several widths of the slots) has not been run.",
    "controls": "No control has been run.",
    "aggregates": "RMR and another arm have no game in common, so there are no aggregates.",
    "collapse": "No encoder has been trained.",
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


def machine_of(result: Result) -> str:
    """Name the machine of a result by what its speed depends on.

    Example:
        >>> from types import SimpleNamespace
        >>> machine_of(SimpleNamespace(machine={"processor": "AMD EPYC", "instructions": "AVX2", "cores": 2}))
        'AMD EPYC, AVX2, 2 cores'
    """
    facts = result.machine
    named = [str(facts[name]) for name in ("processor", "instructions") if facts.get(name)]
    named += [f"{facts['cores']} cores"] if facts.get("cores") else []
    named += [f"device {facts['device']}"] if facts.get("device") else []
    return ", ".join(named) or "an unknown machine"
