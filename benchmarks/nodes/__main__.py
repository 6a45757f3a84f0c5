"""Hold Ray beside the local executor, on one node and on several, and the cost model beside both.

Takes half an hour on two cores; nothing else should run. A call that was ended is continued by the same call.
Example: python -m benchmarks.nodes --out benchmarks/results/nodes.json --page docs/scaling.md
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import torch
import tyro

from benchmarks.marks import place_of
from benchmarks.nodes.table import markdown
from benchmarks.nodes.trials import Trials, measure, read_record
from rmr_gym.pipeline.commands.options import UNPREFIXED
from rmr_gym.program import run_program

PROGRAM = "python -m benchmarks.nodes"


@dataclass(frozen=True, kw_only=True, slots=True)
class Nodes:
    """Measure what the record lacks, and show it."""

    out: Path
    """The record, JSON."""

    page: Path | None = None
    """Page with a place for the table of the record."""

    show: bool = False
    """Measure nothing, only put what the record holds into the page, or print it."""

    trials: Annotated[Trials, UNPREFIXED] = field(default_factory=Trials)
    """What is measured."""

    def run(self) -> int:
        """Run and return the exit status."""
        torch.set_num_threads(1)
        record = read_record(self.out) if self.show else measure(self.trials, self.out)
        if self.page is None:
            print(markdown(record))
        else:
            place_of(self.out.name).fill_file(self.page, markdown(record))
        return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line and return the exit status."""

    def run() -> int:
        return tyro.cli(Nodes, args=arguments, prog=PROGRAM, description=__doc__).run()

    return run_program(PROGRAM, run)


if __name__ == "__main__":
    sys.exit(main())
