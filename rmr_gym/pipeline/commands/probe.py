"""`rmr-gym probe`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro
from rich.console import Console

from rmr_gym.pipeline.commands.options import UNPREFIXED, Compute, FewLabelsProbeChoice, ProbeChoice, Start, names_of
from rmr_gym.pipeline.config import ProbingConfig, RunConfig
from rmr_gym.pipeline.probed import short_names
from rmr_gym.pipeline.progress import Reporter
from rmr_gym.pipeline.stages import probe
from rmr_gym.pipeline.tables import probe_table, probes_table
from rmr_gym.sb3.agent_features import AgentReadingConfig


@dataclass(frozen=True, kw_only=True, slots=True)
class Probe:
    """Read the RAM off frozen encoders with linear probes.

    Writes probe.json and prints the scores beside the majority bit; several encoders are read on the same frames and
    shown in one table. A trained agent of Stable-Baselines3 is an encoder, too.
    Example: rmr-gym probe --data data/pong --encoder encoders/pong sb3:agents/pong.zip
    """

    data: tuple[Path, ...]
    """Folder of `rmr-gym collect`, or several that open as one: the same for every step, since they are split as a
    whole."""

    encoder: Annotated[tuple[str, ...], tyro.conf.arg(metavar="PATH|sb3:PATH ...")]
    """Folders of `rmr-gym train`, and agents, sb3:PATH, by their file or the folder of their training. Loading an agent
    runs what its file holds."""

    out: Path | None
    """Folder of probe.json, of several encoders one folder in it for each; without it that of the encoder."""

    seed: int
    """Seed of the choice of frames and of the probes; compare encoders under one seed."""

    start: Annotated[Start, UNPREFIXED]
    compute: Annotated[Compute, UNPREFIXED]
    linear: ProbeChoice
    """Probe on all frames: gradient steps, or the optimum with a penalty; its own options are shown when it is
    chosen."""

    linear_on_few: FewLabelsProbeChoice
    """Probe on few labelled frames; regularised is quicker and scores higher there."""

    probe: ProbingConfig
    agent: AgentReadingConfig

    @staticmethod
    def defaults(base: RunConfig) -> dict[str, Any]:
        """Return the options that are not required, with their values in a profile."""
        return {
            "out": None,
            "seed": base.seed,
            "probe": base.probe,
            "agent": AgentReadingConfig(),
            **names_of(base, "linear", "linear_on_few"),
        }

    def execute(self, console: Console) -> None:
        """Probe."""
        names = short_names(self.encoder)
        reporter, device = Reporter(console), self.compute.apply()
        results = {
            name: probe(
                self.data,
                encoder,
                self.out if self.out is None or len(names) == 1 else self.out / re.sub("[/:]", "-", name),
                self.probe,
                agent=self.agent,
                seed=self.seed,
                device=device,
                reporter=reporter,
            )
            for name, encoder in zip(names, self.encoder, strict=True)
        }
        if len(results) == 1:
            console.print(probe_table(results[names[0]]))
        else:
            console.print(probes_table(results))
