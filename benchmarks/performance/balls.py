"""The speed of bouncing balls beside a plain use of MuJoCo, in one run, with the errors and differences of both.

Pairs: one world moves on by a frame and is drawn, by our environment and by `mj_step` with `mujoco.Renderer` at its
default quality; and pairs are recorded on the disk. States: many worlds without pictures, by `simulate` and by a Python
loop over `mj_step`, in one process and in one per core. All variants take turns; the tables show medians.

    python -m benchmarks.performance.balls --out benchmarks/results/performance_balls.json
"""

from __future__ import annotations

import importlib
import importlib.metadata
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import tyro
from rich.console import Console

from benchmarks.performance.balls_config import OURS, QUICK_SIZES, BallsSizes
from benchmarks.performance.balls_pairs import LIT, SAVED, UNLIT, measure_collection, measure_pairs
from benchmarks.performance.balls_pictures import TRUTH, compare_pictures, measure_pictures
from benchmarks.performance.balls_report import show
from benchmarks.performance.balls_states import ALL_CORES, ONE_PROCESS, measure_errors, measure_states
from benchmarks.performance.conventional_balls import ConventionalRenderer
from benchmarks.performance.frame_rates import FrameRate
from benchmarks.performance.harness import Comparison
from benchmarks.performance.settings import Settings
from rmr_gym.documents import write_json
from rmr_gym.envs.balls_config import BallsConfig
from rmr_gym.pipeline.machine import hardware, versions

_FLAT = "Renderer, lit as by rmr_gym"


@dataclass(frozen=True, kw_only=True, slots=True)
class BallsPerformanceConfig:
    """Settings of the comparison."""

    out: Path | None = None
    """JSON file for the result; None prints it only."""

    repeats: int = 5
    """Turns that every variant takes after one that does not count."""

    sizes: BallsSizes = field(default_factory=BallsSizes)
    """How much they do in a turn."""

    def __post_init__(self) -> None:
        """Refuse a number of turns that is not positive."""
        _ = Settings(repeats=self.repeats)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Measured:
    """Everything that is measured, by variant."""

    states: dict[str, FrameRate]
    errors: dict[str, dict[str, float]]
    pairs: dict[str, FrameRate]
    recorded: dict[str, FrameRate]
    pictures: dict[str, FrameRate]
    differences: dict[str, dict[str, dict[str, float]]]
    opengl: str


def measure(settings: Settings) -> list[Comparison]:
    """Compare frames per second of bouncing balls: pairs, recorded pairs, and states."""
    found = _measure(QUICK_SIZES if settings.quick else BallsSizes(), settings.repeats)
    ours, lit = found.differences[TRUTH][OURS]["mean_absolute"], found.differences[OURS][LIT]["mean_absolute"]
    flat = found.differences[OURS][_FLAT]["mean_absolute"]
    note = f"ours are flat discs, {lit:.1f} of 255 from the peer's in the mean, {flat:.2f} under the same light"
    pair, recorded, states = "picture and state, one world", "pictures and states on the disk", "states, many worlds"
    cases = (
        (pair, found.pairs, LIT, 20.0, f"{note}, {ours:.2f} from true shares of pixels"),
        (pair, found.pairs, UNLIT, None, "only the light of the viewer, so no shadows to draw"),
        (recorded, found.recorded, f"{LIT}{SAVED}", None, "ours compresses and forces every file to the disk"),
        (recorded, found.recorded, f"{UNLIT}{SAVED}", None, "ours compresses and forces every file to the disk"),
        (states, found.states, ALL_CORES, 5.0, "ours with contacts a hundred times shorter"),
        (states, found.states, ONE_PROCESS, None, "ours on all cores"),
    )
    return [
        Comparison(
            what=f"bouncing balls, {what}",
            ours=OURS,
            peer=peer,
            figure=rates[peer].ours_is_faster_by,
            bar=bar,
            note=note,
        )
        for what, rates, peer, bar, note in cases
    ]


def run(config: BallsPerformanceConfig) -> dict[str, Any]:
    """Measure everything and return the result as JSON values."""
    started = time.perf_counter()
    found = _measure(config.sizes, config.repeats)
    return {
        "command": "python -m benchmarks.performance.balls",
        "config": {"repeats": config.repeats, "sizes": asdict(config.sizes)},
        "world": asdict(BallsConfig()),
        "pairs_per_second": _as_json(found.pairs),
        "recorded_pairs_per_second": _as_json(found.recorded),
        "pictures_per_second": _as_json(found.pictures),
        "picture_difference": found.differences,
        "states_per_second": _as_json(found.states),
        "physics_error": found.errors,
        "hardware": hardware() | {"opengl": found.opengl},
        "versions": versions() | {"mujoco": importlib.metadata.version("mujoco")},
        "seconds": round(time.perf_counter() - started, 1),
    }


def _measure(sizes: BallsSizes, repeats: int) -> _Measured:
    world = BallsConfig()
    # States first: OpenGL lets its threads run on.
    states, errors = measure_states(sizes, world, repeats), measure_errors(sizes, world)
    renderers = {LIT: ConventionalRenderer(world, light=True), UNLIT: ConventionalRenderer(world)}
    flat = ConventionalRenderer(world, flat=True)
    found = _Measured(
        states=states,
        errors=errors,
        pairs=measure_pairs(sizes, world, renderers, repeats),
        recorded=measure_collection(sizes, world, renderers, repeats),
        pictures=measure_pictures(sizes, world, renderers, repeats),
        differences=compare_pictures(sizes, world, {**renderers, _FLAT: flat}),
        opengl=_opengl(),
    )
    for renderer in (*renderers.values(), flat):
        renderer.close()
    return found


def _opengl() -> str:
    """Name the OpenGL that has drawn, while its context is there."""
    opengl = importlib.import_module("OpenGL.GL")
    name: str = opengl.glGetString(opengl.GL_RENDERER).decode()
    return name


def _as_json(rates: Mapping[str, FrameRate]) -> dict[str, Any]:
    return {name: asdict(rate) for name, rate in rates.items()}


def main() -> None:
    """Run from the command line."""
    config = tyro.cli(BallsPerformanceConfig, description=__doc__)
    result = run(config)
    show(result, Console())
    if config.out is not None:
        config.out.parent.mkdir(parents=True, exist_ok=True)
        write_json(config.out, result)


if __name__ == "__main__":
    main()
