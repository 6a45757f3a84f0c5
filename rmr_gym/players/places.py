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

    def __post_init__(self) -> None:
        """Refuse what is no place in the memory."""
        both = (*self.room, *self.position)
        if not both or any(type(index) is not int or not 0 <= index < NUM_RAM_BYTES for index in both):
            expected = f"places of bytes in 0..{NUM_RAM_BYTES - 1}, at least one"
            got = f"room={self.room}, position={self.position}"
            fix = "`rmr-gym data annotate` helps to find bytes."
            raise ValueError(explain(expected=expected, got=got, fix=fix))

    @property
    def label(self) -> str:
        """Short name: the room before the `@`, the position behind it."""
        return "@".join(".".join(map(str, indices)) for indices in (self.room, self.position))


_ROOMS: dict[str, tuple[str, ...]] = {
    "hero": ("level_number", "room_number"),
    "montezuma_revenge": ("level", "room_number"),
    "private_eye": ("room_number",),
    "venture": ("current_room",),
}
"""Variables that number the rooms of a game, by their names in the annotated table of the package."""

_PITFALL_SCENE = 1
"""Byte with the random number from which Pitfall makes a scene; the table does not name it (ours, measured)."""


def place_bytes(game: str | Game) -> PlaceBytes | None:
    """Return the bytes that say where the player is, None for games that are not made of rooms.

    Source: AtariARI (Anand et al., 2019), see `known_variables`; for the scene of Pitfall ours.

    Args:
        game: any name of a game.

    Raises:
        ValueError: when the game is unknown.

    Example:
        >>> place_bytes("montezuma_revenge")
        PlaceBytes(room=(57, 3), position=(42, 43))
    """
    rom_id = get_game(game).rom_id
    known = {variable.name: variable for variable in known_variables(rom_id)}
    room = (_PITFALL_SCENE,) if rom_id == "pitfall" else tuple(known[name].index for name in _ROOMS.get(rom_id, ()))
    position = tuple(variable.index for variable in known.values() if variable.category == "agent_localization")
    return PlaceBytes(room=room, position=position) if room else None
