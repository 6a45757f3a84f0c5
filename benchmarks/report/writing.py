"""A report as files in a folder."""

from __future__ import annotations

from pathlib import Path

from benchmarks.report.document import Document
from benchmarks.report.figures.pictures import pictures
from benchmarks.report.files import to_csv, to_linkage, to_markdown, to_matrix, to_parquet
from benchmarks.report.page.build import TITLE, build_page
from rmr_gym.atomic import write_atomically

PAGE_FILE, TEXT_FILE = "index.html", "report.md"


def write_report(document: Document, folder: Path) -> list[Path]:
    """Write tables as CSV and Parquet, figures as PNG and SVG, everything as Markdown and as one page.

    Args:
        document: what `compose` made.
        folder: made if it is not there; files of an earlier report are replaced.

    Returns:
        The files, the page first.
    """
    files: dict[str, bytes] = {}
    drawn = pictures(document)
    files[PAGE_FILE] = build_page(document, drawn, folder).encode()
    files[TEXT_FILE] = markdown(document, [one.name for one in drawn]).encode()
    for table in document.tables:
        files[f"{table.name}.csv"] = to_csv(table)
        files[f"{table.name}.parquet"] = to_parquet(table)
    if document.transfer is not None:
        files["transfer_matrix.csv"] = to_matrix(document.transfer)
        files["transfer_linkage.json"] = to_linkage(document.transfer)
    for picture in drawn:
        files[f"{picture.name}.png"] = picture.png
        files[f"{picture.name}.svg"] = picture.svg
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        write_atomically(folder / name, content)
    return [folder / name for name in files]


def markdown(document: Document, drawn: list[str]) -> str:
    """Return the report as Markdown.

    Args:
        document: its tables.
        drawn: names of the figures that lie beside it.
    """
    lines = [f"# {TITLE}", "", *(f"- {line}." for line in document.origin), ""]
    lines += [f"- **Note:** {sentence}" for sentence in document.caveats]
    lines += ["", *_bodies(document, drawn)]
    return "\n".join(lines)


def _bodies(document: Document, drawn: list[str]) -> list[str]:
    parts = []
    for table in document.tables:
        if table.name == "experiments":
            continue  # one line per run: those are in the other files
        parts.append(to_markdown(table))
        if table.name in drawn:
            parts.append(f"![{table.title}]({table.name}.png)\n")
    return parts
