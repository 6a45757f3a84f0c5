from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rmr_gym.data import TransitionDataset
from rmr_gym.evaluation.ram_bytes import (
    ActionResponse,
    Counting,
    action_response,
    changing_bytes,
    correlate,
    counting,
    likeness,
    read_play,
)
from rmr_gym.seeding import numpy_generator
from tests.data.synthetic import write_episode


def counted(values: list[int]) -> Counting | None:
    array = np.array(values, np.uint8)
    return counting(array, np.diff(array).view(np.int8))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (list(range(250, 256)) + list(range(10)), (1, 1, True, False)),
        ([200, 200, 196, 196, 192, 188, 188, 184, 180, 180], (-1, -4, False, False)),
        ([0x07, 0x08, 0x09, 0x10, 0x11, 0x12, 0x13], (1, 1, False, True)),
        ([0x07, 0x08, 0x09, 0x0A, 0x0B, 0x0C, 0x0D], (1, 1, True, False)),
        ([3, 10, 17, 24, 31, 38], (1, 7, True, False)),  # by seven, in hexadecimal digits above 9
    ],
)
def test_bytes_that_go_one_way_count(values: list[int], expected: tuple[int, int, bool, bool]) -> None:
    found = counted(values)
    assert found is not None
    assert (found.direction, found.step, found.every_step, found.decimal) == expected


@pytest.mark.parametrize("values", [[5, 6, 5, 6, 5, 6, 5], [0, 128, 0, 128, 0, 128], [1, 1, 2, 2, 3, 4, 4], [7] * 9])
def test_bytes_that_go_both_ways_or_hardly_move_do_not_count(values: list[int]) -> None:
    assert counted(values) is None


def played(lag: int, axis: dict[int, int], noise: float) -> ActionResponse | None:
    """A byte that moves as the action of some steps ago says, or at random."""
    generator = numpy_generator(0, "played")
    actions = generator.integers(0, 18, 2_000)
    lagged = np.full((2_000, 3), -1)
    for steps in range(3):
        lagged[steps:, steps] = actions[: 2_000 - steps]
    change = np.array([axis.get(int(action), 0) for action in lagged[:, lag]])
    at_random = generator.random(2_000) < noise
    change[at_random] = generator.integers(-1, 2, at_random.sum())
    return action_response(change.astype(np.int8), lagged)


RIGHT = {3: 1, 6: 1, 8: 1, 11: 1, 14: 1, 16: 1, 4: -1, 7: -1, 9: -1, 12: -1, 15: -1, 17: -1}
UP = {2: 3, 6: 3, 7: 3, 10: 3, 14: 3, 15: 3, 5: -3, 8: -3, 9: -3, 13: -3, 16: -3, 17: -3}
FIRE = {1: 1, **dict.fromkeys(range(10, 18), 1)}


@pytest.mark.parametrize(
    ("axis", "name", "sign"), [(RIGHT, "right", 1), (UP, "up", 1), ({a: -c for a, c in UP.items()}, "up", -1)]
)
@pytest.mark.parametrize("lag", [0, 2])
def test_a_byte_that_follows_the_stick_says_which_way_and_when(
    axis: dict[int, int], name: str, sign: int, lag: int
) -> None:
    found = played(lag, axis, noise=0.0)
    assert found is not None
    assert (found.axis, found.lag) == (name, lag)
    assert found.correlation == pytest.approx(sign)
    assert found.information == pytest.approx(np.log2(3), abs=0.03)  # a third of the actions each way


def test_a_byte_that_follows_the_button_is_found_through_noise() -> None:
    found = played(1, FIRE, noise=0.5)
    assert found is not None
    assert (found.axis, found.lag) == ("fire", 1)
    assert 0.2 < found.correlation < 0.6
    assert 0.1 < found.information < 0.5


def test_a_byte_that_moves_by_itself_follows_nobody() -> None:
    assert played(0, {}, noise=1.0) is None
    assert played(0, {}, noise=0.0) is None


def test_likeness_is_the_strongest_correlation_with_another_byte() -> None:
    ramp = np.arange(100)
    frames = np.stack([ramp, 200 - 2 * ramp, ramp % 7, np.zeros(100)], axis=1).astype(np.uint8)
    found = likeness(frames, 0, [0, 1, 2, 3])
    assert found is not None
    assert (found.index, found.correlation) == (1, -1.0)
    assert likeness(frames, 0, [0]) is None
    constant = likeness(frames, 3, [0])
    assert constant is not None
    assert constant.correlation == 0.0


def test_correlation_is_that_of_numpy() -> None:
    one, other = numpy_generator(0, "one").integers(0, 9, (2, 50))
    assert correlate(one, other) == pytest.approx(np.corrcoef(one, other)[0, 1])
    assert correlate(one, np.zeros(50, np.int64)) == 0.0
    with pytest.raises(ValueError, match="as many values"):
        correlate(one, other[:-1])


def test_play_keeps_actions_and_changes_within_their_episode(tmp_path: Path) -> None:
    write_episode(tmp_path, 3, 4)  # RAM is the episode, 0, the row; action t is t
    write_episode(tmp_path, 5, 2)
    dataset = TransitionDataset(tmp_path, split="all")
    play = read_play(dataset)
    assert play.frames[:, :3].tolist() == [*([3, 0, row] for row in range(5)), *([5, 0, row] for row in range(3))]
    assert play.change[:, 2].tolist() == [1] * 6
    assert changing_bytes(play).tolist() == [2]  # the first one changes between episodes alone
    assert play.actions.tolist() == [[0, -1, -1], [1, 0, -1], [2, 1, 0], [3, 2, 1], [0, -1, -1], [1, 0, -1]]
    assert len(read_play(dataset, most_steps=4).change) == 4
