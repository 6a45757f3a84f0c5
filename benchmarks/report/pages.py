"""Sections of README and documentation that are made from records, between marks."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence, Set
from pathlib import Path

from benchmarks.markdown import table_lines
from benchmarks.marks import Place
from benchmarks.report.choosing import Choice
from benchmarks.report.document import Document, compose, machine_of
from benchmarks.report.files import grid
from benchmarks.report.measure import READOUTS
from benchmarks.report.options import Options
from benchmarks.report.origin import origin
from benchmarks.report.reading import read_evidence
from benchmarks.report.table import Row, Table
from benchmarks.report.tables.coverage import spent
from benchmarks.report.tables.transfer import Transfer
from rmr_gym.errors import explain

SHORT = Place(begin="<!-- benchmark in short: begin -->", end="<!-- benchmark in short: end -->")
"""For a README: what the tables come down to, and what has not been run."""

LONG = Place(begin="<!-- benchmark tables: begin -->", end="<!-- benchmark tables: end -->")
"""For the documentation: the tables, too."""

NO_RECORD = "No run of the benchmark has been recorded yet.\n"

_VERSIONS = ("python", "rmr-gym", "torch", "ale-py")
_NOTES_SHOWN = 12


def filled(page: str, records: Sequence[Path], options: Options, wanted: Choice | None = None) -> str:
    """Return the text of a page with its sections made anew.

    Args:
        page: Markdown with the marks of `SHORT`, of `LONG` or both.
        records: files of results, a part of the section each.
        options: settings of the tables.
        wanted: which of the results to take; None takes all.

    Raises:
        ValueError: when the page has none of the marks, a record is damaged, or one has nothing of the choice.
    """
    places = [(place, tables) for place, tables in ((SHORT, False), (LONG, True)) if place.begin in page]
    if not places:
        fix = f"Add {SHORT.begin} and {SHORT.end} where the section belongs."
        raise ValueError(explain(expected="a page with marks", got="none", fix=fix))
    documents = [compose(read_evidence([record], wanted), options) for record in records]
    run = {table.name for document in documents for table in document.tables if _with_numbers(table)}
    for place, tables in places:
        parts = [_part(document, record, tables, run) for document, record in zip(documents, records, strict=True)]
        page = place.fill(page, "\n".join([*parts, *_beside(documents)]) or NO_RECORD)
    return page


def _part(document: Document, record: Path, tables: bool, run: Set[str]) -> str:
    """Return what one record says.

    Args:
        document: made of the record.
        record: its file.
        tables: whether the tables are wanted.
        run: names of the tables that some record has numbers for; those without in this one are not its gaps.
    """
    lines = [f"**`{record.name}`**: {_origin(document)}", ""]
    for table in document.tables:
        if table.name in ("coverage", "experiments", "curves") or not _with_numbers(table):
            continue
        ours = [sentence for sentence in table.summary if not _of_paper(sentence)]
        lines += [f"- {_short(table)}: {_lower(sentence)}" for sentence in ours]
    lines += ["", *_controls(document.table("controls")), *(_tables(document) if tables else ())]
    absent = [sentence for name, sentence in document.absent.items() if name not in run]
    noted = [table for table in document.tables if table.name not in run or _with_numbers(table)]
    all_notes = [*absent, *document.troubles, *(note for table in noted for note in _notes(table))]
    notes = list(dict.fromkeys(all_notes))
    more = [f"... and {len(notes) - _NOTES_SHOWN} more in the report."] if len(notes) > _NOTES_SHOWN else []
    listed = [f"- {note}" for note in [*notes[:_NOTES_SHOWN], *more]]
    return "\n".join([*lines, *(["Not run, or with a caveat:", "", *listed, ""] if listed else [])])


def _beside(documents: Sequence[Document]) -> list[str]:
    """Return what the paper's tables come down to, once for all records."""
    tables = [table for document in documents for table in document.tables if _with_numbers(table)]
    found = [f"- {_short(table)}: {_lower(text)}" for table in tables for text in table.summary if _of_paper(text)]
    return ["The paper:", "", *dict.fromkeys(found), ""] if found else []


