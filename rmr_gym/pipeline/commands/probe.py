"""`rmr-gym probe`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from rich.console import Console

from rmr_gym.pipeline.commands.options import UNPREFIXED, Compute, Start
from rmr_gym.pipeline.config import ProbingConfig, RunConfig
from rmr_gym.pipeline.progress import Reporter
from rmr_gym.pipeline.stages import probe
from rmr_gym.pipeline.tables import probe_table


@dataclass(frozen=True, kw_only=True, slots=True)
class Probe:
    """Read the RAM off a frozen encoder with linear probes.

    Writes probe.json and prints the scores beside the majority bit.
    Example: rmr-gym probe --data data/pong --encoder encoders/pong
    """

    data: Path
    """Folder of `rmr-gym collect`."""

    encoder: Path
    """Folder of `rmr-gym train`."""

    out: Path | None
    """Folder of probe.json; without it that of the encoder."""

    seed: int
    """Seed of the choice of frames and of the probes; compare encoders under one seed."""

    start: Annotated[Start, UNPREFIXED]
    compute: Annotated[Compute, UNPREFIXED]
    probe: ProbingConfig

    @staticmethod
    def defaults(base: RunConfig) -> dict[str, Any]:
        """Return the options that are not required, with their values in a profile."""
        return {"out": None, "seed": base.seed, "probe": base.probe}

    def execute(self, console: Console) -> None:
        """Probe."""
        result = probe(
            self.data,
            self.encoder,
            self.out,
            self.probe,
            seed=self.seed,
            device=self.compute.apply(),
            reporter=Reporter(console),
        )
        console.print(probe_table(result))
