"""`rmr-gym data export` and `rmr-gym data import`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro
from rich.console import Console

from rmr_gym.data.minari import MinariFormat, export_minari, import_minari
from rmr_gym.pipeline.progress import Reporter

Exchange = Literal["minari"]
"""Formats that data sets are exchanged in."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Export:
    """Write a data set in a format that other libraries read. Nothing is lost, and `rmr-gym data import` undoes it.

    MINARI_DATASETS_PATH says where Minari keeps its data sets, else they are in ~/.minari/datasets.
    Example: rmr-gym data export data/pong --to minari --id rmr/pong/random-v0
    """

    path: tyro.conf.Positional[Path]
    """Folder of episodes."""

    to: Exchange = "minari"
    """Format."""

    id: str
    """Minari's name of the new data set, such as rmr/pong/random-v0."""

    storage: MinariFormat = "arrow"
    """How Minari stores the pictures; parquet compresses them, hdf5 needs h5py."""

    author: str | None = None
    """For the metadata, like the next three; Minari recommends to fill them in."""

    author_email: str | None = None
    """Address of the author."""

    code_permalink: str | None = None
    """Link to the code that recorded."""

    description: str | None = None
    """What the data are; without it game and preprocessing are named."""

    def execute(self, console: Console) -> None:
        """Export."""
        reporter = Reporter(console)
        with reporter.task("Exporting") as progress:
            folder = export_minari(
                self.path,
                self.id,
                data_format=self.storage,
                author=self.author,
                author_email=self.author_email,
                code_permalink=self.code_permalink,
                description=self.description,
                on_episode=progress,
            )
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        reporter.line(f"Wrote {self.id} to {folder}, {size / 1e6:,.1f} MB")


@dataclass(frozen=True, kw_only=True, slots=True)
class Import:
    """Take over a data set of another format as a folder of episodes.

    What `rmr-gym data export` wrote becomes the same files. Other data sets of Minari are taken if they were recorded
    with rmr/<Game>-v0 and without JPEG.
    Example: rmr-gym data import rmr/pong/random-v0 --from minari --out data/pong
    """

    id: tyro.conf.Positional[str]
    """Minari's name of the data set."""

    source: Annotated[Exchange, tyro.conf.arg(name="from")] = "minari"
    """Format."""

    out: Path
    """Folder of episodes; made if it does not exist."""

    seed: int = 0
    """Noted as the seed of the collection in episodes that we did not export."""

    def execute(self, console: Console) -> None:
        """Import."""
        reporter = Reporter(console)
        with reporter.task("Importing") as progress:
            store = import_minari(self.id, self.out, seed=self.seed, on_episode=progress)
        reporter.line(f"Imported {self.id}: {len(store)} episodes in {self.out}")
