"""`rmr-gym data annotate`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import tyro
from rich.console import Console

from rmr_gym.errors import explain
from rmr_gym.pipeline.data_annotate import annotate
from rmr_gym.pipeline.data_annotation import annotation_table, check_destination, write_annotation
from rmr_gym.pipeline.data_describe import folders_of_episodes


@dataclass(frozen=True, kw_only=True, slots=True)
class Annotate:
    """Help to find out what the bytes of a game's RAM mean.

    For each byte that changes: whether it counts or is a clock, which actions it follows, which column or row of the
    picture it stands for, and which known byte it goes along with. Correlations are hints, not proofs. The written
    table can be renamed and passed to rmr_gym.wrappers.StateVariables, or as --variables for another round: names and
    categories are taken over into the new table, those of other games too, and comments are not. No file is replaced.
    Example: rmr-gym data annotate data/pong --out pong.toml
    """

    paths: tyro.conf.Positional[tuple[Path, ...]]
    """Folders of episodes of one game, or folders of such folders."""

    out: Path | None = None
    """File to write, not there yet: .toml or .csv with names, or .json with all numbers."""

    variables: Path | None = None
    """Table of names of your own, .toml or .csv, beside the known ones; byte_8 is no name for byte 8."""

    unnamed_only: bool = False
    """Show only bytes that have no name yet."""

    num_steps: int = 2_000
    """Steps whose pictures are looked at for moving pixels."""

    seed: int = 0
    """Seed of the draw of these steps."""

    json: bool = False
    """Print all numbers as JSON instead of a table."""

    def __post_init__(self) -> None:
        if not self.paths:
            raise ValueError(explain(expected="at least one PATH", got="none", fix="Name a folder of episodes."))

    def execute(self, console: Console) -> None:
        """Look at all folders as one data set."""
        if self.out is not None:
            check_destination(self.out)
        folders = folders_of_episodes(self.paths)
        annotation = annotate(folders, variables=self.variables, num_steps=self.num_steps, seed=self.seed)
        if self.json:
            console.print_json(json.dumps(annotation), indent=1)
        else:
            console.print(annotation_table(annotation, unnamed_only=self.unnamed_only), highlight=False)
        if self.out is not None:  # last, so that what cannot be written is shown all the same
            write_annotation(annotation, self.out)
            if not self.json:
                console.print(f"Written: {self.out}", highlight=False)
