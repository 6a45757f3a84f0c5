"""Named bytes of the RAM: those that are known of 24 games."""

from __future__ import annotations

import csv
import functools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rmr_gym.envs.games import NUM_RAM_BYTES, get_game
from rmr_gym.errors import explain

CATEGORIES = (
    "agent_localization",
    "small_object_localization",
    "other_localization",
    "score_clock_lives_display",
    "misc",
)
"""Kinds of variables of the known table, as AtariARI averages over them; tables of your own may have others."""

_KNOWN = Path(__file__).with_name("atari_state_variables.csv")


@dataclass(frozen=True, kw_only=True, slots=True)
class StateVariable:
    """A byte with a name.

    Example:
        >>> StateVariable(name="ball_x", index=49).category
        'misc'
    """

    name: str
    """Name, without spaces at its ends."""

    index: int
    """Place of the byte in the RAM, 0 to 127."""

    category: str = "misc"
    """What kind of variable it is."""

    def __post_init__(self) -> None:
        """Refuse what is no name and no place in the RAM."""
        name: Any = self.name  # a dictionary of a user's may have names and places the wrong way round
        if not isinstance(name, str) or not name.strip() or name != name.strip():
            fix = "Name it like ball_x." if isinstance(name, str) else 'Put the name first, as in {"ball_x": 49}.'
            raise ValueError(explain(expected="a name of a state variable", got=repr(name), fix=fix))
        if type(self.index) is not int or not 0 <= self.index < NUM_RAM_BYTES:
            expected = f"the place of a byte for {self.name!r}, an integer in 0..{NUM_RAM_BYTES - 1}"
            raise ValueError(explain(expected=expected, got=self.index, fix="Count the bytes from 0."))
        if not self.category:
            fix = f"Choose one of {', '.join(CATEGORIES)}, or a word of your own."
            raise ValueError(explain(expected=f"a category for {self.name!r}", got=repr(self.category), fix=fix))


def known_variables(game: str) -> tuple[StateVariable, ...]:
    """Return the variables that are known of a game.

    Source: `ram_annotations.py` of AtariARI (Anand et al., 2019; MIT licence), 362 variables of 24 games.

    Args:
        game: any name of a game.

    Returns:
        Its variables in alphabetical order; none for a game that is not in the table.

    Example:
        >>> [(variable.name, variable.index) for variable in known_variables("pong")][:2]
        [('ball_x', 49), ('ball_y', 54)]
    """
    return _known().get(rom_id(game), ())


def with_overrides(known: Iterable[StateVariable], own: Iterable[StateVariable]) -> tuple[StateVariable, ...]:
    """Put variables of one's own in the place of those of the same name, and the others behind them.

    Example:
        >>> ball, moved = (StateVariable(name="ball_x", index=index) for index in (49, 50))
        >>> with_overrides([ball], [moved, StateVariable(name="wind", index=3)])[0].index
        50
    """
    return tuple({variable.name: variable for variable in (*known, *own)}.values())


def rom_id(game: str) -> str:
    """Return the rom id of a game, by any name if it is one of the 24; other names as they are."""
    try:
        return get_game(game).rom_id
    except ValueError:
        return game


def table_lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield the lines of a CSV file that are no comments, with their numbers from 1."""
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip() and not line.lstrip().startswith("#"):
            yield number, line


@functools.cache
def _known() -> dict[str, tuple[StateVariable, ...]]:
    rows = csv.DictReader(line for _, line in table_lines(_KNOWN.read_text(encoding="utf-8")))
    found: dict[str, list[StateVariable]] = {}
    for row in rows:
        variable = StateVariable(name=row["variable"], index=int(row["ram_index"]), category=row["category"])
        found.setdefault(row["game"], []).append(variable)
    return {game: tuple(variables) for game, variables in found.items()}
