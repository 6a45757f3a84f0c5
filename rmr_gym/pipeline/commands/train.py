"""`rmr-gym train`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from rich.console import Console

from rmr_gym.pipeline.commands.options import (
    UNPREFIXED,
    ArmName,
    Compute,
    EncoderChoice,
    ObjectiveChoice,
    Start,
    names_of,
)
from rmr_gym.pipeline.config import RunConfig
from rmr_gym.pipeline.progress import Reporter
from rmr_gym.pipeline.stages import train
from rmr_gym.training import ARMS, NaturalConfig


@dataclass(frozen=True, kw_only=True, slots=True)
class Train:
    """Train the encoder of one arm on the pixels of a data set, around a pre-trained processor.

    Writes a checkpoint for rmr_gym.load_encoder, log.jsonl and result.json.
    Example: rmr-gym train --data data/pong --processor processors/pong --arm rmr --seed 0 --out encoders/pong
    """

    data: tuple[Path, ...]
    """Folder of `rmr-gym collect`, or several that open as one: the same for every step, since they are split as a
    whole."""

    processor: Path
    """Folder of `rmr-gym pretrain`; arms with a random processor take only its shape."""

    out: Path
    """Folder of the encoder; made if it does not exist."""

    arm: ArmName
    """What to do with the processor."""

    seed: int
    """Seed of the weights, batches and negatives; arms of one seed are paired."""

    start: Annotated[Start, UNPREFIXED]
    compute: Annotated[Compute, UNPREFIXED]
    encoder: EncoderChoice
    """Pictures to slots; its own options are shown when it is chosen."""

    objective: ObjectiveChoice
    """Contrastive loss; its own options are shown when it is chosen."""

    natural: NaturalConfig

    @staticmethod
    def defaults(base: RunConfig) -> dict[str, Any]:
        """Return the options that are not required, with their values in a profile."""
        return {
            "arm": next(iter(ARMS)),
            "seed": base.seed,
            "natural": base.natural,
            **names_of(base, "encoder", "objective"),
        }

    def execute(self, console: Console) -> None:
        """Train."""
        reporter = Reporter(console)
        train(
            self.data,
            self.processor,
            self.out,
            self.arm,
            self.natural,
            seed=self.seed,
            device=self.compute.apply(),
            reporter=reporter,
        )
        reporter.close(self.out)
