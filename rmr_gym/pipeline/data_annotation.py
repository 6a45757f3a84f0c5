"""An annotation of the RAM in words, as a table, and as files in which bytes can be named."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from rmr_gym.atomic import write_atomically
from rmr_gym.errors import explain
from rmr_gym.pipeline.tables import columns, under
from rmr_gym.wrappers.variable_table import known_variables

JsonObject = Mapping[str, Any]

RARE = 0.002
"""Share of the steps below which a byte is called nearly constant."""

_AWAY = {"right": "left", "up": "down"}
_MEASURES = ("values", "entropy", "change_rate")


def annotation_table(annotation: JsonObject, *, unnamed_only: bool = False) -> RenderableType:
    """Show each byte that changes, its names, and what it does.

    Args:
        annotation: what `annotate` returned.
        unnamed_only: leave out the bytes that have a name.
    """
    table = columns("byte", "name", "values", "changes", "what it does")
    for column in (1, 4):
        table.columns[column].justify = "left"
    for byte in annotation["bytes"]:
        if not (unnamed_only and byte["names"]):
            table.add_row(
                str(byte["index"]),
                ", ".join(byte["names"]),
                str(byte["values"]),
                f"{100 * byte['change_rate']:.1f} %",
                "; ".join(words(byte, annotation)),
            )
    title = f"RAM of {annotation['game']} in {annotation['steps']:,} steps: {len(annotation['bytes'])} bytes change"
    still = ", ".join(annotation["constant"])
    return Group(under(title, table), *([Text(f"Named, but never changed: {still}.")] if still else []))


def words(byte: JsonObject, annotation: JsonObject) -> list[str]:
    """Say in short sentences what a byte does; an empty list when nothing was found."""
    return [
        *_about_counting(byte["counting"]),
        *_about_action(byte["action"]),
        *_about_place(byte["place"]),
        *_about_likeness(byte["like"], annotation),
        *(["nearly constant"] if byte["change_rate"] < RARE else []),
    ]


def write_annotation(annotation: JsonObject, path: Path) -> Path:
    """Write an annotation: `.json` with all numbers; `.toml` or `.csv` as tables for `StateVariables`, too.

    Bytes without a name are called `byte_<index>` there, to be renamed.

    Raises:
        ValueError: when the name of the file ends in anything else.
        OSError: when it cannot be written.
    """
    writers: dict[str, Callable[[JsonObject], str]] = {".json": _as_json, ".toml": _as_toml, ".csv": _as_csv}
    if path.suffix not in writers:
        raise ValueError(explain(expected=f"a file in {', '.join(writers)}", got=str(path), fix="Call it ram.toml."))
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, writers[path.suffix](annotation).encode())
    return path


def _as_json(annotation: JsonObject) -> str:
    return json.dumps(annotation, indent=1, allow_nan=False) + "\n"


def _as_toml(annotation: JsonObject) -> str:
    game, steps = annotation["game"], annotation["steps"]
    lines = [
        f"# Bytes of {game} that changed in {steps} recorded steps (rmr-gym data annotate).",
        "# Rename what you recognise, and pass this file to rmr_gym.wrappers.StateVariables(env, variables=...).",
        "",
        f"[{game}]",
    ]
    for name, category, byte in _entries(annotation):
        said = "; ".join(words(byte, annotation)) or f"changes at {100 * byte['change_rate']:.1f} % of the steps"
        key = name if re.fullmatch(r"[\w-]+", name, re.ASCII) else json.dumps(name)
        lines.append(f"{key} = {{ index = {byte['index']}, category = {json.dumps(category)} }}  # {said}")
    return "\n".join(lines) + "\n"


def _as_csv(annotation: JsonObject) -> str:
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(("game", "variable", "ram_index", "category", *_MEASURES, "what_it_does"))
    for name, category, byte in _entries(annotation):
        measures = [f"{byte[measure]:.6g}" for measure in _MEASURES]
        said = "; ".join(words(byte, annotation))
        writer.writerow((annotation["game"], name, byte["index"], category, *measures, said))
    return file.getvalue()


def _entries(annotation: JsonObject) -> Iterator[tuple[str, str, JsonObject]]:
    """Yield a name, its category and its byte; bytes without a name get one."""
    categories = {variable.name: variable.category for variable in known_variables(annotation["game"])}
    for byte in annotation["bytes"]:
        first, *others = byte["names"] or [f"byte_{byte['index']}"]
        yield first, byte["category"], byte  # the category is that of the first name, which a table may have changed
        for name in others:
            yield name, categories.get(name, byte["category"]), byte


def _about_counting(counting: JsonObject | None) -> Sequence[str]:
    if counting is None:
        return ()
    if counting["every_step"]:
        return (f"clock, {counting['step']:+d} at every step",)
    digits = " in decimal digits" if counting["decimal"] else ""
    return (f"counts {'up' if counting['direction'] > 0 else 'down'}{digits}, mostly by {abs(counting['step'])}",)


def _about_action(action: JsonObject | None) -> Sequence[str]:
    if action is None:
        return ()
    axis, correlation = action["axis"], action["correlation"]
    verb = "rises" if correlation > 0 or axis in _AWAY else "falls"
    axis = _AWAY.get(axis, axis) if correlation < 0 else axis
    later = f", {action['lag']} step{'s' if action['lag'] > 1 else ''} later" if action["lag"] else ""
    return (f"{verb} with {axis} (r {abs(correlation):.2f}, {action['information']:.2f} bits{later})",)


def _about_place(place: JsonObject | None) -> Sequence[str]:
    if place is None:
        return ()
    scale = {1: "", -1: "-"}.get(place["scale"], f"{place['scale']} * ")
    offset = f" {'+' if place['offset'] > 0 else '-'} {abs(place['offset'])}" if place["offset"] else ""
    return (f"{place['axis']} = {scale}value{offset} ({place['score']:.2f})",)


def _about_likeness(like: JsonObject | None, annotation: JsonObject) -> Sequence[str]:
    if like is None:
        return ()
    names = {byte["index"]: byte["names"] for byte in annotation["bytes"]}
    name = (names.get(like["index"]) or [f"byte {like['index']}"])[0]
    return (f"goes with {name} (r {like['correlation']:+.2f})",)
