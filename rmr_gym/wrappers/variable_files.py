"""Tables of state variables that users write, in TOML or CSV; mistakes are named by line and column."""

from __future__ import annotations

import csv
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from rmr_gym.envs.games import NUM_RAM_BYTES
from rmr_gym.errors import explain, missing_extra
from rmr_gym.wrappers.variable_table import StateVariable, known_variables, rom_id, table_lines

_FIELDS = ("index", "category")
_NEEDED = ("variable", "ram_index")


def read_variables(path: str | Path, game: str) -> tuple[StateVariable, ...]:
    """Read the variables of a game from a file.

    In TOML a variable is `name = index` or `name = { index = 49, category = "misc" }`, under the name of a game, or
    before all of those for whichever game is played:

        frame_clock = 2

        [pong]
        ball_x = { index = 49, category = "small_object_localization" }
        ball_y = 54

    In CSV the columns are `variable` and `ram_index`, and `game` and `category` where there is something to say; others
    are left alone, and so are lines that start with `#`.

    Args:
        path: ends in `.toml` or `.csv`.
        game: any name of a game.

    Returns:
        The variables in the order of the file.

    Raises:
        ValueError: when the file cannot be read or says something impossible; the message names line and column.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = Path(folder, "own.toml").write_text("ball_x = 49")
        ...     variables = read_variables(Path(folder, "own.toml"), "pong")
        >>> variables[0].index
        49
    """
    path = Path(path)
    readers = {".toml": _read_toml, ".csv": _read_csv}
    if path.suffix not in readers:
        raise ValueError(
            explain(expected="a table in TOML or CSV", got=str(path), fix="Call it name.toml or name.csv.")
        )
    try:
        text = path.read_text(encoding="utf-8-sig")  # a mark of order, as Excel writes it, would hide the first column
    except (OSError, UnicodeDecodeError) as error:
        fix = "Correct the path, or write the file in UTF-8."
        raise ValueError(explain(expected=f"a table of variables in {path}", got=str(error), fix=fix)) from error
    found = readers[path.suffix](text, path)
    wanted = rom_id(game)
    own = [variable for name, variable in found if name is None or name == wanted]
    return tuple({variable.name: variable for variable in own}.values())


def _read_toml(text: str, path: Path) -> list[tuple[str | None, StateVariable]]:
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:  # says the line and the column
        fix = "Write variables as name = 49."
        raise ValueError(explain(expected=f"TOML in {path}", got=str(error), fix=fix)) from error
    found: list[tuple[str | None, StateVariable]] = []
    for name, value in document.items():
        if not isinstance(value, Mapping) or "index" in value:
            found.append((None, _toml_variable(name, value, _Place(path, text, None, name))))
            continue
        game = _checked_game(name, _Place(path, text, None, name))
        for variable, entry in value.items():
            found.append((game, _toml_variable(variable, entry, _Place(path, text, name, variable))))
    return found


def _toml_variable(name: str, value: Any, place: _Place) -> StateVariable:
    fields = value if isinstance(value, Mapping) else {"index": value}
    unknown = [field for field in fields if field not in _FIELDS]
    if unknown or "index" not in fields:
        got = f"{name!r} with {', '.join(fields) or 'nothing'}"
        place.refuse(expected='{ index = 49, category = "misc" }', got=got, fix="The category may be left out.")
    return _variable(name, fields["index"], fields.get("category", "misc"), place)


