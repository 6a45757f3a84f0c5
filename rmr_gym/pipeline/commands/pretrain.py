"""`rmr-gym pretrain`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from rich.console import Console

from rmr_gym.pipeline.commands.options import UNPREFIXED, Compute, ProcessorChoice, Start, names_of
from rmr_gym.pipeline.config import RunConfig
from rmr_gym.pipeline.progress import Reporter
from rmr_gym.pipeline.stages import pretrain
from rmr_gym.pipeline.tables import abstract_table
from rmr_gym.training import AbstractConfig


@dataclass(frozen=True, kw_only=True, slots=True)
class Pretrain:
    """Pre-train a processor on the RAM transitions of a data set.

    Writes a checkpoint for rmr_gym.load_processor, log.jsonl and result.json, with scores on held-out episodes beside
    those of copying. Example: rmr-gym pretrain --data data/pong --out processors/pong
    """

    data: tuple[Path, ...]
    """Folder of `rmr-gym collect`, or several that open as one: the same for every step, since they are split as a
    whole."""

    out: Path
    """Folder of the processor; made if it does not exist."""

    seed: int
    """Seed of the weights and the batches."""

    entropy_threshold: float
    """Bytes of RAM with more entropy than this, in nats, are scored."""

    start: Annotated[Start, UNPREFIXED]
    compute: Annotated[Compute, UNPREFIXED]
    processor: ProcessorChoice
    """Latent transition model; its own options are shown when it is chosen."""

    abstract: AbstractConfig

    @staticmethod
    def defaults(base: RunConfig) -> dict[str, Any]:
        """Return the options that are not required, with their values in a profile."""
        return {
            "seed": base.seed,
            "entropy_threshold": base.probe.entropy_threshold,
            "abstract": base.abstract,
            **names_of(base, "processor"),
        }

    def execute(self, console: Console) -> None:
        """Pre-train."""
        result = pretrain(
            self.data,
            self.out,
            self.abstract,
            entropy_threshold=self.entropy_threshold,
            seed=self.seed,
            device=self.compute.apply(),
            reporter=Reporter(console),
        )
        console.print(abstract_table(result))
