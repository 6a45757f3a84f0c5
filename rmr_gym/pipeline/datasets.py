"""Opening the data set of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from rmr_gym.data import TransitionDataset
from rmr_gym.errors import explain
from rmr_gym.pipeline.config import DataConfig
from rmr_gym.pipeline.config_json import from_json, read_json
from rmr_gym.pipeline.stage import RESULT_FILE, begun_file

Split = Literal["train", "validation"]
"""Half of a data set."""


def open_dataset(
    data: str | Path, split: Split, size: tuple[int, int] | None = None, *, gray: bool = True
) -> TransitionDataset:
    """Open one half of a data set, split as it was told when it was collected.

    The split belongs to the data, so that no stage trains on what another is scored on. A folder that was written by
    `rmr_gym.data.collect` alone says nothing about it and is split by the defaults of `TransitionDataset`.

    Args:
        data: folder of episodes.
        split: which half.
        size: height and width of the pictures; None keeps the native ones.
        gray: luminance instead of colours.

    Raises:
        ValueError: when the collection was interrupted, or there is no data set.
    """
    fraction = validation_fraction_of(data)
    if fraction is not None:
        return TransitionDataset(data, split=split, validation_fraction=fraction, size=size, gray=gray)
    if begun_file(data).exists():
        fix = "Repeat that call of `rmr-gym collect`; it continues where it was."
        raise ValueError(explain(expected=f"a complete data set in {data}", got="an interrupted collection", fix=fix))
    return TransitionDataset(data, split=split, size=size, gray=gray)


def validation_fraction_of(data: str | Path) -> float | None:
    """Return the share of held-out episodes that a data set was collected for, None where nothing says so."""
    record = Path(data, RESULT_FILE)
    if not record.exists():
        return None
    config = from_json(DataConfig, read_json(record)["inputs"]["config"], where=str(record))
    return config.validation_fraction


def game_of(dataset: TransitionDataset) -> str:
    """Return the rom id of the game that was recorded."""
    console = dataset.store.console
    assert console is not None, "a data set has an episode"
    return console.game
