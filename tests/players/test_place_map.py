"""What a player knows of places."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from rmr_gym.players import PlaceBytes
from rmr_gym.players.place_map import PlaceMap

LINE = PlaceBytes(position=(0,), sizes=(1,))


def at(x: int) -> NDArray[np.uint8]:
    return np.array([x], np.uint8)


def walk(*places: int) -> list[NDArray[np.uint8]]:
    """Return moments in places, and more moments in the last one, which prove that it was reached alive."""
    return [at(x) for x in (*places, *[places[-1]] * 5)]


def visited(*places: int) -> PlaceMap:
    known = PlaceMap(LINE)
    for x in places:
        known.visit(at(x))
    return known


def test_interest_of_a_place_is_its_own_or_that_of_where_it_leads() -> None:
    known = visited(0, 0, 0, 1, 1, 1, 2, 2, 2)
    known.connect(walk(0, 1, 2, 3))
    known.survey()
    assert [known.interest(at(x)) for x in (3, 2, 1, 0)] == pytest.approx([1.0, 0.95, 0.95**2, 0.95**3])
    assert known.interest(at(9)) == 1.0, "nobody has heard of it"


def test_interest_does_not_go_against_the_ways() -> None:
    known = visited(0, 0, 0, 1, 1, 1)
    known.connect(walk(1, 0))  # one can fall down, and not climb up again
    known.survey()
    assert known.interest(at(0)) == pytest.approx(1 / np.sqrt(1 + 3))
    assert known.interest(at(1)) == pytest.approx(1 / np.sqrt(1 + 3)), "what is below is no newer"


def test_the_shortest_way_counts_however_they_were_found() -> None:
    for walks in (((0, 1, 2, 3), (0, 3)), ((0, 3), (0, 1, 2, 3))):
        known = visited(0, 1, 2)
        for places in walks:
            known.connect(walk(*places))
        known.survey()
        assert known.interest(at(0)) == pytest.approx(0.95)


def test_the_end_of_a_walk_is_not_taken_for_survived() -> None:
    known = visited(0, 0, 0)
    known.connect([at(x) for x in (0, 0, 1, 1, 1, 1, 1)])  # the step to 1 is five moments old and may be a fall
    known.survey()
    assert known.interest(at(0)) == pytest.approx(0.5)
    known.connect([at(x) for x in (0, 0, 1, 1, 1, 1, 1, 1)])
    known.survey()
    assert known.interest(at(0)) == pytest.approx(0.95)
    known.connect([at(0)])


def test_who_aims_at_a_place_in_vain_loses_interest_in_it() -> None:
    known = visited(0, 0, 0, 0, 0, 0, 0, 0)
    known.connect(walk(0, 1))
    found = []
    for _ in range(4):
        known.survey()
        found.append(known.interest(at(1)))
    assert found == pytest.approx([1 / np.sqrt(1 + 0.5 * aims) for aims in range(4)])


def test_nobody_aims_at_anything_before_the_first_visit() -> None:
    known = PlaceMap(LINE)
    known.survey()
    assert known.interest(at(0)) == 1.0


@pytest.mark.parametrize(
    ("place", "alike", "different"),
    [
        (PlaceBytes(position=(0, 1)), [7, 7, 0, 0], [8, 0, 0, 0]),
        (PlaceBytes(position=(0, 1), sizes=(3, 40)), [2, 39, 0, 0], [3, 0, 0, 0]),
        (PlaceBytes(position=(0, 1), sizes=(3, 40)), [0, 8, 9, 9], [0, 40, 0, 0]),
        (PlaceBytes(room=(2,), position=(0,)), [7, 9, 0, 9], [0, 0, 1, 0]),
        (PlaceBytes(room=(2,), carried=(3,)), [9, 9, 0, 0], [0, 0, 0, 2]),
    ],
)
def test_places_are_told_apart_by_room_position_and_what_is_carried(
    place: PlaceBytes, alike: list[int], different: list[int]
) -> None:
    known = PlaceMap(place)
    known.visit(np.zeros(4, np.uint8))
    assert known.interest(np.array(alike, np.uint8)) == pytest.approx(1 / np.sqrt(2))
    assert known.interest(np.array(different, np.uint8)) == 1.0
