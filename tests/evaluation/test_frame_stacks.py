from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rmr_gym.data import TransitionDataset
from rmr_gym.evaluation.frame_stacks import FrameStacks
from tests.data.synthetic import METADATA, filled_writer, write_episode


def write_window(directory: Path, index: int, num_steps: int) -> None:
    """Write the last steps of an episode of one step more."""
    writer = filled_writer(index, num_steps + 1, max_steps=num_steps)
    metadata = replace(METADATA, episode_index=index, num_steps=num_steps, max_steps=num_steps, lead_in=writer.lead_in)
    writer.commit(directory, metadata, terminated=False)


@pytest.fixture
def dataset(tmp_path: Path) -> TransitionDataset:
    """Five rows from the start of an episode, four from the middle of another one, three from the start again."""
    write_episode(tmp_path, 0, 4)
    write_window(tmp_path, 1, 3)
    write_episode(tmp_path, 2, 2)
    return TransitionDataset(tmp_path, split="all")


def rows_of(stack: np.ndarray, dataset: TransitionDataset) -> list[int | None]:
    """Find the row of each picture of a stack; None is black."""
    known = dataset.frames(np.arange(dataset.num_frames)).pixels
    assert known is not None
    return [
        None if not picture.any() else next(row for row, other in enumerate(known) if (other == picture).all())
        for picture in stack
    ]


@pytest.mark.parametrize(
    ("row", "black_start", "expected"),
    [
        (4, True, [2, 3, 4]),
        (2, True, [0, 1, 2]),
        (1, True, [None, 0, 1]),
        (0, True, [None, None, 0]),
        (0, False, [0, 0, 0]),
        (5, True, [5, 5, 5]),
        (6, True, [5, 5, 6]),
        (8, True, [6, 7, 8]),
        (9, True, [None, None, 9]),
        (11, False, [9, 10, 11]),
    ],
)
def test_a_stack_ends_with_its_frame_and_stays_within_the_episode(
    row: int, black_start: bool, expected: list[int | None], dataset: TransitionDataset
) -> None:
    assert dataset.store.episodes[1].first_step == 1
    stacks = FrameStacks(dataset, 3, black_start=black_start).frames(np.array([7, row]))
    assert stacks.pixels.shape == (2, 3, 1, 210, 160)
    assert rows_of(stacks.pixels[0], dataset) == [5, 6, 7]
    assert rows_of(stacks.pixels[1], dataset) == expected


def test_a_stack_of_one_is_the_frame(dataset: TransitionDataset) -> None:
    rows = np.array([3, 0, 3, 11])
    pixels = FrameStacks(dataset, 1).frames(rows).pixels
    assert (pixels[:, 0] == dataset.frames(rows).pixels).all()


def test_a_half_of_the_data_has_episodes_of_its_own(tmp_path: Path) -> None:
    for index in range(4):
        (write_window if index % 2 else write_episode)(tmp_path, index, 2)
    for half in ("train", "validation"):
        dataset = TransitionDataset(tmp_path, split=half, validation_fraction=0.5)
        for place, episode in enumerate(dataset.episode_indices):
            stack = FrameStacks(dataset, 2).frames(np.array([3 * place])).pixels[0]
            before = 3 * place if dataset.store.episodes[episode].first_step else None
            assert rows_of(stack, dataset) == [before, 3 * place]


def test_frame_stacks_refuse_what_is_not_there(dataset: TransitionDataset) -> None:
    with pytest.raises(ValueError, match="a stack of at least one frame; got 0"):
        FrameStacks(dataset, 0)
    for row in (12, -1):
        with pytest.raises(IndexError):
            FrameStacks(dataset, 2).frames(np.array([row]))
