"""Where a player is, in games of many rooms: the bytes of the memory that say so."""

from __future__ import annotations

from dataclasses import dataclass

from rmr_gym.envs.games import NUM_RAM_BYTES, Game, get_game
from rmr_gym.errors import explain
from rmr_gym.wrappers.variable_table import known_variables

_VALUES = 255
"""The largest size of a place: all values of a byte but one."""

_SIZE = 8
"""Values of a coordinate that are one place, where nothing else is said: squares of eight pixels (ours)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PlaceBytes:
    """Which bytes of the memory say in which room the player is, and where in it.

    Raises:
        ValueError: when one is no place in the memory, or there are none.

    Example:
        >>> PlaceBytes(room=(3,), position=(42, 43)).label
        '3@42.43'
    """

    room: tuple[int, ...] = ()
    """Bytes that together number the room; it is another as soon as one of them differs."""

    position: tuple[int, ...] = ()
    """Coordinates of the player, in pixels or nearly."""

    sizes: tuple[int, ...] = ()
    """How many values of each coordinate are one place; eight where none are given."""

    carried: tuple[int, ...] = ()
    """Bytes that say what the player has with it: with a key in hand it is worth going to known places again."""

    def __post_init__(self) -> None:
        """Refuse what is no place in the memory."""
        where, every = (*self.room, *self.position), (*self.room, *self.position, *self.carried)
        if not where or any(type(index) is not int or not 0 <= index < NUM_RAM_BYTES for index in every):
            expected = f"places of bytes in 0..{NUM_RAM_BYTES - 1}, at least one of a room or a position"
            got = f"room={self.room}, position={self.position}, carried={self.carried}"
            fix = "`rmr-gym data annotate` helps to find bytes."
            raise ValueError(explain(expected=expected, got=got, fix=fix))
        if self.sizes and (len(self.sizes) != len(self.position) or min(self.sizes) < 1 or max(self.sizes) > _VALUES):
            expected = f"a size in 1..{_VALUES} for each of the coordinates {self.position}, or none"
            raise ValueError(explain(expected=expected, got=self.sizes, fix="Leave sizes out for eight values each."))

    @property
    def label(self) -> str:
        """Short name: room, `@` and position, where there are any `/` and sizes, `+` and what is carried."""
        room, position, carried = (".".join(map(str, part)) for part in (self.room, self.position, self.carried))
        sizes = "x".join(map(str, self.sizes))
        return f"{room}@{position}" + (f"/{sizes}" if sizes else "") + (f"+{carried}" if carried else "")

    @property
    def cell_sizes(self) -> tuple[int, ...]:
        """Sizes with the default in the place of none."""
        return self.sizes or (_SIZE,) * len(self.position)


_ROOMS: dict[str, tuple[str, ...]] = {
    "hero": ("level_number", "room_number"),
    "montezuma_revenge": ("level", "room_number"),
    "private_eye": ("room_number",),
    "venture": ("current_room",),
}
"""Variables that number the rooms of a game, by their names in the annotated table of the package."""

_PITFALL_SCENE = 1
"""Byte with the random number from which Pitfall makes a scene; the table does not name it (ours, measured)."""

_CARRIED: dict[str, tuple[int, ...]] = {"montezuma_revenge": (65,)}
"""Bytes with what is carried. In Montezuma's Revenge byte 65 gets a bit with the key or the sword and loses it when
that is used; byte 61, which the table calls the number of items, changes while nothing is carried (ours, measured)."""

_SIZES: dict[str, tuple[int, ...]] = {"montezuma_revenge": (8, 32)}
"""Sizes of places, where eight pixels are not good. In Montezuma's Revenge who jumps would be in another place all the
time, where nothing leads to; 32 pixels in height are about a floor (ours, measured)."""


def place_bytes(game: str | Game) -> PlaceBytes | None:
    """Return the bytes that say where the player is, None for games that are not made of rooms.

    Source: AtariARI (Anand et al., 2019), see `known_variables`; for the scene of Pitfall and what is carried ours.

    Args:
        game: any name of a game.

    Raises:
        ValueError: when the game is unknown.

    Example:
        >>> place_bytes("montezuma_revenge")
        PlaceBytes(room=(57, 3), position=(42, 43), sizes=(8, 32), carried=(65,))
    """
    rom_id = get_game(game).rom_id
    known = {variable.name: variable for variable in known_variables(rom_id)}
    room = (_PITFALL_SCENE,) if rom_id == "pitfall" else tuple(known[name].index for name in _ROOMS.get(rom_id, ()))
    position = tuple(variable.index for variable in known.values() if variable.category == "agent_localization")
    if not room:
        return None
    return PlaceBytes(room=room, position=position, sizes=_SIZES.get(rom_id, ()), carried=_CARRIED.get(rom_id, ()))
