"""The speed of bouncing balls beside a plain use of MuJoCo, in one run, with the errors and differences of both.

Pairs: one world moves on by a frame and is drawn, by our environment and by `mj_step` with `mujoco.Renderer` at its
default quality. States: many worlds without pictures, by `simulate` and by a Python loop over `mj_step`, in one process
and in one per core. All variants take turns; the table shows medians.

    python -m benchmarks.performance.balls --out benchmarks/results/performance_balls.json
"""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
import json
import multiprocessing
import os
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tyro
from rich.console import Console
from rich.table import Table

from benchmarks.performance.conventional_balls import (
    ConventionalRenderer,
    ConventionalWorld,
    Integrator,
    advance_worlds,
)
from rmr_gym.envs.ball_renderer import BallRenderer
from rmr_gym.envs.ball_world import BallWorlds, simulate, start
from rmr_gym.envs.balls_config import BallsConfig
from rmr_gym.envs.bouncing_balls import BouncingBallsEnv
from rmr_gym.errors import explain
from rmr_gym.pipeline.machine import hardware, versions

Timed = Callable[[], int]
"""Does some work and returns how many frames it made."""

OURS = "rmr_gym"


@dataclass(frozen=True, kw_only=True, slots=True)
class BallsPerformanceConfig:
    """Settings of the comparison."""

    out: Path | None = None
    """JSON file for the result; None prints it only."""

    repeats: int = 5
    """Turns that every variant takes."""

    num_worlds: int = 512
    """Worlds of the comparison of states."""

    num_frames: int = 100
    """Frames of every world by `simulate`, as in a data set."""

    loop_frames: int = 10
    """Frames of every world by the loop, whose speed does not depend on their number."""

    num_pairs: int = 20
    """Pairs that a variant makes in a turn."""

    error_worlds: int = 8
    """Worlds whose energy and overlap are followed for `num_frames` frames."""

    def __post_init__(self) -> None:
        """Refuse numbers that are not positive."""
        for name in ("repeats", "num_worlds", "num_frames", "loop_frames", "num_pairs", "error_worlds"):
            if getattr(self, name) < 1:
                fix = "Leave it at its default."
                raise ValueError(explain(expected=f"{name} of at least 1", got=getattr(self, name), fix=fix))


def run(config: BallsPerformanceConfig) -> dict[str, Any]:
    """Measure everything and return the result as JSON values."""
    started, world = time.perf_counter(), BallsConfig()
    # States first: OpenGL lets its threads run on.
    states = measure_states(config, world)
    errors = measure_errors(config, world)
    pairs, differences, opengl = measure_pairs(config, world)
    settings = {name: value for name, value in asdict(config).items() if name != "out"}
    return {
        "command": "python -m benchmarks.performance.balls",
        "config": settings,
        "world": asdict(world),
        "pairs_per_second": pairs,
        "picture_difference": differences,
        "states_per_second": states,
        "physics_error": errors,
        "hardware": hardware() | {"opengl": opengl},
        "versions": versions() | {"mujoco": importlib.metadata.version("mujoco")},
        "seconds": round(time.perf_counter() - started, 1),
    }


def take_turns(variants: Mapping[str, Timed], repeats: int) -> dict[str, dict[str, float]]:
    """Let every variant work once in each round, after a round that does not count; return frames per second."""
    rates: dict[str, list[float]] = {name: [] for name in variants}
    for number in range(repeats + 1):
        for name, work in variants.items():
            started = time.perf_counter()
            frames = work()
            if number > 0:
                rates[name].append(frames / (time.perf_counter() - started))
    return {
        name: {
            "median": round(float(np.median(values)), 1),
            "lowest": round(min(values), 1),
            "highest": round(max(values), 1),
            "ours_is_faster_by": round(float(np.median(rates[OURS]) / np.median(values)), 2),
        }
        for name, values in rates.items()
    }


