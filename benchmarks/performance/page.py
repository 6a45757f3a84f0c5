"""The places in a page of the documentation that hold the tables and the figure of a record, each under its name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.marks import place_of
from benchmarks.performance.report import as_markdown, curves
from benchmarks.performance.scaling_figure import FIGURE
from rmr_gym.atomic import write_atomically
from rmr_gym.pipeline.config_json import read_json

NO_RECORD = "No run has been recorded yet.\n"


def update_page(page: Path, record: Path) -> None:
    """Put the tables of a record into a page.

    Args:
        page: Markdown file with the marks of this record; everything between them is replaced.
        record: JSON file of the suite.

    Raises:
        ValueError: when the page lacks the marks.
    """
    write_atomically(page, with_tables(page.read_text(encoding="utf-8"), record).encode())


def with_tables(text: str, record: Path) -> str:
    """Return the text of a page with the tables of a record, or with a sentence while there is no record."""
    shown = _tables(read_json(record)) if record.exists() else NO_RECORD
    return place_of(record.name).fill(text, shown)


def _tables(document: Mapping[str, Any]) -> str:
    """Return the tables, and below them the figure if there are curves to be seen in it."""
    figure = f"\n![Seconds against sizes, both axes logarithmic](images/{FIGURE})\n" if curves(document) else ""
    return as_markdown(document) + figure
