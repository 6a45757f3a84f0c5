"""The page as a whole."""

from __future__ import annotations

import base64
import dataclasses
import json
import os
import zlib
from collections.abc import Sequence
from html import escape
from importlib import resources
from pathlib import Path

from benchmarks.report.document import Document
from benchmarks.report.figures.drawing import for_page
from benchmarks.report.figures.pictures import Picture
from benchmarks.report.page.markup import heat_html, items, notes_html, table_html
from benchmarks.report.table import Table

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"
"""Nothing is loaded from anywhere: the page holds all that it needs."""

TITLE = "The 24-game benchmark"


def build_page(document: Document, pictures: Sequence[Picture], folder: Path) -> str:
    """Return the page.

    Args:
        document: tables, and the results behind them.
        pictures: figures, which stand below the table of their name.
        folder: where the page will lie; links to results on this machine lead from there.
    """
    style, script = (
        resources.files("benchmarks.report.page").joinpath(name).read_text(encoding="utf-8")
        for name in ("style.css", "script.js")
    )
    menu = "".join(f'<a href="#{table.name}">{escape(_short(table.title))}</a>' for table in document.tables)
    sections = "\n".join(_section(table, document, pictures) for table in document.tables)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<title>{TITLE}</title>
<style>
{style}</style>
</head>
<body>
<a class="skip" href="#main">To the tables</a>
<header>
<h1>{TITLE}</h1>
{_origin(document)}
</header>
<nav aria-label="Tables">{menu} <button type="button" id="theme">Colours</button></nav>
<main id="main">
{_caveats(document)}
{sections}
</main>
<dialog id="record" aria-labelledby="record-title">
<h3 id="record-title"></h3>
<p><a>Full result, with its learning curve</a></p>
<pre tabindex="0"></pre>
<button type="button">Close</button>
</dialog>
<div id="tip" role="tooltip" hidden></div>
<script type="text/plain" id="records">{_records(document, folder)}</script>
<script>
{script}</script>
</body>
</html>
"""


def _section(table: Table, document: Document, pictures: Sequence[Picture]) -> str:
    parts = [
        f'<section id="{table.name}"><h2>{escape(table.title)}</h2>',
        f'<p class="about">{escape(table.about)}</p>',
    ]
    parts.append(items(table.summary, "summary"))
    figures = "".join(_figure(one) for one in pictures if one.name == table.name)
    if table.name == "transfer" and document.transfer is not None:
        parts.append(heat_html(document.transfer))
        parts.append(f"<details><summary>As a figure, with both trees</summary>{figures}</details>")
        parts.append(f"<details><summary>As a table</summary>{table_html(table)}</details>")
    else:
        parts.append(table_html(table) if table.shown else "")
        parts.append(figures)
    if table.name not in ("experiments", "curves"):
        parts.append(notes_html(table))
    return "\n".join([*filter(None, parts), "</section>"])


def _figure(picture: Picture) -> str:
    return f"<figure>{for_page(picture.svg, escape(picture.label))}</figure>"


def _origin(document: Document) -> str:
    sources = ", ".join(
        (Path(source).name or source) if "://" not in source else source for source in document.evidence.sources
    )
    count = len(document.evidence.results)
    lines = [f"{count} experiments from {sources}.", *(f"{line}." for line in document.origin)]
    return "\n".join(f"<p>{escape(line)}</p>" for line in lines)


def _caveats(document: Document) -> str:
    caveats = items(document.caveats)
    return f'<div class="caveats"><strong>Before you read on</strong>{caveats}</div>' if caveats else ""


def _records(document: Document, folder: Path) -> str:
    """Pack the results without their curves, which the figure shows, as deflated JSON in base64."""
    found = {}
    for result in document.evidence.results:
        values = {name: value for name, value in dataclasses.asdict(result).items() if name != "curve"}
        link = document.evidence.links.get((result.id, result.key))
        found[result.id] = {"result": values, "link": None if link is None else _relative(link, folder)}
    text = json.dumps(found, separators=(",", ":"), allow_nan=False)
    return base64.b64encode(zlib.compress(text.encode(), 9)).decode()


def _relative(link: str, folder: Path) -> str:
    return link if "://" in link else Path(os.path.relpath(link, folder.absolute())).as_posix()


def _short(title: str) -> str:
    return title.partition(":")[0]
