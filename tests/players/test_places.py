"""Where a player is."""

from __future__ import annotations

import pytest

from rmr_gym import GAMES
from rmr_gym.players import PlaceBytes, place_bytes
from rmr_gym.wrappers.variable_table import known_variables


@pytest.mark.parametrize(
    ("game", "expected"),
    [
        ("MontezumaRevenge", PlaceBytes(room=(57, 3), position=(42, 43), sizes=(8, 32), carried=(65,))),
        ("hero", PlaceBytes(room=(117, 28), position=(27, 31))),
        ("pitfall", PlaceBytes(room=(1,), position=(97, 105))),
        ("rmr/PrivateEye-v0", PlaceBytes(room=(92,), position=(63, 86))),
        ("venture", PlaceBytes(room=(90,), position=(85, 26))),
    ],
)
def test_games_of_many_rooms_have_bytes_of_places(game: str, expected: PlaceBytes) -> None:
    assert place_bytes(game) == expected


def test_other_games_have_none_and_no_room_among_their_annotated_bytes() -> None:
    others = [game for game in GAMES if place_bytes(game) is None]
    assert len(others) == len(GAMES) - 5
    assert not [variable for game in others for variable in known_variables(game) if "room" in variable.name]


@pytest.mark.parametrize(
    ("room", "position", "carried"),
    [((), (), ()), ((), (), (3,)), ((128,), (), ()), ((), (-1, 4), ()), ((3,), (True,), ()), ((3,), (), (128,))],
)
def test_what_is_no_byte_is_refused(room: tuple[int, ...], position: tuple[int, ...], carried: tuple[int, ...]) -> None:
    with pytest.raises(
        ValueError, match=r"places of bytes in 0\.\.127, at least one of a room or a position; got room="
    ):
        PlaceBytes(room=room, position=position, carried=carried)


@pytest.mark.parametrize("sizes", [(8,), (8, 0), (8, 256), (8, 8, 8)])
def test_sizes_are_those_of_the_coordinates(sizes: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"a size in 1\.\.255 for each of the coordinates \(42, 43\), or none; got"):
        PlaceBytes(room=(3,), position=(42, 43), sizes=sizes)


def test_names_tell_all_parts_of_a_place() -> None:
    assert PlaceBytes(room=(3,), position=(42, 43), sizes=(8, 32), carried=(65,)).label == "3@42.43/8x32+65"
    assert PlaceBytes(room=(57, 3)).label == "57.3@"


def test_place_of_an_unknown_game_is_refused() -> None:
    with pytest.raises(ValueError, match="pongg"):
        place_bytes("pongg")
