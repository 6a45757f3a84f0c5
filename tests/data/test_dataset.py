"""Random access to transitions."""

from __future__ import annotations

import os
import pickle
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.data import DataLoader

from rmr_gym.data import TransitionDataset, collect
from rmr_gym.data.codec import new_compressor
from rmr_gym.envs.atari import make_atari
from rmr_gym.envs.frames import resize_frame
from rmr_gym.errors import CorruptFileError
from tests.data.synthetic import row_ram, row_screen, write_episode

LENGTHS = (3, 1, 5, 2)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for index, num_steps in enumerate(LENGTHS):
        write_episode(tmp_path, index, num_steps, terminated=index % 2 == 0, skill=index / 10)
    return tmp_path


def rows_of(dataset: TransitionDataset) -> list[tuple[int, int]]:
    """Episode and row of every transition."""
    return [(e, row) for e in dataset.episode_indices.tolist() for row in range(dataset.store.episodes[e].num_steps)]


def test_batch_holds_what_was_recorded(folder: Path) -> None:
    dataset = TransitionDataset(folder, split="all")
    rows = rows_of(dataset)
    assert len(dataset) == len(rows) == sum(LENGTHS)
    assert dataset.num_frames == sum(LENGTHS) + len(LENGTHS)
    order = [10, 0, 3, 3, 4]
    batch = dataset.batch(order)
    assert batch.pixels is not None
    assert batch.next_pixels is not None
    assert batch.pixels.shape == batch.next_pixels.shape == (5, 1, 210, 160)
    assert batch.pixels.dtype == batch.ram.dtype == np.uint8
    assert batch.action.dtype == np.int64
    for place, index in enumerate(order):
        episode, row = rows[index]
        np.testing.assert_array_equal(batch.pixels[place, 0], row_screen(episode, row))
        np.testing.assert_array_equal(batch.next_pixels[place, 0], row_screen(episode, row + 1))
        np.testing.assert_array_equal(batch.ram[place], row_ram(episode, row))
        np.testing.assert_array_equal(batch.next_ram[place], row_ram(episode, row + 1))
        assert batch.action[place] == row
        assert batch.terminated[place] == (row == LENGTHS[episode] - 1 and episode % 2 == 0)


def test_frames_include_the_last_of_each_episode(folder: Path) -> None:
    dataset = TransitionDataset(folder, split="all")
    batch = dataset.frames(np.arange(dataset.num_frames))
    expected = [(episode, row) for episode, num_steps in enumerate(LENGTHS) for row in range(num_steps + 1)]
    assert batch.pixels is not None
    np.testing.assert_array_equal(batch.pixels[:, 0], [row_screen(*place) for place in expected])
    np.testing.assert_array_equal(batch.ram, [row_ram(*place) for place in expected])
    assert batch.episode.tolist() == dataset.frame_episode.tolist() == [episode for episode, _ in expected]
    np.testing.assert_array_equal(dataset.ram, batch.ram)


def test_ram_transitions_are_those_of_the_batches(folder: Path) -> None:
    dataset = TransitionDataset(folder, split="train")
    ram, action, next_ram = dataset.ram_transitions()
    batch = dataset.batch(range(len(dataset)), pixels=False)
    assert batch.pixels is None
    assert batch.next_pixels is None
    for ours, theirs in ((ram, batch.ram), (action, batch.action), (next_ram, batch.next_ram)):
        np.testing.assert_array_equal(ours, theirs)
        ours[:] = 0
    assert dataset.ram[:, 1:].any()
    np.testing.assert_array_equal(dataset.batch(range(len(dataset)), pixels=False).action, batch.action)


