"""`rmr-gym data describe`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import tyro
from rich.console import Console

from rmr_gym.errors import explain
from rmr_gym.pipeline.data_describe import describe, folders_below, folders_of_episodes
from rmr_gym.pipeline.data_summary import ENTROPY_THRESHOLD
from rmr_gym.pipeline.data_tables import overview_table, render_summary


@dataclass(frozen=True, kw_only=True, slots=True)
class Describe:
    """Say and draw what is inside data sets.

    Players and their scores, RAM states, bytes that change, slots that are scored and their entropy, repeated frames,
    whether RAM and action decide the next RAM, and the copy baseline beside the paper's. Writes summary.json,
    summary.png and frames.png into the folder of the data set.
    Example: rmr-gym data describe data/pong
    """

    paths: tyro.conf.Positional[tuple[Path, ...]]
    """Folders of episodes, or folders of such folders."""

    out: Path | None = None
    """Folder for what is written, with a folder per data set when there are several; without it beside the episodes."""

    together: bool = False
    """Take all paths for one data set in several directories."""

    entropy_threshold: float = ENTROPY_THRESHOLD
    """Nats; bytes with more are scored (paper, appendix B)."""

    pictures: bool = True
    """Whether to draw."""

    json: bool = False
    """Print the summaries as JSON instead of tables."""

    def __post_init__(self) -> None:
        if not self.paths:
            raise ValueError(explain(expected="at least one PATH", got="none", fix="Name a folder of episodes."))

    def execute(self, console: Console) -> None:
        """Look at each data set, or at all as one."""
        folders = folders_of_episodes(self.paths)
        sets = [folders] if self.together else [[folder] for folder in folders]
        places = folders_below([paths[0] for paths in sets])
        options = {"entropy_threshold": self.entropy_threshold, "pictures": self.pictures}
        summaries = []
        for paths, place in zip(sets, places, strict=True):
            out = self.out / place if self.out is not None and len(sets) > 1 else self.out
            summaries.append(describe(paths, out, **options))  # type: ignore[arg-type]
            if not self.json:
                console.print(render_summary(summaries[-1]), "", highlight=False)
        if self.json:
            console.print_json(json.dumps(summaries if len(sets) > 1 else summaries[0]), indent=1)
        elif len(sets) > 1 and all("ram" in summary for summary in summaries):
            console.print(overview_table(summaries))
