"""`rmr-gym run`."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from rich.console import Console

from rmr_gym.pipeline.commands.options import (
    PARTS,
    UNPREFIXED,
    Compute,
    EncoderChoice,
    FewLabelsProbeChoice,
    ObjectiveChoice,
    ProbeChoice,
    ProcessorChoice,
    Start,
    names_of,
)
from rmr_gym.pipeline.config import RunConfig
from rmr_gym.pipeline.progress import Reporter
from rmr_gym.pipeline.run import run
from rmr_gym.pipeline.tables import render


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """Do the whole chain: collect (or take --recorded data sets), pre-train, train and probe all arms, compare them.

    Prints a table and writes result.json, table.txt, curves.png and bits.png into the output folder. Repeat a run that
    was interrupted and it continues; what is finished is not done again.
    Example: rmr-gym run space_invaders --profile quick --num-seeds 5
    """

    config: Annotated[RunConfig, UNPREFIXED]
    out: Path | None
    """Output folder; without it runs/<game>-<profile>."""

    start: Annotated[Start, UNPREFIXED]
    compute: Annotated[Compute, UNPREFIXED]
    processor: ProcessorChoice
    """Latent transition model; its own options are shown when it is chosen."""

    encoder: EncoderChoice
    """Pictures to slots; its own options are shown when it is chosen."""

    objective: ObjectiveChoice
    """Contrastive loss; its own options are shown when it is chosen."""

    linear: ProbeChoice
    """Probe on all frames: gradient steps, or the optimum with a penalty; its own options are shown when it is
    chosen."""

    linear_on_few: FewLabelsProbeChoice
    """Probe on few labelled frames; regularised is quicker and scores higher there."""

    together: Literal["auto", "yes", "no"] = "auto"
    """Train all encoders as one ensemble instead of one after another; auto does so on a GPU."""

    @staticmethod
    def defaults(base: RunConfig) -> dict[str, Any]:
        """Return the options that are not required, with their values in a profile."""
        return {
            "config": base,
            "out": None,
            **names_of(base, *PARTS),
        }

    def execute(self, console: Console) -> None:
        """Do the whole chain."""
        origin = self.start.profile if self.start.config_file is None else self.start.config_file.stem
        out = Path("runs", f"{self.config.game}-{origin}") if self.out is None else self.out
        command_line = ["rmr-gym", *sys.argv[1:]]  # without the path of the program, which is private
        reporter = Reporter(console)
        result = run(
            self.config,
            out,
            device=self.compute.apply(),
            together={"auto": None, "yes": True, "no": False}[self.together],
            command_line=command_line,
            reporter=reporter,
        )
        console.print(render(result))
        console.print(f"Everything is in {out}", highlight=False)
