"""Windows of bouncing balls by index."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rmr_gym.data import TransitionDataset
from rmr_gym.data.split import split_episodes
from rmr_gym.envs.frames import resize_frame, to_gray
from rmr_gym.errors import CorruptFileError
from tests.data import synthetic
from tests.data.synthetic_balls import row_picture, row_state, write_balls

LENGTHS = (5, 2, 7, 3)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for index, num_steps in enumerate(LENGTHS):
        write_balls(tmp_path, index, num_steps)
    return tmp_path


def test_windows_hold_what_was_recorded(folder: Path) -> None:
    dataset = TransitionDataset(folder, split="all", history=3, gray=False)
    starts = [(episode, row) for episode, steps in enumerate(LENGTHS) for row in range(steps - 2)]
    assert dataset.num_windows == len(starts) == 3 + 0 + 5 + 1
    assert len(dataset) == sum(LENGTHS)
    order = [8, 0, 3, 3, 7]
    batch = dataset.windows(order)
    assert batch.pixels is not None
    assert batch.next_pixels is not None
    assert (batch.pixels.shape, batch.pixels.dtype) == ((5, 3, 3, 64, 64), np.uint8)
    assert (batch.state.shape, batch.state.dtype) == ((5, 3, 3, 2), np.float32)
    for place, index in enumerate(order):
        episode, row = starts[index]
        for past in range(3):
            picture = np.moveaxis(row_picture(episode, row + past), -1, 0)
            np.testing.assert_array_equal(batch.pixels[place, past], picture)
            np.testing.assert_array_equal(batch.state[place, past], row_state(episode, row + past))
        np.testing.assert_array_equal(batch.next_pixels[place], np.moveaxis(row_picture(episode, row + 3), -1, 0))
        np.testing.assert_array_equal(batch.next_state[place], row_state(episode, row + 3))


def test_states_are_those_of_all_frames(folder: Path) -> None:
    dataset = TransitionDataset(folder, split="all")
    rows = [(episode, row) for episode, steps in enumerate(LENGTHS) for row in range(steps + 1)]
    np.testing.assert_array_equal(dataset.states, [row_state(*place) for place in rows])
    assert dataset.num_frames == len(rows)
    assert dataset.frame_episode.tolist() == [episode for episode, _ in rows]
    assert (dataset.history, dataset.num_windows) == (1, len(dataset))


@settings(max_examples=15)
@given(st.lists(st.integers(1, 6), min_size=2, max_size=6), st.integers(1, 3), st.integers(0, 99))
def test_no_window_crosses_an_episode(lengths: list[int], history: int, seed: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for index, num_steps in enumerate(lengths):
            write_balls(Path(folder), index, num_steps + history, pixels=False)
        options = {"split_seed": seed, "history": history}
        halves = [TransitionDataset(folder, split=half, **options) for half in ("train", "validation")]  # type: ignore[arg-type]
        assert sorted(np.concatenate([half.episode_indices for half in halves])) == list(range(len(lengths)))
        assert sum(half.num_windows for half in halves) == sum(steps + 1 for steps in lengths)
        for half in halves:
            whole = half.state_windows()
            assert whole.shape == (half.num_windows, history + 1, 3, 2)
            episode, row = (whole[:, :, 0, axis] * 128 for axis in (0, 1))
            np.testing.assert_array_equal(episode, np.repeat(episode[:, :1], history + 1, axis=1))
            np.testing.assert_array_equal(row, row[:, :1] + np.arange(history + 1))
            assert set(episode[:, 0]) == set(half.episode_indices)
            batch = half.windows(range(half.num_windows), pixels=False)
            np.testing.assert_array_equal(batch.state, whole[:, :-1])
            np.testing.assert_array_equal(batch.next_state, whole[:, -1])


def test_windows_of_several_steps_are_those_of_a_longer_history(folder: Path) -> None:
    dataset = TransitionDataset(folder, split="all", history=2)
    longer = TransitionDataset(folder, split="all", history=4).state_windows()
    np.testing.assert_array_equal(dataset.state_windows(3), longer)
    assert len(longer) == (5 - 3) + 0 + (7 - 3) + 0
    with pytest.raises(ValueError, match="as long as a window; got windows of 9"):
        dataset.state_windows(7)


def test_split_is_that_of_equal_skills(folder: Path) -> None:
    validation = TransitionDataset(folder, split="validation", validation_fraction=0.5, split_seed=3)
    expected = split_episodes([0.0] * 4, validation_fraction=0.5, seed=3)
    np.testing.assert_array_equal(validation.episode_indices, np.flatnonzero(expected))


def test_gray_and_resized_pictures_are_those_of_the_shared_functions(folder: Path) -> None:
    picture = row_picture(0, 1)
    gray = TransitionDataset(folder, split="all").windows([0]).next_pixels
    assert gray is not None
    np.testing.assert_array_equal(gray, to_gray(picture)[None, None])
    small = TransitionDataset(folder, split="all", gray=False, size=(32, 16)).windows([0]).next_pixels
    assert small is not None
    np.testing.assert_array_equal(small[0], np.moveaxis(resize_frame(picture, (32, 16)), -1, 0))
    small_gray = TransitionDataset(folder, split="all", size=(32, 16)).windows([0]).next_pixels
    assert small_gray is not None
    np.testing.assert_array_equal(small_gray[0, 0], resize_frame(to_gray(picture), (32, 16)))


def test_window_arrays_are_fresh(folder: Path) -> None:
    dataset = TransitionDataset(folder, split="all", history=2)
    before = dataset.windows([1])
    for batch in (dataset.windows([1]),):
        for array in (batch.pixels, batch.state, batch.next_pixels, batch.next_state):
            assert array is not None
            array[:] = 0
    dataset.state_windows()[:] = 0
    after = dataset.windows([1])
    for name in ("pixels", "state", "next_pixels", "next_state"):
        np.testing.assert_array_equal(getattr(after, name), getattr(before, name))
        assert getattr(after, name).any()


def test_empty_batch_is_empty(folder: Path) -> None:
    batch = TransitionDataset(folder, split="all", history=3, gray=False).windows([])
    assert batch.pixels is not None
    assert (batch.pixels.shape, batch.state.shape) == ((0, 3, 3, 64, 64), (0, 3, 3, 2))


@pytest.mark.parametrize("indices", [[-1], [9], [0.5], [[0, 1]]])
def test_index_out_of_range_is_an_error(folder: Path, indices: list[object]) -> None:
    with pytest.raises(IndexError, match=r"integers in 0\.\.8; .*below num_windows"):
        TransitionDataset(folder, split="all", history=3).windows(indices)  # type: ignore[arg-type]


def test_history_longer_than_the_episodes_is_an_error(folder: Path) -> None:
    with pytest.raises(ValueError, match=r"history as an integer in 1\.\.7, .*; got 8"):
        TransitionDataset(folder, split="all", history=8)


def test_balls_without_pictures_have_states_alone(tmp_path: Path) -> None:
    for index in range(2):
        write_balls(tmp_path, index, num_steps=3, pixels=False)
    dataset = TransitionDataset(tmp_path, split="all", history=2, gray=False)
    batch = dataset.windows([0, 3], pixels=False)
    assert batch.pixels is None
    assert batch.next_pixels is None
    np.testing.assert_array_equal(batch.next_state, [row_state(0, 2), row_state(1, 3)])
    with pytest.raises(ValueError, match=r"episodes with pictures; got .*recorded without.*Pass pixels=False"):
        dataset.windows([0])
    with pytest.raises(ValueError, match="an episode with pictures; got .*recorded without"):
        dataset.duplicate_frame_fraction()


def test_repeated_pictures_are_counted(tmp_path: Path) -> None:
    for seed in (0, 1):
        write_balls(tmp_path, index=0, num_steps=3, seed=seed)
    assert TransitionDataset(tmp_path, split="all").duplicate_frame_fraction().within == 0.5


def test_balls_have_nothing_of_games(folder: Path) -> None:
    dataset = TransitionDataset(folder, split="all")
    message = "a data set of a game for ram, .*; got .* of the world 'bouncing_balls'. Use states and windows"
    for read in (
        lambda: dataset.ram,
        lambda: dataset.batch([0]),
        lambda: dataset.frames([0]),
        dataset.ram_transitions,
        lambda: dataset[0],
    ):
        with pytest.raises(ValueError, match=message):
            read()


def test_games_have_nothing_of_balls(tmp_path: Path) -> None:
    synthetic.write_episode(tmp_path, num_steps=4)
    dataset = TransitionDataset(tmp_path, split="all", history=2)
    assert dataset.num_windows == 3
    message = "a data set of bouncing balls for states .*; got .* of the world 'atari'. Use ram and batch"
    for read in (lambda: dataset.states, lambda: dataset.windows([0]), dataset.state_windows):
        with pytest.raises(ValueError, match=message):
            read()


def test_picture_that_is_damaged_after_opening_is_noticed(tmp_path: Path) -> None:
    path = write_balls(tmp_path, num_steps=2)
    dataset = TransitionDataset(tmp_path, split="all", history=2)
    place = path.read_bytes().index(bytes(dataset.store.files[0].compressed(1))) + 5_000
    with path.open("r+b") as file:
        file.seek(place)
        byte = file.read(1)[0]
        file.seek(place)
        file.write(bytes([byte ^ 4]))
    with pytest.raises(CorruptFileError, match=path.name):
        dataset.windows([0])