def measure_states(config: BallsPerformanceConfig, world: BallsConfig) -> dict[str, dict[str, float]]:
    """Compare trajectories without pictures."""
    seeds, cores = list(range(config.num_worlds)), _cores()
    # Not forked: MuJoCo's threads are running here.
    with ProcessPoolExecutor(cores, mp_context=multiprocessing.get_context("spawn")) as pool:

        def ours() -> int:
            return len(simulate(world, seeds, config.num_frames + 1)) * config.num_frames

        def loop(integrator: Integrator, num_workers: int) -> int:
            shares = [seeds[first::num_workers] for first in range(num_workers)]
            if num_workers == 1:
                advance_worlds(world, integrator, seeds, config.loop_frames)
            else:
                tasks = [pool.submit(advance_worlds, world, integrator, one, config.loop_frames) for one in shares]
                for task in tasks:
                    task.result()
            return len(seeds) * config.loop_frames

        def same_contacts() -> int:
            slow = ConventionalWorld(world, same_contacts=True)
            slow.reset(0)
            slow.advance()
            return 1

        variants: dict[str, Timed] = {
            OURS: ours,
            "mj_step, Euler, 1 ms, one process": lambda: loop("Euler", 1),
            "mj_step, implicitfast, 1 ms, one process": lambda: loop("implicitfast", 1),
            f"mj_step, Euler, 1 ms, {cores} processes": lambda: loop("Euler", cores),
            "mj_step, the contacts of rmr_gym, one process": same_contacts,
        }
        return take_turns(variants, config.repeats)


def measure_errors(config: BallsPerformanceConfig, world: BallsConfig) -> dict[str, dict[str, float]]:
    """Follow energy, outside of contacts, and overlap at every step of physics."""
    found = {OURS: _our_errors(config, world)}
    for integrator in ("Euler", "implicitfast"):
        conventional = ConventionalWorld(world, integrator=integrator)
        drift = overlap = 0.0
        for seed in range(config.error_worlds):
            conventional.reset(seed)
            before = conventional.energy()
            for _ in range(config.num_frames):
                overlap = max(overlap, conventional.advance_watched())
                if conventional.data.ncon == 0:
                    drift = max(drift, abs(conventional.energy() / before - 1))
        found[f"mj_step, {integrator}, 1 ms"] = {"energy_drift": drift, "overlap_in_radii": overlap / world.radius}
    return found


def _our_errors(config: BallsPerformanceConfig, world: BallsConfig) -> dict[str, float]:
    worlds = BallWorlds(world, num_worlds=config.error_worlds)
    starts = [start(world, seed) for seed in range(config.error_worlds)]
    worlds.set_state(*(np.stack(parts) for parts in zip(*starts, strict=True)))
    watched = _Watched(worlds)
    before, drift = (worlds.velocities() ** 2).sum(axis=(1, 2)), 0.0
    for _ in range(config.num_frames):
        worlds.advance()
        energy = (worlds.velocities() ** 2).sum(axis=(1, 2))
        drift = max(drift, float(np.abs(energy / before - 1)[~worlds.touching()].max(initial=0.0)))
    return {"energy_drift": drift, "overlap_in_radii": watched.overlap / world.radius}


class _Watched:
    """Measures how deep balls are in one another after every step of a batch, most of which are within a frame."""

    def __init__(self, worlds: BallWorlds) -> None:
        self._batch, self._reach, self.overlap = worlds._batch, 2 * worlds.config.radius, 0.0
        self._positions = self._batch.qpos.reshape(worlds.num_worlds, -1, 2)
        self._pairs = np.triu_indices(worlds.config.num_balls, k=1)
        worlds._batch = self

    def step(self, active: Any, nstep: int = 1) -> None:
        for _ in range(nstep):
            self._batch.step(active)
            self._measure()

    def _measure(self) -> None:
        first, second = self._pairs
        distance = np.linalg.norm(self._positions[:, first] - self._positions[:, second], axis=-1)
        self.overlap = max(self.overlap, float(self._reach - distance.min(initial=self._reach)))


