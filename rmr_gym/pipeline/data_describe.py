"""Describing data sets: look, write the summary and the pictures, print."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from rmr_gym.data import TransitionDataset
from rmr_gym.documents import write_json
from rmr_gym.errors import explain
from rmr_gym.pipeline.data_figures import draw_contact_sheet, draw_summary
from rmr_gym.pipeline.data_summary import ENTROPY_THRESHOLD, own_name, summarise
from rmr_gym.pipeline.datasets import validation_fraction_of
from rmr_gym.pipeline.stage import JsonObject

SUMMARY_FILE, PANELS_FILE, SHEET_FILE = "summary.json", "summary.png", "frames.png"


def describe(
    path: Path | Sequence[Path],
    out: Path | None = None,
    *,
    entropy_threshold: float = ENTROPY_THRESHOLD,
    pictures: bool = True,
) -> JsonObject:
    """Summarise a data set, and write summary.json, summary.png (for games) and frames.png.

    Damaged episodes are named and left out.

    Args:
        path: folder of episodes, or several that open as one.
        out: folder to write into, made if it does not exist; None takes the data set's own, of several the first.
        entropy_threshold: nats that a byte of RAM needs to be scored.
        pictures: whether to draw.

    Returns:
        The summary, see `summarise`.

    Raises:
        ValueError: when there are no episodes, or those of the folders do not fit together.
        OSError: when `out` cannot be written.
    """
    paths = [path] if isinstance(path, Path) else list(path)
    dataset = TransitionDataset(paths, split="all", skip_damaged=True)
    told = {share for part in paths if (share := validation_fraction_of(part)) is not None}
    split = {"validation_fraction": told.pop()} if len(told) == 1 else {}
    summary = summarise(dataset, entropy_threshold=entropy_threshold, **split)
    out = paths[0] if out is None else out
    out.mkdir(parents=True, exist_ok=True)
    write_json(out / SUMMARY_FILE, summary)
    if pictures:
        if "ram" in summary:
            draw_summary(out / PANELS_FILE, summary)
        if dataset.store.files[0].layout.screen_shape is not None:
            draw_contact_sheet(out / SHEET_FILE, dataset.store)
    return summary


def folders_of_episodes(paths: Sequence[Path]) -> list[Path]:
    """Replace folders that hold no episodes by those of their subfolders that do, as `collect --games` makes them.

    Raises:
        ValueError: when a path is no folder, or there are no episodes in or right below it.
    """
    found = []
    for path in paths:
        below = sorted(part for part in path.glob("*") if part.is_dir() and any(part.glob("ep-*.arrow")))
        here = [path] if any(path.glob("ep-*.arrow")) else below
        if not here:
            got = f"{path} without any" if path.is_dir() else f"{path}, which is none"
            raise ValueError(explain(expected="a folder of episodes", got=got, fix="Make one with `rmr-gym collect`."))
        found += here
    return found


def folders_below(folders: Sequence[Path]) -> list[Path]:
    """Name a place for each folder below another one: by its own name, or by where it lies when two are called alike.

    Example:
        >>> [str(place) for place in folders_below([Path("runs/pong/data"), Path("runs/boxing/data")])]
        ['pong/data', 'boxing/data']
    """
    names, absolute = [own_name(folder) for folder in folders], [folder.resolve() for folder in folders]
    if len(set(names)) == len(set(absolute)):
        return [Path(name) for name in names]
    above = os.path.commonpath(absolute)
    return [folder.relative_to(above) for folder in absolute]