@settings(max_examples=15)
@given(st.lists(st.integers(1, 6), min_size=2, max_size=6), st.integers(0, 99))
def test_no_transition_crosses_an_episode(lengths: list[int], seed: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for index, num_steps in enumerate(lengths):
            write_episode(Path(folder), index, num_steps, skill=float(index % 2))
        halves = [TransitionDataset(folder, split=half, split_seed=seed) for half in ("train", "validation")]
        assert sum(len(half) for half in halves) == sum(lengths)
        assert sorted(np.concatenate([half.episode_indices for half in halves])) == list(range(len(lengths)))
        for half in halves:
            ram, action, next_ram = (array.astype(int) for array in half.ram_transitions())
            np.testing.assert_array_equal(next_ram[:, 0], ram[:, 0])
            np.testing.assert_array_equal(next_ram[:, 2], ram[:, 2] + 1)
            np.testing.assert_array_equal(action, ram[:, 2])
            assert set(ram[:, 0]) == set(half.episode_indices)


def test_halves_keep_their_episodes_and_say_so(folder: Path) -> None:
    halves = {name: TransitionDataset(folder, split=name, validation_fraction=0.5) for name in ("train", "validation")}
    assert set(halves["train"].episode_indices) | set(halves["validation"].episode_indices) == set(range(4))
    assert len(halves["train"].episode_indices) == len(halves["validation"].episode_indices) == 2
    again = TransitionDataset(folder, split="train", validation_fraction=0.5, size=(84, 84))
    assert again.fingerprint == halves["train"].fingerprint
    assert (
        len({half.fingerprint for half in halves.values()} | {TransitionDataset(folder, split="all").fingerprint}) == 3
    )


def test_fingerprint_changes_with_the_content(folder: Path) -> None:
    before = TransitionDataset(folder, split="all").fingerprint
    write_episode(folder, index=9)
    assert TransitionDataset(folder, split="all").fingerprint != before


@pytest.mark.parametrize("gray", [True, False])
@pytest.mark.parametrize("size", [None, (84, 84), (105, 80)])
def test_pixels_are_those_of_the_environment(tmp_path: Path, size: tuple[int, int] | None, gray: bool) -> None:
    collect(tmp_path, "ms_pacman", num_episodes=1, max_steps_per_episode=25, noop_max=0, max_pool=gray)
    dataset = TransitionDataset(tmp_path, split="all", size=size, gray=gray)
    lead_in = dataset.store.episodes[0].lead_in
    env = make_atari("ms_pacman", noop_max=0, max_pool=gray, gray=gray, size=size)
    observation, _ = env.reset(seed=0)
    for action in lead_in:
        observation, *_ = env.step(action)
    actions = dataset.batch(range(25), pixels=False).action
    shown = [observation["pixels"], *(env.step(action)[0]["pixels"] for action in actions)]
    env.close()
    pixels = dataset.frames(range(26)).pixels
    assert pixels is not None
    expected = np.array(shown)[:, None] if gray else np.moveaxis(np.array(shown), -1, 1)
    np.testing.assert_array_equal(pixels, expected)


def test_size_resizes_with_the_shared_function(folder: Path) -> None:
    pixels = TransitionDataset(folder, split="all", size=(84, 64)).frames([2]).pixels
    assert pixels is not None
    np.testing.assert_array_equal(pixels[0, 0], resize_frame(row_screen(0, 2), (84, 64)))


def test_data_loader_of_torch_takes_the_dataset(folder: Path) -> None:
    dataset = TransitionDataset(folder, split="all", size=(21, 16))
    loader = DataLoader(dataset, batch_size=4)  # type: ignore[arg-type]
    batches = list(loader)
    assert [len(batch["ram"]) for batch in batches] == [4, 4, 3]
    first = dataset.batch(range(4))
    for name in ("pixels", "ram", "action", "next_pixels", "next_ram", "terminated"):
        np.testing.assert_array_equal(batches[0][name].numpy(), getattr(first, name))


def test_data_set_can_be_pickled_for_processes_that_load_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder.parent)
    dataset = TransitionDataset(folder.name, split="validation", size=(21, 16))
    sent = pickle.dumps(dataset)
    monkeypatch.chdir("/")
    copied = pickle.loads(sent)
    assert copied.fingerprint == dataset.fingerprint
    assert [batch["pixels"].sum() for batch in copied] == [batch["pixels"].sum() for batch in dataset]


