"""Tables as HTML."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from html import escape
from urllib.parse import quote

from benchmarks.report.comparison import Corrected
from benchmarks.report.figures.drawing import MARKS
from benchmarks.report.table import Column, Row, Table, Value, formatted, shown
from benchmarks.report.tables.spread import prefix
from benchmarks.report.tables.transfer import Transfer

FILTER_FROM = 30
"""Rows from which on a table has a filter; that of the experiments always has one, since numbers lead to it."""

_WHO = {"ours": "ours", "paper": "paper", "": ""}


def table_html(table: Table) -> str:
    """Return the shown columns as a table that a script can sort; its first column stays in sight."""
    columns = table.shown
    heads = "".join(_head(column, index) for index, column in enumerate(columns))
    rows = "\n".join(_row(row, columns) for row in table.rows)
    grid = (
        f'<div class="wide" tabindex="0" role="region" aria-label="{escape(table.title)}">'
        f'<table class="data" id="table-{table.name}"><thead>{_groups(columns)}<tr>{heads}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )
    if len(table.rows) < FILTER_FROM and table.name != "experiments":
        return grid
    label = (
        f'<label class="filter">Filter: <input type="search" data-table="table-{table.name}"> <output></output></label>'
    )
    return label + grid


def heat_html(transfer: Transfer) -> str:
    """Return the transfer matrix as a grid of cells, each with a tooltip; arrow keys walk over it."""
    heads = "".join(f'<th scope="col"><div>{escape(game)}</div></th>' for game in transfer.games)
    first = (transfer.donors[0], transfer.games[0])
    lines = []
    for donor in transfer.donors:
        cells = "".join(_heat_cell(transfer, donor, game, reachable=(donor, game) == first) for game in transfer.games)
        lines.append(f'<tr><th scope="row">{escape(donor)}</th>{cells}</tr>')
    legend = "".join(f'<span class="{_class(name)}">{name} {mark}</span>' for name, mark in MARKS.items())
    return (
        f'<p class="legend">{legend} Framed: the game\'s own processor.</p>'
        '<div class="wide"><table class="heat" role="grid" aria-label="Transfer matrix: processors below each other, '
        f'games beside each other"><thead><tr><th scope="col">processor of</th>{heads}</tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table></div>"
    )


def items(sentences: Iterable[str], kind: str = "") -> str:
    """Return sentences as a list."""
    lines = "".join(f"<li>{escape(sentence)}</li>" for sentence in sentences)
    attribute = f' class="{kind}"' if kind else ""
    return f"<ul{attribute}>{lines}</ul>" if lines else ""


def notes_html(table: Table) -> str:
    """Return the notes of a table, folded up when there are many."""
    if not table.notes:
        return '<p class="about">Nothing is missing or tied.</p>'
    unfolded = " open" if len(table.notes) <= 6 else ""
    title = f"Missing, tied or too few ({len(table.notes)})"
    return f"<details{unfolded}><summary>{title}</summary>{items(table.notes)}</details>"


def _groups(columns: list[Column]) -> str:
    if not any(column.who for column in columns):
        return ""
    grouped = [(who, len(list(some))) for who, some in itertools.groupby(columns, key=lambda column: column.who)]
    cells = "".join(f'<th class="who" scope="colgroup" colspan="{count}">{_WHO[who]}</th>' for who, count in grouped)
    return f"<tr>{cells}</tr>"


def _head(column: Column, index: int) -> str:
    title = f' title="{escape(column.help)}"' if column.help else ""
    kind = "" if column.style == "text" else ' class="n"'
    return (
        f'<th{kind} scope="col" aria-sort="none" data-column="{index}"{title}>'
        f'<button type="button">{escape(column.heading)}</button></th>'
    )


def _row(row: Row, columns: list[Column]) -> str:
    return f"<tr>{''.join(_cell(row, column, first=index == 0) for index, column in enumerate(columns))}</tr>"


def _cell(row: Row, column: Column, *, first: bool) -> str:
    value, text = row.values.get(column.name), escape(shown(row, column))
    classes = [] if column.style == "text" else ["n"]
    classes += ["strong"] if column.name in row.strong else []
    classes += ["paper"] if column.who == "paper" else []
    if value in ("better", "worse"):
        classes.append(str(value))
        text = f"<span>{MARKS[str(value)]} {text}</span>"
    if column.name in row.runs and value is not None:
        exact = column.name == "id"
        target = f"experiment={row.runs['id']}" if exact else f"runs={row.runs[column.name]}"
        text = f'<a href="#{quote(target, safe="=/")}">{text}</a>'
    tag = 'th scope="row"' if first else "td"
    kinds = f' class="{" ".join(classes)}"' if classes else ""
    return f"<{tag}{kinds}{_sort_key(value)}>{text}</{tag.split()[0]}>"


def _sort_key(value: Value) -> str:
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return ""
    text = value.removeprefix("<") if isinstance(value, str) else repr(value)
    return f' data-v="{escape(text)}"'


def _heat_cell(transfer: Transfer, donor: str, game: str, *, reachable: bool) -> str:
    cell = transfer.cells[donor, game]
    improvement = cell.pairing.improvement
    text = "" if improvement is None else f"{improvement:+.1f}"
    runs = prefix("natural", game, "rmr", donor=donor, width=transfer.width)
    kinds = _class(cell.judgement) + (" own" if donor == game else "")
    return (
        f'<td role="gridcell" class="{kinds}" tabindex="{0 if reachable else -1}" '
        f'data-runs="runs={quote(runs, safe="/")}" data-tip="{escape(tooltip(donor, game, cell))}">'
        f"<b>{text or '–'}</b>{MARKS[cell.judgement]}</td>"
    )


def tooltip(donor: str, game: str, cell: Corrected) -> str:
    """Say everything about a cell of the transfer matrix, a line each."""
    test = cell.test
    lines = [f"processor of {donor}, learned on {game}"]
    if test is None:
        return "\n".join([*lines, "not run"])
    p = test.p_greater if test.mean_difference > 0 else test.p_less
    improvement = cell.pairing.improvement
    change = "" if improvement is None else f"{improvement:+.2f} % of C-SWM, "
    several = test.num_pairs > 1
    arms = (("RMR", test.first_mean, test.first_std), ("C-SWM", test.second_mean, test.second_std))
    lines += [f"{change}{cell.judgement}", f"one-sided p = {formatted(p, 'p')}, {test.num_pairs} paired seeds"]
    lines += [f"{name} {mean:.4f}{f' ± {std:.4f}' if several else ''}" for name, mean, std in arms]
    if cell.bh is not None and cell.holm is not None:
        lines.append(f"corrected: {cell.judgement_bh} (BH), {cell.judgement_holm} (Holm)")
    if test.num_zeros:
        lines.append(f"{test.num_zeros} equal pairs left out")
    return "\n".join([*lines, "Enter or double click: its experiments"])


def _class(judgement: str) -> str:
    return judgement.replace(" ", "-")