def _of_paper(sentence: str) -> bool:
    return sentence.startswith(("Paper", "The paper"))


def _origin(document: Document) -> str:
    results = document.evidence.results
    profiles = ", ".join(sorted({f"`{origin(one)}`" for one in results}))
    machines = sorted({machine_of(one) for one in results})
    versions = sorted({", ".join(f"{name} {one.versions.get(name, '?')}" for name in _VERSIONS) for one in results})
    told = f"{len(results)} experiments, profile {profiles}, {spent(results)}"
    return f"{told}, on {'; '.join(machines)}; {'; '.join(versions)}."


def _tables(document: Document) -> list[str]:
    """Return the tables without the games that have not been run, and without those of which nothing has been run."""
    lines = []
    for table in document.tables:
        if table.name in ("coverage", "experiments", "curves", "collapse", "transfer"):
            continue
        kept = dataclasses.replace(table, rows=_with_numbers(table))
        lines += [f"### {table.title}", "", table.about, "", *grid(kept, kept.shown), ""] if kept.rows else []
        if table.name == "table1" and document.transfer is not None:
            lines += _matrix(document.transfer)
    return lines


def _matrix(transfer: Transfer) -> list[str]:
    if all(cell.pairing.improvement is None for cell in transfer.cells.values()):
        return []
    marks = {"better": " (better)", "worse": " (worse)", "too few seeds": " (?)"}
    rows = []
    for donor in transfer.donors:
        cells = []
        for game in transfer.games:
            cell = transfer.cells[donor, game]
            value = cell.pairing.improvement
            cells.append("–" if value is None else f"{value:+.1f}{marks.get(cell.judgement, '')}")
        rows.append([donor, *cells])
    grid_lines = table_lines(["processor of", *transfer.games], rows, numbers=[False] + [True] * len(transfer.games))
    return ["### Transfer, improvement of RMR over C-SWM in percent", "", *grid_lines, ""]


def _with_numbers(table: Table) -> tuple[Row, ...]:
    """Return the rows that hold numbers of ours."""
    ours = [column.name for column in table.shown if column.who != "paper" and column.style != "count"]
    return tuple(row for row in table.rows if any(isinstance(row.values.get(name), float) for name in ours))


def _controls(table: Table | None) -> list[str]:
    """Count for each arm and readout the games on which it is better or worse than RMR."""
    if table is None or not _with_numbers(table):
        return []
    rows = []
    for arm in dict.fromkeys(str(row.values["arm"]) for row in table.rows):
        own = [row for row in table.rows if row.values["arm"] == arm]
        counted = [[row.values.get(f"{readout}_verdict") for row in own] for readout in READOUTS]
        rows.append([arm, *(_counts([verdict for verdict in verdicts if verdict]) for verdicts in counted)])
    compared = [row for row in rows if any(row[1:])]
    headings = ["games, beside RMR", *(readout.replace("_", " ") for readout in READOUTS)]
    return [*table_lines(headings, compared), ""] if compared else []


def _counts(verdicts: Sequence[object]) -> str:
    if not verdicts:
        return ""
    return f"{verdicts.count('better')} better, {verdicts.count('worse')} worse of {len(verdicts)}"


def _notes(table: Table) -> list[str]:
    """Return the notes of a table but those that name what the caveats count: failures, and files with problems."""
    return [note for note in table.notes if table.name != "coverage" and not note.startswith("Failed: ")]


def _short(table: Table) -> str:
    return table.title.partition(":")[0]


def _lower(sentence: str) -> str:
    return sentence[0].lower() + sentence[1:] if sentence.startswith(("Ours", "Paper", "Games", "The")) else sentence
