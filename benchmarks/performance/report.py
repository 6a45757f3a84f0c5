"""The record as tables, for a terminal and as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from benchmarks.markdown import table_lines

JsonObject = Mapping[str, Any]

HEADINGS = ("what", "ours", "beside", "median [lowest..highest]", "bar", "verdict", "note")
GROWTH_HEADINGS = ("seconds of", "against", "variant", "from", "to", "exponent", "ended")

_VERDICTS = {True: "met", False: "missed", None: ""}
_COLOURS = {"met": "green", "missed": "red", "failed": "red", "not run": "yellow"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Tables:
    """The rows of both tables, and what stands around them."""

    heading: str
    """Machine, versions and code."""

    rows: tuple[tuple[str, ...], ...]
    """Comparisons, one cell for each of `HEADINGS`; the last is the number of a note."""

    growth: tuple[tuple[str, ...], ...]
    """Curves, one cell for each of `GROWTH_HEADINGS`."""

    notes: tuple[str, ...]
    """In the order of their numbers, which begin at 1."""


def tables(document: JsonObject) -> Tables:
    """Lay out a record."""
    notes: list[str] = []
    rows = tuple(row for name, entry in document["subjects"].items() for row in _rows(name, entry, notes))
    growth = [_growth(curve) for curve in curves(document)]
    return Tables(heading=_heading(document), rows=rows, growth=_once(growth), notes=tuple(notes))


def as_table(document: JsonObject) -> RenderableType:
    """Lay out a record for a terminal."""
    found = tables(document)
    parts: list[RenderableType] = [Text(found.heading, style="bold")]
    if found.rows:
        parts += ["", _table(HEADINGS, found.rows)]
    if found.growth:
        parts += ["", _table(GROWTH_HEADINGS, found.growth)]
    parts += [Text(f"[{number}] {note}") for number, note in enumerate(found.notes, start=1)]
    return Group(*parts)


def as_markdown(document: JsonObject) -> str:
    """Lay out a record as Markdown; ends with a newline."""
    found = tables(document)
    blocks = [found.heading]
    blocks += ["\n".join(_markdown(HEADINGS, found.rows))] if found.rows else []
    blocks += ["\n".join(f"{number}. {note}" for number, note in enumerate(found.notes, start=1))]
    blocks += ["\n".join(_markdown(GROWTH_HEADINGS, found.growth))] if found.growth else []
    return "\n\n".join(block for block in blocks if block) + "\n"


def curves(document: JsonObject) -> list[JsonObject]:
    """List the curves of all subjects."""
    results = (result for entry in document["subjects"].values() for result in entry.get("results", []))
    return [result for result in results if "points" in result]


def number(value: float) -> str:
    """Write a number with three digits that count."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _rows(name: str, entry: JsonObject, notes: list[str]) -> Iterator[tuple[str, ...]]:
    """Yield the comparisons of a subject, or why there are none, and append their notes."""
    if entry["status"] != "measured":
        notes.append(f"{name}: {entry.get('reason') or entry['error']}")
        yield f"{name}: {entry['about']}", "", "", "", "", entry["status"], str(len(notes))
        return
    for result in entry["results"]:
        if "points" in result:
            continue
        spread, sign = result["figure"], "≥" if result["direction"] == "at least" else "≤"
        unit = "x" if result["unit"] == "x" else f" {result['unit']}"
        median, lowest, highest = (number(spread[key]) for key in ("median", "lowest", "highest"))
        bar = "" if result["bar"] is None else f"{sign} {number(result['bar'])}{unit}"
        figure = f"{median}{unit} [{lowest}..{highest}]"
        verdict = "" if entry["settings"]["quick"] else _VERDICTS[result["passed"]]
        yield result["what"], result["ours"], result["peer"], figure, bar, verdict, _place(result["note"], notes)


def _place(note: str, notes: list[str]) -> str:
    """Return the number of a note, the same for equal ones."""
    if not note:
        return ""
    if note not in notes:
        notes.append(note)
    return str(notes.index(note) + 1)


def _growth(curve: JsonObject) -> tuple[str, ...]:
    first, last = curve["points"][0], curve["points"][-1]
    ends = (f"{number(point['seconds']['median'])} s at {point['size']:,}" for point in (first, last))
    exponent = "" if curve["exponent"] is None else f"{curve['exponent']:.2f}"
    return curve["work"], curve["panel"], curve["variant"], *ends, exponent, curve["ended"]


def _once(growth: list[tuple[str, ...]]) -> tuple[tuple[str, ...], ...]:
    """Leave out the work and the axis where they are those of the row above."""
    above = [("", ""), *(row[:2] for row in growth)]
    return tuple(("", "", *row[2:]) if row[:2] == before else row for row, before in zip(growth, above, strict=False))


def _heading(document: JsonObject) -> str:
    hardware, versions = document["machine"]["hardware"], document["machine"]["versions"]
    where = [
        hardware["processor"],
        *([hardware["instructions"]] if "instructions" in hardware else []),  # older records lack it
        f"{hardware['cores']} cores",
        f"{hardware['threads']} threads",
        f"{hardware['memory_bytes'] / 2**30:.0f} GB",
        *([hardware["gpu"]] if "gpu" in hardware else []),
        *(f"{name} {versions[name]}" for name in ("python", "torch", "numpy") if name in versions),
    ]
    entries = document["subjects"].values()
    repeats = sorted({entry["settings"]["repeats"] for entry in entries})
    commits = sorted({(entry["code"]["commit"] or "no commit")[:10] for entry in entries})
    quick = "; tiny sizes, the figures mean nothing" if any(entry["settings"]["quick"] for entry in entries) else ""
    how = f"{_listed(repeats)} repeats, {document['seconds']:.0f} s in all, code of {_listed(commits)}{quick}"
    return f"{', '.join(where)}; {how}."


def _listed(values: Sequence[object]) -> str:
    return " and ".join(str(value) for value in values) or "no"


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, collapse_padding=True)
    for heading in headings:
        table.add_column(Text(heading))  # a plain string would have its brackets read as markup
    for row in rows:
        table.add_row(*(Text(cell, style=_COLOURS.get(cell, "")) for cell in row))
    return table


def _markdown(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return table_lines(headings, ([" ".join(cell.split()) for cell in row] for row in rows))
