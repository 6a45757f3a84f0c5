"""The place in the documentation that holds the tables of the record."""

from __future__ import annotations

from pathlib import Path

from benchmarks.control.table import JsonObject, markdown
from benchmarks.marks import place_of
from rmr_gym.models.checkpoint import write_atomically

_PLACE = place_of("control.json")


def with_tables(page: str, record: JsonObject) -> str:
    """Return the text of a page with the tables of a record in it.

    Raises:
        ValueError: when the page lacks the marks.
    """
    return _PLACE.fill(page, markdown(record))


def update_page(path: Path, record: JsonObject) -> None:
    """Put the tables of a record into a Markdown file with both marks.

    Raises:
        ValueError: when it lacks them.
    """
    write_atomically(path, with_tables(path.read_text(encoding="utf-8"), record).encode())
