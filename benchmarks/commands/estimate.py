"""`python -m benchmarks estimate`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

import tyro

from benchmarks.costs.check import check
from benchmarks.costs.gpu_hours import markdown
from benchmarks.costs.measurement import Sizes, measure
from benchmarks.costs.roofline import GPUS
from benchmarks.costs.units import FOLDER, LEAST, read_costs_file, read_least_costs
from benchmarks.marks import place_of
from rmr_gym.documents import write_json
from rmr_gym.errors import explain

if TYPE_CHECKING:
    GpuName: TypeAlias = str
else:  # the choices of the command line are the names in the table
    GpuName = Literal[tuple(GPUS)]


CHECK = Path("benchmarks/results/roofline_check.json")
PLACE = place_of("cuda.json")


@dataclass(frozen=True, kw_only=True, slots=True)
class Estimate:
    """Estimate what experiments would cost on a GPU that is not at hand, for `run --dry-run --device cuda`.

    The operations of every kind of update are counted on this machine, in some minutes, and their time is worked out
    from the data sheet of the GPU: with the three guesses below of how much of it is reached, and a second time with
    all of it. Nothing is measured on a GPU: whoever has one runs `python -m benchmarks measure --device cuda
    --together 20` instead.
    Example: python -m benchmarks estimate --gpu h100
    """

    gpu: GpuName = "h200"
    """Which GPU."""

    together: int = 20
    """Encoders in an ensemble, whose frames lie on the GPU."""

    products: float = 0.25
    """Share of the rate of its data sheet that matrix products, convolutions and messages reach."""

    bandwidth: float = 0.5
    """Share of the bandwidth that is reached."""

    microseconds: float = 10.0
    """Time that a kernel takes at least: Python has to launch it."""

    check: bool = False
    """Do not estimate a GPU, but one core of this machine, measure it as well, and write the ratios; takes some
    minutes, alone on the machine."""

    out: Path | None = None
    """File to be written; without it that of CUDA beside the code, which the dry run reads."""

    page: Path | None = None
    """Page with a place for the hours of all suites, docs/scaling.md."""

    def run(self) -> int:
        """Estimate and return the exit status."""
        self._require_sense()
        if self.check:
            path = CHECK if self.out is None else self.out
            write_json(path, check(command="python -m benchmarks estimate --check"))
            print(f"Written to {path.name}")
            return 0
        reached = GPUS[self.gpu].at(products=self.products, bandwidth=self.bandwidth, launch=1e-6 * self.microseconds)
        sizes, path = Sizes(together=self.together), FOLDER / "cuda.json" if self.out is None else self.out
        found, least = (
            measure(sizes, counted_for=device, command=self._command()) for device in (reached, GPUS[self.gpu])
        )
        # What is measured on this machine is the same for both.
        least |= {name: found[name] for name in ("step", "bytes_per_frame")}
        write_json(path, found | {LEAST: least})
        print(f"Written to {path.name}")
        if self.page is not None:
            PLACE.fill_file(self.page, markdown(read_costs_file(path), read_least_costs(path), together=self.together))
        return 0

    def _require_sense(self) -> None:
        """Refuse numbers out of range, and a page without a place, before some minutes are spent."""
        for name in ("products", "bandwidth"):
            if not 0 < getattr(self, name) <= 1:
                fix = f"Pass --{name} 1 for what is possible at most."
                raise ValueError(explain(expected=f"--{name} in 0..1, above 0", got=getattr(self, name), fix=fix))
        if self.together < 1:
            raise ValueError(explain(expected="--together of at least 1", got=self.together, fix="Pass 20."))
        if not 0 <= self.microseconds < float("inf"):
            raise ValueError(explain(expected="--microseconds of at least 0", got=self.microseconds, fix="Pass 10."))
        if self.page is None:
            return
        if self.check:
            raise ValueError(explain(expected="--check or --page", got="both", fix="A check has no hours."))
        if not self.page.is_file():
            raise ValueError(explain(expected="a page", got=str(self.page), fix="Pass --page docs/scaling.md."))
        PLACE.fill(self.page.read_text(encoding="utf-8"), "")

    def _command(self) -> str:
        return (
            f"python -m benchmarks estimate --gpu {self.gpu} --together {self.together} --products {self.products:g} "
            f"--bandwidth {self.bandwidth:g} --microseconds {self.microseconds:g}"
        )


def parse_estimate(arguments: Sequence[str]) -> Estimate:
    """Turn the arguments of the subcommand into its dataclass."""
    return tyro.cli(Estimate, args=list(arguments), prog="python -m benchmarks estimate")
