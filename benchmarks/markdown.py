"""Tables as lines of Markdown, for pages that are made from records."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def table_lines(headings: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: Sequence[bool] = ()) -> list[str]:
    r"""Lay out a table.

    Args:
        headings: of the columns.
        rows: cells of each row, as they are to be read; a bar in them would end the cell and is escaped.
        numbers: for each column whether it is set flush right; none by default.

    Example:
        >>> print(*table_lines(["arm", "p"], [["rmr", ".03"]], numbers=[False, True]), sep="\n")
        | arm | p |
        |---|--:|
        | rmr | .03 |
    """
    rules = ["--:" if right else "---" for right in numbers or [False] * len(headings)]
    return [_line(headings), f"|{'|'.join(rules)}|", *(_line(row) for row in rows)]


def _line(cells: Sequence[str]) -> str:
    escaped = (cell.replace("|", "\\|") for cell in cells)
    return f"| {' | '.join(escaped)} |"
