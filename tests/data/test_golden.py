"""Files of earlier versions: they still open, and the same episode is still the same file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import zstandard
from numpy.typing import NDArray

from rmr_gym.data import EpisodeStore, TransitionDataset
from rmr_gym.data.writer import EpisodeWriter
from tests.data.synthetic import METADATA

GOLDEN = Path(__file__).parent / "golden" / "ep-000012-dc75772890378f3f.arrow"
"""Written by the version before there were bouncing balls, with pyarrow 26.0.1 and zstd 1.5.7."""

WRITTEN_WITH = ("26.0.1", (1, 5, 7))


def screen(row: int) -> NDArray[np.uint8]:
    picture = np.zeros((210, 160), np.uint8)
    picture[row * 10 : row * 10 + 7, 20:31] = row + 1
    return picture


def ram(row: int) -> NDArray[np.uint8]:
    return (np.arange(128) * (row + 1)).astype(np.uint8)


def write_again(directory: Path) -> Path:
    """The golden episode: four steps of which the last three are kept."""
    writer = EpisodeWriter(max_steps=3)
    writer.start(screen(0), ram(0))
    for step in range(4):
        writer.step(step * 5, step / 2, screen(step + 1), ram(step + 1))
    metadata = replace(METADATA, seed=7, episode_index=12, num_steps=3, lead_in=writer.lead_in, max_steps=3)
    return writer.commit(directory, metadata, terminated=True)


def table(path: Path) -> pa.Table:
    with pa.ipc.open_file(pa.py_buffer(path.read_bytes())) as reader:
        return reader.read_all()


def test_golden_episode_opens() -> None:
    store = EpisodeStore(GOLDEN.parent)
    episode = store.read(0)
    assert store.verify() == 4
    np.testing.assert_array_equal(episode.screens, [screen(row) for row in range(1, 5)])
    np.testing.assert_array_equal(episode.ram, [ram(row) for row in range(1, 5)])
    assert episode.actions.tolist() == [5, 10, 15]
    assert episode.rewards.tolist() == [0.5, 1.0, 1.5]
    assert episode.metadata == replace(METADATA, seed=7, episode_index=12, num_steps=3, lead_in=(0,), max_steps=3)


def test_golden_episode_is_a_dataset() -> None:
    dataset = TransitionDataset(GOLDEN.parent, split="all")
    assert dataset.fingerprint == "0ba889c2f49a48d7052cd15e2c8147c2f38aa07a172b38ba90ab2bc785e8895a"
    np.testing.assert_array_equal(dataset.batch([1]).pixels[0, 0], screen(2))


def test_golden_episode_is_written_with_the_same_columns_and_metadata(tmp_path: Path) -> None:
    ours, theirs = table(write_again(tmp_path)), table(GOLDEN)
    assert ours.schema.equals(theirs.schema, check_metadata=True)
    assert ours.drop_columns("frame").equals(theirs.drop_columns("frame"))


@pytest.mark.skipif((pa.__version__, zstandard.ZSTD_VERSION) != WRITTEN_WITH, reason="other versions of the libraries")
def test_golden_episode_is_written_byte_for_byte(tmp_path: Path) -> None:
    path = write_again(tmp_path)
    assert path.name == GOLDEN.name
    assert path.read_bytes() == GOLDEN.read_bytes()
