"""An annotation of the RAM in words, as a table, and as files in which bytes can be named."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from rmr_gym.atomic import write_atomically
from rmr_gym.errors import explain
from rmr_gym.pipeline.tables import columns, under
from rmr_gym.wrappers.variable_files import is_game

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


def check_destination(path: Path) -> None:
    """Refuse a file that `write_annotation` would refuse, before there is anything to write.

    Raises:
        ValueError: when its name ends in none of `.json`, `.toml` and `.csv`, or it is there already.
    """
    if path.suffix not in _WRITERS:
        raise ValueError(explain(expected=f"a file in {', '.join(_WRITERS)}", got=str(path), fix="Call it ram.toml."))
    if path.exists():
        other = path.with_stem(f"{path.stem}_2").name
        fix = f"Call it {other}; the names and categories of a table of --variables are all taken over."
        raise ValueError(explain(expected="a file that is not there yet", got=str(path), fix=fix))


def write_annotation(annotation: JsonObject, path: Path) -> Path:
    """Write an annotation: `.json` with all numbers; `.toml` or `.csv` as tables for `StateVariables`, too.

    Bytes without a name are called `byte_<index>` there, to be renamed; `annotate` knows that this is no name. A file
    that is there is not replaced, as a user may have put work into it.

    Raises:
        ValueError: when the name of the file ends in anything else, the file is there already, or something in the
            user's table cannot be said in this format.
        OSError: when it cannot be written.
    """
    check_destination(path)
    text = _WRITERS[path.suffix](annotation)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, text.encode())
    return path


def _as_json(annotation: JsonObject) -> str:
    return json.dumps(annotation, indent=1, allow_nan=False) + "\n"


def _as_toml(annotation: JsonObject) -> str:
    game, steps = annotation["game"], annotation["steps"]
    lines = [
        f"# What bytes of {game} did in {steps} recorded steps (rmr-gym data annotate).",
        "# Rename what you recognise, and pass this file to rmr_gym.wrappers.StateVariables(env, variables=...).",
    ]
    section = None
    for entry in annotation["table"]:
        if entry["game"] is None and is_game(entry["name"]):
            expected = "in TOML no variable for all games that is called like a game"
            raise ValueError(explain(expected=expected, got=repr(entry["name"]), fix="Write a .csv."))
        if entry["game"] != section:
            section = entry["game"]
            lines += ["", f"[{section}]"]
        name, category = entry["name"], _quoted(entry["category"])
        key = name if re.fullmatch(r"[\w-]+", name, re.ASCII) else _quoted(name)
        said = _remark(entry, annotation)
        lines.append(f"{key} = {{ index = {entry['index']}, category = {category} }}{said and f'  # {said}'}")
    return "\n".join(lines) + "\n"


def _as_csv(annotation: JsonObject) -> str:
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(("game", "variable", "ram_index", "category", *_MEASURES, "what_it_does"))
    for entry in annotation["table"]:
        for text in (entry["name"], entry["category"]):
            if text.splitlines() != [text]:
                expected = "in CSV names and categories of one line"
                raise ValueError(explain(expected=expected, got=repr(text), fix="Write a .toml."))
        byte = _byte_of(entry, annotation)
        measures = [f"{byte[measure]:.6g}" if byte else "" for measure in _MEASURES]
        cells = (entry["game"] or "", entry["name"], entry["index"], entry["category"])
        writer.writerow((*cells, *measures, _said(byte, annotation) if byte else ""))
    return file.getvalue()


def _quoted(text: str) -> str:
    """Quote a string for TOML, which has the escapes of JSON but no halves of characters, and refuses DEL as it is."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _byte_of(entry: JsonObject, annotation: JsonObject) -> JsonObject | None:
    """Return what was found of the byte of an entry; None where it does not change, or is of another game."""
    if entry["game"] not in (None, annotation["game"]):
        return None
    return next((byte for byte in annotation["bytes"] if byte["index"] == entry["index"]), None)


def _remark(entry: JsonObject, annotation: JsonObject) -> str:
    """Say something about every byte of the game, and nothing about those of other games."""
    byte = _byte_of(entry, annotation)
    if byte is not None:
        return _said(byte, annotation) or f"changes at {100 * byte['change_rate']:.1f} % of the steps"
    return "" if entry["game"] not in (None, annotation["game"]) else "never changed"


def _said(byte: JsonObject, annotation: JsonObject) -> str:
    """Join the words about a byte in one line, whatever is in the name of the byte that it goes with."""
    return re.sub(r"[\x00-\x1f\x7f\x85\u2028\u2029]", " ", "; ".join(words(byte, annotation)))


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


_WRITERS: dict[str, Callable[[JsonObject], str]] = {".json": _as_json, ".toml": _as_toml, ".csv": _as_csv}
