"""Writing one episode."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rmr_gym.data.reader import EpisodeFile
from rmr_gym.data.writer import EpisodeWriter
from tests.data.synthetic import METADATA, filled_writer, row_ram, row_screen, write_episode

SCREEN, RAM = row_screen(0, 0), row_ram(0, 0)


def started() -> EpisodeWriter:
    writer = EpisodeWriter(max_steps=3)
    writer.start(SCREEN, RAM)
    return writer


def test_file_holds_one_row_per_frame_and_null_for_the_last_action(tmp_path: Path) -> None:
    path = write_episode(tmp_path, index=5, num_steps=3, terminated=True)
    with pa.ipc.open_file(str(path)) as reader:
        table = reader.read_all()
    assert path.name.startswith("ep-000005-")
    assert table.column("action").to_pylist() == [0, 1, 2, None]
    assert table.column("reward").to_pylist() == [0.0, 1.0, 2.0, 0.0]
    assert table.column("terminated").to_pylist() == [False, False, True, False]
    assert table.column("truncated").to_pylist() == [False] * 4
    assert table.column("step").to_pylist() == [0, 1, 2, 3]
    assert table.column("ram").to_pylist() == [row_ram(5, row).tobytes() for row in range(4)]


def test_episode_that_was_cut_is_truncated(tmp_path: Path) -> None:
    file = EpisodeFile(write_episode(tmp_path, num_steps=2, terminated=False))
    assert file.terminated.tolist() == [False, False]
    assert file.truncated.tolist() == [False, True]


@given(num_steps=st.integers(1, 12), max_steps=st.integers(1, 12))
def test_writer_keeps_the_last_steps_and_the_actions_before_them(num_steps: int, max_steps: int) -> None:
    writer = filled_writer(0, num_steps, max_steps)
    kept = min(num_steps, max_steps)
    assert writer.num_steps == kept
    assert writer.lead_in == tuple(step % 18 for step in range(num_steps - kept))


def test_kept_window_starts_where_the_lead_in_ends(tmp_path: Path) -> None:
    writer = filled_writer(1, num_steps=9, max_steps=4)
    metadata = replace(METADATA, num_steps=4, lead_in=writer.lead_in)
    episode = EpisodeFile(writer.commit(tmp_path, metadata, terminated=True)).read()
    assert episode.steps.tolist() == [5, 6, 7, 8, 9]
    assert episode.actions.tolist() == [5, 6, 7, 8]
    for row, step in enumerate(range(5, 10)):
        np.testing.assert_array_equal(episode.screens[row], row_screen(1, step))
        np.testing.assert_array_equal(episode.ram[row], row_ram(1, step))


def test_same_episode_is_the_same_file(tmp_path: Path) -> None:
    first = write_episode(tmp_path, num_steps=4)
    content = first.read_bytes()
    assert write_episode(tmp_path, num_steps=4) == first
    assert first.read_bytes() == content
    assert [path.name for path in tmp_path.iterdir()] == [first.name]


def test_start_forgets_the_episode_before(tmp_path: Path) -> None:
    writer = filled_writer(0, num_steps=9, max_steps=4)
    writer.start(row_screen(2, 0), row_ram(2, 0))
    writer.step(3, 1.0, row_screen(2, 1), row_ram(2, 1))
    assert writer.lead_in == ()
    episode = EpisodeFile(writer.commit(tmp_path, METADATA, terminated=True)).read()
    assert episode.actions.tolist() == [3]
    np.testing.assert_array_equal(episode.ram[0], row_ram(2, 0))


def test_writer_takes_copies() -> None:
    screen, ram = SCREEN.copy(), RAM.copy()
    writer = EpisodeWriter(max_steps=3)
    writer.start(screen, ram)
    before = writer._rows[0]
    screen[:], ram[:] = 7, 7
    assert writer._rows[0] == before


@pytest.mark.parametrize(
    ("screen", "ram", "message"),
    [
        (np.zeros((84, 84), np.uint8), RAM, "screen as uint8"),
        (np.zeros((210, 160, 3), np.uint8), RAM, "screen as uint8"),
        (np.zeros((160, 210), np.uint8), RAM, "screen as uint8"),
        (SCREEN, np.zeros(127, np.uint8), "ram as uint8"),
        (SCREEN, np.zeros((1, 128), np.uint8), "ram as uint8"),
    ],
)
def test_writer_refuses_other_shapes(screen: np.ndarray, ram: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        EpisodeWriter(max_steps=3).start(screen, ram)
    with pytest.raises(ValueError, match=message):
        started().step(0, 0.0, screen, ram)


@pytest.mark.parametrize("action", [18, -1, 255])
def test_writer_refuses_what_is_no_action_value(action: int) -> None:
    with pytest.raises(ValueError, match=r"an action value in 0\.\.17"):
        started().step(action, 0.0, SCREEN, RAM)


@pytest.mark.parametrize("reward", [float("nan"), float("inf"), -float("inf")])
def test_writer_refuses_a_reward_that_is_not_finite(reward: float) -> None:
    with pytest.raises(ValueError, match="a finite reward"):
        started().step(0, reward, SCREEN, RAM)


def test_writer_needs_a_first_pair() -> None:
    with pytest.raises(ValueError, match=r"start\(\) before step\(\)"):
        EpisodeWriter(max_steps=3).step(0, 0.0, SCREEN, RAM)


def test_writer_refuses_metadata_of_another_episode(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="metadata of 2 steps after 0; got 1 after 0"):
        filled_writer(0, 2).commit(tmp_path, METADATA, terminated=True)
    with pytest.raises(ValueError, match="metadata of 0 steps"):
        started().commit(tmp_path, METADATA, terminated=True)
    assert list(tmp_path.iterdir()) == []


def test_writer_keeps_at_least_one_step() -> None:
    with pytest.raises(ValueError, match="max_steps of at least 1"):
        EpisodeWriter(max_steps=0)