def measure_pairs(
    config: BallsPerformanceConfig, world: BallsConfig
) -> tuple[dict[str, dict[str, float]], dict[str, dict[str, float]], str]:
    """Compare one world with pictures; return speeds, differences of the pictures of equal states, and the OpenGL."""
    env = BouncingBallsEnv()
    env.reset(seed=0)
    loop = ConventionalWorld(world)
    loop.reset(0)
    renderers = {
        "mj_step and Renderer, lamp and shadows": ConventionalRenderer(world, light=True),
        "mj_step and Renderer, no lamp": ConventionalRenderer(world),
    }
    flat = ConventionalRenderer(world, flat=True)

    def ours() -> int:
        for _ in range(config.num_pairs):
            env.step(0)
        return config.num_pairs

    def conventional(renderer: ConventionalRenderer) -> int:
        for _ in range(config.num_pairs):
            loop.advance()
            renderer.render(loop.positions())
        return config.num_pairs

    variants: dict[str, Timed] = {OURS: ours}
    for label, one in renderers.items():
        variants[label] = functools.partial(conventional, one)
    rates = take_turns(variants, config.repeats)
    differences = _differences(world, {**renderers, "Renderer, lit as by rmr_gym": flat})
    opengl = importlib.import_module("OpenGL.GL")
    name = opengl.glGetString(opengl.GL_RENDERER).decode()
    for renderer in (*renderers.values(), flat):
        renderer.close()
    env.close()
    return rates, differences, name


def _differences(world: BallsConfig, renderers: Mapping[str, ConventionalRenderer]) -> dict[str, dict[str, float]]:
    """Compare pictures of 20 equal states: how much pixels differ, of 255, and where anything is drawn at all."""
    ours, states = BallRenderer(world), simulate(world, range(20), 2)[:, 1]
    pictures = np.stack([ours.render(state) for state in states]).astype(float)
    ours.close()
    found = {}
    for name, renderer in renderers.items():
        others = np.stack([renderer.render(state) for state in states]).astype(float)
        found[name] = {
            "mean_absolute": round(float(np.abs(pictures - others).mean()), 3),
            "largest": float(np.abs(pictures - others).max()),
            "pixels_drawn_by_one_only": round(float(((pictures.max(-1) > 0) != (others.max(-1) > 0)).mean()), 5),
        }
    return found


def show(result: Mapping[str, Any], console: Console) -> None:
    """Print the tables."""
    for key, title in (("pairs_per_second", "pairs (frame and picture)"), ("states_per_second", "states alone")):
        table = Table(
            "variant", "frames/s", "lowest", "highest", "rmr_gym is faster by", title=title, title_justify="left"
        )
        for name, row in result[key].items():
            faster = "" if name == OURS else f"{row['ours_is_faster_by']:,.1f} x"
            table.add_row(name, *(f"{row[one]:,.0f}" for one in ("median", "lowest", "highest")), faster)
        console.print(table)
    table = Table("variant", "energy drift", "overlap / radius", title="errors of physics", title_justify="left")
    for name, row in result["physics_error"].items():
        table.add_row(name, f"{row['energy_drift']:.3%}", f"{row['overlap_in_radii']:.4%}")
    console.print(table)
    title = "pictures of equal states against rmr_gym's"
    table = Table(
        "renderer", "mean difference of 255", "largest", "drawn by one only", title=title, title_justify="left"
    )
    for name, row in result["picture_difference"].items():
        shown = f"{row['mean_absolute']:.2f}", f"{row['largest']:.0f}", f"{row['pixels_drawn_by_one_only']:.2%}"
        table.add_row(name, *shown)
    console.print(table)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def main() -> None:
    """Run from the command line."""
    config = tyro.cli(BallsPerformanceConfig, description=__doc__)
    result = run(config)
    show(result, Console())
    if config.out is not None:
        config.out.parent.mkdir(parents=True, exist_ok=True)
        config.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
