"""Where a player is, in games of many rooms: the bytes of the memory that say so."""

from __future__ import annotations

from dataclasses import dataclass

from rmr_gym.envs.games import NUM_RAM_BYTES, Game, get_game
from rmr_gym.errors import explain
from rmr_gym.wrappers.variable_table import known_variables


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

    @property
    def label(self) -> str:
        """Short name: the room before the `@`, the position behind it, and behind a `+` what is carried."""
        room, position, carried = (".".join(map(str, part)) for part in (self.room, self.position, self.carried))
        return f"{room}@{position}" + (f"+{carried}" if carried else "")


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


def place_bytes(game: str | Game) -> PlaceBytes | None:
    """Return the bytes that say where the player is, None for games that are not made of rooms.

    Source: AtariARI (Anand et al., 2019), see `known_variables`; for the scene of Pitfall and what is carried ours.

    Args:
        game: any name of a game.

    Raises:
        ValueError: when the game is unknown.

    Example:
        >>> place_bytes("montezuma_revenge")
        PlaceBytes(room=(57, 3), position=(42, 43), carried=(65,))
    """
    rom_id = get_game(game).rom_id
    known = {variable.name: variable for variable in known_variables(rom_id)}
    room = (_PITFALL_SCENE,) if rom_id == "pitfall" else tuple(known[name].index for name in _ROOMS.get(rom_id, ()))
    position = tuple(variable.index for variable in known.values() if variable.category == "agent_localization")
    return PlaceBytes(room=room, position=position, carried=_CARRIED.get(rom_id, ())) if room else None
