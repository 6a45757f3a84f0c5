"""Tables as CSV, Parquet and Markdown."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence

from benchmarks.markdown import table_lines
from benchmarks.report.table import Column, Table, Value, shown
from benchmarks.report.tables.transfer import Transfer


def to_csv(table: Table) -> bytes:
    """Return all columns at full precision; a missing value is an empty cell."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([column.name for column in table.columns])
    for row in table.rows:
        values = [row.values.get(column.name) for column in table.columns]
        writer.writerow(["" if value is None else value for value in values])
    return text.getvalue().encode()


def to_parquet(table: Table) -> bytes:
    """Return all columns with their types; title, summary and notes are metadata of the file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = {column.name: [row.values.get(column.name) for row in table.rows] for column in table.columns}
    arrays = {name: pa.array(values, type=_arrow_type(pa, values)) for name, values in columns.items()}
    said = {"title": table.title, "about": table.about, "summary": list(table.summary), "notes": list(table.notes)}
    metadata = {name: value if isinstance(value, str) else json.dumps(value) for name, value in said.items()}
    sink = io.BytesIO()
    pq.write_table(pa.table(arrays).replace_schema_metadata(metadata), sink)
    return sink.getvalue()


def to_markdown(table: Table, *, rows: int | None = None) -> str:
    """Return the shown columns with all that is said about the table; ends with a newline.

    Args:
        table: what is shown.
        rows: that are shown; None shows all.
    """
    lines = [f"## {table.title}", "", table.about, ""]
    lines += [f"- {sentence}" for sentence in table.summary] + ([""] if table.summary else [])
    if table.shown:
        lines += [*grid(table, table.shown, rows=rows), ""]
    lines += [f"- {note}" for note in table.notes] + ([""] if table.notes else [])
    return "\n".join(lines)


def grid(table: Table, columns: Sequence[Column], *, rows: int | None = None) -> list[str]:
    """Return some columns of a table as lines of Markdown; the paper's bear its name."""
    heads = [f"paper: {column.heading}" if column.who == "paper" else column.heading for column in columns]
    cells = (
        [f"**{shown(row, column)}**" if column.name in row.strong else shown(row, column) for column in columns]
        for row in table.rows[:rows]
    )
    return table_lines(heads, cells, numbers=[column.style != "text" for column in columns])


def to_matrix(transfer: Transfer) -> bytes:
    """Return the percentages of the transfer matrix as CSV: donors below each other, games beside each other."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["donor", *transfer.games])
    for donor in transfer.donors:
        row: list[Value] = [transfer.cells[donor, game].pairing.improvement for game in transfer.games]
        writer.writerow([donor, *("" if value is None else value for value in row)])
    return text.getvalue().encode()


def to_linkage(transfer: Transfer) -> bytes:
    """Return both clusterings as JSON: the names that are counted, the merges as scipy writes them, and the order."""
    sides = {
        "donors": (transfer.sorted_donors, transfer.by_donor, transfer.donors),
        "games": (transfer.sorted_games, transfer.by_game, transfer.games),
    }
    document = {
        name: {
            "names": list(names),
            "linkage": None if clustering.linkage is None else clustering.linkage.tolist(),
            "order": list(order),
        }
        for name, (names, clustering, order) in sides.items()
    }
    return (json.dumps({"method": "complete", "metric": "euclidean", **document}, indent=1) + "\n").encode()


def _arrow_type(pa: object, values: Sequence[Value]) -> object:
    kinds = {type(value) for value in values if value is not None}
    if str in kinds:
        return pa.string()  # type: ignore[attr-defined]
    if float in kinds or not kinds:
        return pa.float64()  # type: ignore[attr-defined]
    return pa.int64()  # type: ignore[attr-defined]
