"""A table as data, from which files, Markdown and the page are made."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from rmr_gym.envs.games import GAMES

Value = str | float | int | None
"""What stands in a cell of a file; None is missing."""

Style = Literal["text", "score", "signed", "percent", "p", "count", "rank", "share"]
"""How a value is shown."""

MISSING = "–"
"""What is shown where there is nothing."""

Who = Literal["", "ours", "paper"]
"""Whose numbers a column holds."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """A column of a table."""

    name: str
    """In files."""

    heading: str = ""
    """What is shown above; a column without one is in files only."""

    style: Style = "text"
    """How its values are shown."""

    std: str | None = None
    """Name of the column that follows after ±."""

    bounds: tuple[str, str] | None = None
    """Names of the columns that stand in brackets: both ends of an interval."""

    who: Who = ""
    """Whose numbers they are, for a heading above the headings."""

    help: str = ""
    """What it means, in one sentence."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """A row of a table."""

    values: Mapping[str, Value]
    """By the name of the column; what is not there is missing."""

    strong: frozenset[str] = frozenset()
    """Columns whose value stands out, such as the best of a row."""

    runs: Mapping[str, str] = field(default_factory=dict)
    """By the name of a column, how the ids of the experiments begin that its value comes from."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """A table with all that is said about it."""

    name: str
    """Of its files."""

    title: str
    """Heading."""

    about: str
    """What is shown and how it was computed, in a few sentences."""

    columns: tuple[Column, ...]
    """In the order of files and views."""

    rows: tuple[Row, ...]
    """In the order of files and views."""

    summary: tuple[str, ...] = ()
    """What it comes down to, ours and the paper's."""

    notes: tuple[str, ...] = ()
    """What is missing, tied or too little. What is so of several games is said once."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "notes", gathered(self.notes))

    @property
    def shown(self) -> list[Column]:
        """The columns of views."""
        return [column for column in self.columns if column.heading]


def gathered(notes: Sequence[str]) -> tuple[str, ...]:
    """Make one of the notes that say the same of several games.

    Example:
        >>> gathered(["pong: MLP not run.", "pong: no copy.", "qbert: MLP not run.", "No control."])
        ('pong, qbert: MLP not run.', 'pong: no copy.', 'No control.')
    """
    games: dict[str, list[str]] = {}
    for note in dict.fromkeys(notes):
        game, _, said = note.partition(": ")
        games.setdefault(said if game in GAMES else note, []).extend([game] if game in GAMES else [])
    return tuple(f"{', '.join(names)}: {said}" if names else said for said, names in games.items())


def shown(row: Row, column: Column) -> str:
    """Return the text of a cell.

    Example:
        >>> row = Row(values={"f1": 0.59312, "f1_std": 0.004, "p": 1e-7})
        >>> shown(row, Column(name="f1", style="score", std="f1_std")), shown(row, Column(name="p", style="p"))
        ('0.593 ± 0.004', '<1e-5')
    """
    value = row.values.get(column.name)
    text = formatted(value, column.style)
    if value is None:
        return text
    std = row.values.get(column.std) if column.std else None
    if std is not None:
        text += f" ± {formatted(std, column.style)}"
    ends = [row.values.get(name) for name in column.bounds or ()]
    if ends and None not in ends:
        text += f" [{', '.join(formatted(end, column.style) for end in ends)}]"
    return text


def formatted(value: Value, style: Style) -> str:
    """Write a value as its style asks for.

    Example:
        >>> [formatted(0.04321, style) for style in ("score", "signed", "percent", "p", "share")]
        ['0.043', '+0.043', '+0.0 %', '0.043', '4.3 %']
    """
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return MISSING
    if isinstance(value, str):
        return value
    match style:
        case "score":
            return f"{value:.3f}"
        case "signed":
            return f"{value:+.3f}"
        case "percent":
            return f"{value:+.1f} %"
        case "share":
            return f"{100 * value:.1f} %"
        case "p":
            return "<1e-5" if value < 1e-5 else f"{value:.2g}"
        case "rank":
            return f"{value:.0f}"
        case _:
            return f"{value:,}" if isinstance(value, int) else f"{value:g}"
