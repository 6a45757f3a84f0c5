"""Opening the data set of a run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias

from rmr_gym.data import TransitionDataset
from rmr_gym.errors import explain
from rmr_gym.pipeline.config import DataConfig
from rmr_gym.pipeline.config_json import from_json, read_json
from rmr_gym.pipeline.stage import EPISODES, RESULT_FILE, begun_file

Split = Literal["train", "validation"]
"""Half of a data set."""

DataPath: TypeAlias = str | Path | Sequence[str | Path]
"""Folder of a data set, or several that open as one."""


def open_dataset(
    data: DataPath, split: Split, size: tuple[int, int] | None = None, *, gray: bool = True
) -> TransitionDataset:
    """Open one half of a data set, split as it was told when it was collected.

    The split belongs to the data, so that no stage trains on what another is scored on; several folders are split as a
    whole, so pass all of them to every stage. A folder that was written by `rmr_gym.data.collect` alone says nothing
    about it and is split by the defaults of `TransitionDataset`.

    Args:
        data: folder of episodes, or several that open as one.
        split: which half.
        size: height and width of the pictures; None keeps the native ones.
        gray: luminance instead of colours.

    Raises:
        ValueError: when a collection was interrupted, there is no data set, or folders do not go together.
    """
    fraction = _common_fraction([Path(folder) for folder in ([data] if isinstance(data, str | Path) else data)])
    if fraction is not None:
        return TransitionDataset(data, split=split, validation_fraction=fraction, size=size, gray=gray)
    return TransitionDataset(data, split=split, size=size, gray=gray)


def validation_fraction_of(data: str | Path) -> float | None:
    """Return the share of held-out episodes that a data set was collected for, None where nothing says so.

    Raises:
        ValueError: when the folder is that of a run, or of another stage than the collection.
    """
    record = Path(data, RESULT_FILE)
    if not record.exists():
        return None
    result = read_json(record)
    inputs = result.get("inputs") if isinstance(result, dict) else None
    told: dict[str, Any] = inputs if isinstance(inputs, dict) else {}
    if "config" not in told or not told.keys() & {"game", "world"}:
        inside = Path(data, "data")
        # The run may have taken data sets from elsewhere.
        fix = f"Pass {inside}." if any(inside.glob(EPISODES)) else "Pass a folder of `rmr-gym collect`."
        raise ValueError(explain(expected=f"a data set in {data}", got=f"{record} of something else", fix=fix))
    if "world" in told:  # bouncing balls, whose settings are above this module
        share: float = told["config"]["validation_fraction"]
        return share
    return from_json(DataConfig, told["config"], where=str(record)).validation_fraction


def _common_fraction(folders: Sequence[Path]) -> float | None:
    told = {folder: validation_fraction_of(folder) for folder in folders}
    for folder, share in told.items():
        if share is None and begun_file(folder).exists():
            expected, fix = f"a complete data set in {folder}", "Repeat that call of `rmr-gym collect`; it continues."
            raise ValueError(explain(expected=expected, got="an interrupted collection", fix=fix))
    shares = {share for share in told.values() if share is not None}
    if len(shares) > 1:
        got = ", ".join(f"{share} in {folder}" for folder, share in told.items() if share is not None)
        fix = "Collect them with one --data.validation-fraction, or use them apart."
        raise ValueError(explain(expected="one share of held-out episodes for all folders", got=got, fix=fix))
    return shares.pop() if shares else None


def game_of(dataset: TransitionDataset) -> str:
    """Return the rom id of the game that was recorded."""
    console = dataset.store.console
    assert console is not None, "a data set has an episode"
    return console.game
