"""`python -m benchmarks report`: tables, figures and a page from results."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from benchmarks.report.document import compose
from benchmarks.report.measure import AVERAGES, READOUTS, Measure
from benchmarks.report.options import Options
from benchmarks.report.reading import choice, read_evidence
from benchmarks.report.record import SUFFIX, is_record, to_record
from benchmarks.report.writing import write_report
from rmr_gym.errors import explain
from rmr_gym.models.checkpoint import write_atomically


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """Make tables, figures and a page from results, and gather them into one record."""

    sources: Annotated[tuple[str, ...], tyro.conf.Positional]
    """Folders or URLs of `python -m benchmarks run`, and records; a result that is in several counts once."""

    out: Path | None = None
    """Folder of the report; its page is index.html."""

    record: Path | None = None
    """File to gather the results into, such as benchmarks/results/quick.jsonl.gz."""

    profile: str | None = None
    """Profile to choose where several were run; none takes all."""

    where: tuple[str, ...] = ()
    """Settings to choose by, such as natural.loop.gradient_steps=200."""

    readout: str = READOUTS[0]
    """Readout of tables 1, transfer and bottleneck: full, few_labels or low_dimensional."""

    average: str = AVERAGES[0]
    """Average of the bit F1: weighted, micro or macro."""

    alpha: float = 0.05
    """Level of each one-sided test."""

    def run(self) -> int:
        """Write what was asked for, say what it comes down to, and return the exit status."""
        try:
            self._write()
        except ValueError as error:
            print(error, file=sys.stderr)
            return 2
        return 0

    def _write(self) -> None:
        if self.out is None and self.record is None:
            raise ValueError(explain(expected="--out or --record", got="neither", fix="Add --out FOLDER."))
        if self.record is not None and not is_record(self.record.name):
            fix = f"End its name with {SUFFIX}."
            raise ValueError(explain(expected="the name of a record", got=self.record.name, fix=fix))
        options = Options(measure=Measure(readout=self.readout, average=self.average), alpha=self.alpha)
        evidence = read_evidence(self.sources, choice(self.profile, self.where))
        if self.record is not None:
            self.record.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(self.record, to_record(evidence.results, evidence.failures))
            print(f"{len(evidence.results)} results gathered in {self.record}")
        if self.out is None:
            return
        document = compose(evidence, options)
        for table in document.tables:
            for sentence in table.summary:
                print(f"{table.title.partition(':')[0]}: {sentence}")
        for sentence in document.absent:
            print(sentence)
        files = write_report(document, self.out)
        print(f"{len(files)} files; open {files[0]}")
