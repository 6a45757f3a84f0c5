"""`python -m benchmarks report`: tables, figures and a page from results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

import tyro

from benchmarks.report.choosing import choice
from benchmarks.report.document import compose
from benchmarks.report.measure import AVERAGES, READOUTS, Measure
from benchmarks.report.options import Options
from benchmarks.report.pages import filled
from benchmarks.report.reading import read_evidence
from benchmarks.report.record import SUFFIX, is_record, to_record
from benchmarks.report.writing import write_report
from rmr_gym.atomic import write_atomically
from rmr_gym.errors import explain

if TYPE_CHECKING:
    Readout: TypeAlias = str
    Average: TypeAlias = str
else:  # the choices of the command line are those of the measure
    Readout, Average = Literal[READOUTS], Literal[AVERAGES]

PROGRAM = "python -m benchmarks report"


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """Make tables, figures and a page from results, and gather them into one record."""

    sources: Annotated[tuple[str, ...], tyro.conf.Positional]
    """Folders or URLs of `python -m benchmarks run`, and records; a result that is in several counts once."""

    out: Path | None = None
    """Folder of the report; its page is index.html."""

    record: Path | None = None
    """File to gather the results into, such as benchmarks/results/quick.jsonl.gz."""

    page: Path | None = None
    """Markdown file, such as README.md, whose sections between marks are made from the sources, all of them records."""

    profile: str | None = None
    """Profile to choose where several were run, or the file that it is from, such as mine.json; none takes all."""

    where: tuple[str, ...] = ()
    """Settings to choose by, such as natural.loop.gradient_steps=200."""

    readout: Readout = READOUTS[0]
    """Readout that table 1, transfer and bottleneck are made of; the paper's is full."""

    average: Average = AVERAGES[0]
    """How the F1 of bits is averaged."""

    alpha: float = 0.05
    """Level of each one-sided test."""

    def run(self) -> int:
        """Write what was asked for, say what it comes down to, and return the exit status.

        Raises:
            ValueError: when there is nothing to report, nowhere to write it, or two settings of one experiment.
        """
        if self.out is None and self.record is None and self.page is None:
            raise ValueError(explain(expected="--out, --record or --page", got="none", fix="Add --out FOLDER."))
        if self.record is not None and not is_record(self.record.name):
            fix = f"End its name with {SUFFIX}."
            raise ValueError(explain(expected="the name of a record", got=self.record.name, fix=fix))
        options = Options(measure=Measure(readout=self.readout, average=self.average), alpha=self.alpha)
        chosen = choice(self.profile, self.where)
        if self.page is not None:
            records = [Path(source) for source in self.sources]
            text = filled(self.page.read_text(encoding="utf-8"), records, options, chosen)
            write_atomically(self.page, text.encode())
            print(f"{self.page} shows {', '.join(self.sources) or 'no record'}")
        if self.out is None and self.record is None:
            return 0
        evidence = read_evidence(self.sources, chosen)
        if self.record is not None:
            self.record.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(self.record, to_record(evidence.results, evidence.failures))
            print(f"{len(evidence.results)} results gathered in {self.record}")
        if self.out is None:
            return 0
        document = compose(evidence, options)
        for table in document.tables:
            for sentence in table.summary:
                print(f"{table.title.partition(':')[0]}: {sentence}")
        for sentence in document.caveats:
            print(sentence)
        files = write_report(document, self.out)
        print(f"{len(files)} files; open {files[0]}")
        return 0


def parse_report(arguments: Sequence[str]) -> Report:
    """Read the arguments of the subcommand."""
    return tyro.cli(Report, args=list(arguments), prog=PROGRAM)
