"""Tables of state variables that users write, in TOML or CSV; mistakes are named by line and column."""

from __future__ import annotations

import csv
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

from rmr_gym.envs.games import NUM_RAM_BYTES
from rmr_gym.errors import explain, missing_extra
from rmr_gym.wrappers.variable_table import StateVariable, known_variables, rom_id, table_lines

Entry = tuple[str | None, StateVariable]
"""A variable and the rom id of its game; None for all games."""

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

    Wherever it stands, a variable of the game wins over one of the same name for all games.

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
    return variables_of(read_table(path), game)


def read_table(path: str | Path) -> list[Entry]:
    """Read the variables of all games from a file.

    Args:
        path: see `read_variables`.

    Returns:
        The variables in the order of the file, each once for a game and once for all games.

    Raises:
        ValueError: as `read_variables`.
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
    found: dict[tuple[str | None, str], StateVariable] = {}
    for (game, variable), place in readers[path.suffix](text, path):
        if (game, variable.name) in found:  # in TOML under two names of the game
            fix = "Leave one of the lines out."
            place.refuse(expected="each variable of a game once", got=repr(variable.name), fix=fix)
        found[game, variable.name] = variable
    return [(game, variable) for (game, _), variable in found.items()]


def variables_of(entries: Iterable[Entry], game: str) -> tuple[StateVariable, ...]:
    """Choose what holds for a game: its own variables, and those of all games whose names it does not have.

    Example:
        >>> own, general = (StateVariable(name="ball_x", index=index) for index in (49, 3))
        >>> variables_of([("pong", own), (None, general)], "pong")[0].index
        49
    """
    wanted = rom_id(game)
    found: dict[str, StateVariable] = {}
    for name, variable in entries:
        if name == wanted or (name is None and variable.name not in found):
            found[variable.name] = variable
    return tuple(found.values())


def is_game(name: str) -> bool:
    """Tell whether this is the name of a game, of any that the emulator has."""
    return bool(known_variables(name)) or name in _other_games()


def _read_toml(text: str, path: Path) -> Iterator[tuple[Entry, _Place]]:
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:  # says the line and the column
        fix = "Write variables as name = 49."
        raise ValueError(explain(expected=f"TOML in {path}", got=str(error), fix=fix)) from error
    for name, value in document.items():
        place = _Place(path, text, None, name)
        # A variable of a game may be called index.
        if not isinstance(value, Mapping) or ("index" in value and not is_game(name)):
            yield (None, _toml_variable(name, value, place)), place
            continue
        game = _checked_game(name, place)
        for variable, entry in value.items():
            place = _Place(path, text, name, variable)
            yield (game, _toml_variable(variable, entry, place)), place


def _toml_variable(name: str, value: Any, place: _Place) -> StateVariable:
    fields = value if isinstance(value, Mapping) else {"index": value}
    unknown = [field for field in fields if field not in _FIELDS]
    if unknown or "index" not in fields:
        got = f"{name!r} with {', '.join(fields) or 'nothing'}"
        place.refuse(expected='{ index = 49, category = "misc" }', got=got, fix="The category may be left out.")
    return _variable(name, fields["index"], fields.get("category", "misc"), place)


def _read_csv(text: str, path: Path) -> Iterator[tuple[Entry, _Place]]:
    lines = list(table_lines(text))
    rows = [_cells(line, number, path) for number, line in lines]
    header = [column.strip() for column in rows[0]] if rows else []
    missing = [column for column in _NEEDED if column not in header]
    if missing:
        got = f"the columns {', '.join(header) or 'none'} in line {lines[0][0] if lines else 1}"
        fix = "Begin with the line: game,variable,ram_index,category"
        raise ValueError(explain(expected=f"the columns {' and '.join(_NEEDED)} in {path}", got=got, fix=fix))
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
        yield (game, variable), place_of["variable"]


def _cells(line: str, number: int, path: Path) -> list[str]:
    """Split a line by itself, so that a quote that nobody closes ends with its line."""
    try:
        return next(csv.reader([line]))
    except csv.Error as error:  # a cell beyond the limit of the parser
        fix = "Shorten or mend the cells of this line."
        raise ValueError(explain(expected=f"CSV in {path}, line {number}", got=str(error), fix=fix)) from error


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
    if not is_game(name):
        fix = "Use the name of a cartridge, such as pong or ms_pacman; variables of all games stand before the games."
        place.refuse(expected="the name of a game", got=name, fix=fix)
    return rom_id(name)


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