def _read_csv(text: str, path: Path) -> list[tuple[str | None, StateVariable]]:
    lines = list(table_lines(text))
    # Each line by itself, so that a quote that nobody closes ends with its line.
    rows = [next(csv.reader([line])) for _, line in lines]
    header = [column.strip() for column in rows[0]] if rows else []
    missing = [column for column in _NEEDED if column not in header]
    if missing:
        got = f"the columns {', '.join(header) or 'none'} in line {lines[0][0] if lines else 1}"
        fix = "Begin with the line: game,variable,ram_index,category"
        raise ValueError(explain(expected=f"the columns {' and '.join(_NEEDED)} in {path}", got=got, fix=fix))
    found: list[tuple[str | None, StateVariable]] = []
    for (number, line), values in zip(lines[1:], rows[1:], strict=True):
        if len(values) != len(header):
            place = f"{path}, line {number}, column {len(line)}"
            got, fix = f"{len(values)} values", "Put as many commas as in the first line."
            raise ValueError(explain(expected=f"{len(header)} values in {place}", got=got, fix=fix))
        cells = {column: value.strip() for column, value in zip(header, values, strict=True)}
        place_of = {column: _Cell(path, number, column) for column in header}
        text_of_index = cells["ram_index"]
        index = int(text_of_index) if re.fullmatch(r"\d+", text_of_index) else text_of_index
        game = _checked_game(cells["game"], place_of["game"]) if cells.get("game") else None
        column = "variable" if not cells["variable"] else "ram_index"
        variable = _variable(cells["variable"], index, cells.get("category") or "misc", place_of[column])
        if any((game, variable.name) == (other, before.name) for other, before in found):
            fix = "Leave one of the lines out."
            place_of["variable"].refuse(expected="each variable of a game once", got=repr(variable.name), fix=fix)
        found.append((game, variable))
    return found


def _variable(name: str, index: Any, category: Any, place: _Place | _Cell) -> StateVariable:
    if type(index) is not int:
        place.refuse(
            expected=f"an integer in 0..{NUM_RAM_BYTES - 1} for {name!r}",
            got=repr(index),
            fix="Count the bytes from 0.",
        )
    if not isinstance(category, str):
        place.refuse(expected=f"a word as the category of {name!r}", got=repr(category), fix="Leave it out.")
    try:
        return StateVariable(name=name, index=index, category=category)
    except ValueError as error:
        raise ValueError(f"{place}: {error}") from None


def _checked_game(name: str, place: _Place | _Cell) -> str:
    """Return the rom id of a game, of any that the emulator has."""
    game = rom_id(name)
    if not known_variables(game) and game not in _other_games():
        fix = "Use the name of a cartridge, such as pong or ms_pacman; variables of all games stand before the games."
        place.refuse(expected="the name of a game", got=name, fix=fix)
    return game


def _other_games() -> frozenset[str]:
    try:
        from ale_py import roms
    except ImportError as error:
        raise missing_extra("ale_py", "atari") from error
    return frozenset(roms.get_all_rom_ids())


class _Place:
    """Where a key stands in a TOML file."""

    def __init__(self, path: Path, text: str, table: str | None, key: str) -> None:
        self._path = path
        self._line, self._column = _find(text.splitlines(), table, key)

    def __str__(self) -> str:
        return f"{self._path}, line {self._line}, column {self._column}"

    def refuse(self, *, expected: str, got: str, fix: str) -> NoReturn:
        """Raise an error that begins with the place."""
        raise ValueError(f"{self}: {explain(expected=expected, got=got, fix=fix)}")


class _Cell(_Place):
    """Where a value stands in a CSV file."""

    def __init__(self, path: Path, line: int, column: str) -> None:
        self._path, self._line, self._column = path, line, column


def _find(lines: list[str], table: str | None, key: str) -> tuple[int, int | str]:
    """Return line and column of a key; its parser does not tell. Inline tables are found by their text."""
    quoted = rf"[\"']?{re.escape(key)}[\"']?"
    inside: str | None = None
    for number, line in enumerate(lines, start=1):
        heading = re.match(r"\s*\[\s*[\"']?([^\]\"']+?)[\"']?\s*\]", line)
        if heading:
            inside = heading[1]
            if table is None and inside == key:
                return number, line.index("[") + 1
        elif inside == table and (found := re.match(rf"\s*({quoted})\s*=", line)):
            return number, found.start(1) + 1
    for number, line in enumerate(lines, start=1):
        if found := re.search(rf"(?<![\w-]){quoted}(?![\w-])", line):
            return number, found.start() + 1
    return 1, 1
