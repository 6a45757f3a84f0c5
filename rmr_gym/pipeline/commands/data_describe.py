"""`rmr-gym data describe`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import tyro
from rich.console import Console

from rmr_gym.data import EpisodeStore


@dataclass(frozen=True, kw_only=True, slots=True)
class Describe:
    """Say and draw what is inside data sets.

    Example: rmr-gym data describe data/pong
    """

    paths: tyro.conf.Positional[tuple[Path, ...]]
    """Folders of episodes."""

    def execute(self, console: Console) -> None:
        """Look at each of them."""
        for path in self.paths:
            console.print(f"{path}: {len(EpisodeStore(path))} episodes", highlight=False)
