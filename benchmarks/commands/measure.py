"""`python -m benchmarks measure`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import torch
import tyro

from benchmarks.costs.measurement import Sizes, measure
from benchmarks.costs.units import FOLDER
from rmr_gym.documents import write_json
from rmr_gym.pipeline.commands.options import UNPREFIXED
from rmr_gym.pipeline.machine import check_device


@dataclass(frozen=True, kw_only=True, slots=True)
class Measure:
    """Measure what experiments cost on this machine, for `run --dry-run`; takes a minute or two, alone on the machine.

    Example: python -m benchmarks measure --device cuda --together 20
    """

    device: Literal["cpu", "cuda"] = "cpu"
    """What the networks run on."""

    threads: int = 1
    """Threads of PyTorch, as of every experiment."""

    out: Path | None = None
    """File to be written; without it that of the device beside the code, which the dry run reads."""

    sizes: Annotated[Sizes, UNPREFIXED] = field(default_factory=Sizes)
    """How much is measured."""

    def run(self) -> int:
        """Measure and return the exit status."""
        check_device(self.device)
        torch.set_num_threads(self.threads)
        options = f" --device {self.device} --together {self.sizes.together}" if self.device != "cpu" else ""
        path = FOLDER / f"{self.device}.json" if self.out is None else self.out
        found = measure(self.sizes, device=self.device, command=f"python -m benchmarks measure{options}")
        write_json(path, found)
        print(f"Written to {path.name}")
        return 0


def parse_measure(arguments: Sequence[str]) -> Measure:
    """Turn the arguments of the subcommand into its dataclass."""
    return tyro.cli(Measure, args=list(arguments), prog="python -m benchmarks measure")