def test_single_transition_has_no_batch_axis(folder: Path) -> None:
    dataset = TransitionDataset(folder, split="all")
    single = dataset[4]
    batch = dataset.batch([4])
    assert single["pixels"].shape == (1, 210, 160)
    assert all(np.array_equal(value, getattr(batch, name)[0]) for name, value in single.items())
    assert len(list(dataset)) == len(dataset)  # type: ignore[call-overload]


@pytest.mark.parametrize("indices", [[-1], [11], [0.5], [[0, 1]], [True, False]])
def test_index_out_of_range_is_an_error(folder: Path, indices: list[object]) -> None:
    with pytest.raises(IndexError, match=r"integers in 0\.\.10"):
        TransitionDataset(folder, split="all").batch(indices)  # type: ignore[arg-type]


def test_empty_batch_is_empty(folder: Path) -> None:
    batch = TransitionDataset(folder, split="all").batch([])
    assert batch.pixels is not None
    assert batch.pixels.shape == (0, 1, 210, 160)
    assert batch.ram.shape == (0, 128)


def test_batch_arrays_are_fresh(folder: Path) -> None:
    dataset = TransitionDataset(folder, split="all")
    batch = dataset.batch([1, 2])
    for array in (batch.pixels, batch.ram, batch.action, batch.next_ram, batch.terminated):
        assert array is not None
        array[:] = 0
    assert dataset.batch([1, 2]).ram[:, 2].tolist() == [1, 2]
    assert dataset.batch([1, 2]).action.tolist() == [1, 2]


def test_wrong_arguments_are_errors(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    with pytest.raises(ValueError, match="a split out of train, validation, all; got test"):
        TransitionDataset(folder, split="test")
    with pytest.raises(ValueError, match=r"size as \(height, width\)"):
        TransitionDataset(folder, size=(0, 84))
    with pytest.raises(ValueError, match="at least one episode"):
        TransitionDataset(tmp_path_factory.mktemp("empty"))


def test_opening_does_not_decode(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_episode(tmp_path, num_steps=4)
    monkeypatch.setattr("rmr_gym.data.reader.decode_screen", lambda *_: pytest.fail("decoded a frame"))
    dataset = TransitionDataset(tmp_path, split="all")
    assert dataset.ram_transitions()[0].shape == (4, 128)
    assert dataset.batch([0, 3], pixels=False).ram.shape == (2, 128)


def test_frame_that_is_damaged_after_opening_is_noticed(tmp_path: Path) -> None:
    path = write_episode(tmp_path, num_steps=2)
    dataset = TransitionDataset(tmp_path, split="all")
    frame = new_compressor().compress(row_screen(0, 1).tobytes())
    place = path.read_bytes().index(frame) + len(frame) // 2
    with path.open("r+b") as file:
        file.seek(place)
        byte = file.read(1)[0]
        file.seek(place)
        file.write(bytes([byte ^ 4]))
        file.flush()
        os.fsync(file.fileno())
    with pytest.raises(CorruptFileError, match=path.name):
        dataset.batch([0])


def test_duplicates_are_counted_within_and_across(tmp_path: Path) -> None:
    for seed in (0, 1):  # two seeds, the same pictures
        write_episode(tmp_path, index=0, num_steps=3, seed=seed)
    write_episode(tmp_path, index=1, num_steps=5, skill=1.0)
    everything = TransitionDataset(tmp_path, split="all").duplicate_frame_fraction()
    assert everything.within == pytest.approx(4 / 14)
    assert everything.across == 0.0
    for seed in range(20):
        half = TransitionDataset(tmp_path, split="train", validation_fraction=0.3, split_seed=seed)
        if len(half) == 8:  # one of the twins went to validation
            assert half.duplicate_frame_fraction().within == 0.0
            assert half.duplicate_frame_fraction().across == pytest.approx(4 / 10)
            break
    else:
        pytest.fail("no split separated the twins")
