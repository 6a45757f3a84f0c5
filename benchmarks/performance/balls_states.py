"""Bouncing balls without pictures: speed and errors of the physics, beside loops over `mj_step`."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import numpy as np

from benchmarks.performance.balls_config import OURS, BallsSizes
from benchmarks.performance.conventional_balls import ConventionalWorld, Integrator, advance_worlds
from benchmarks.performance.frame_rates import FrameRate, Timed, frame_rates
from rmr_gym.data.cores import usable_cores
from rmr_gym.envs.ball_world import BallWorlds, simulate, start
from rmr_gym.envs.balls_config import BallsConfig

ONE_PROCESS = "mj_step, Euler, 1 ms, one process"
ALL_CORES = f"mj_step, Euler, 1 ms, {usable_cores()} processes"


def measure_states(sizes: BallsSizes, world: BallsConfig, repeats: int) -> dict[str, FrameRate]:
    """Compare trajectories without pictures."""
    seeds, cores = list(range(sizes.num_worlds)), usable_cores()
    # Not forked: MuJoCo's threads are running here.
    with ProcessPoolExecutor(cores, mp_context=multiprocessing.get_context("spawn")) as pool:

        def loop(integrator: Integrator) -> None:
            advance_worlds(world, integrator, seeds, sizes.loop_frames)

        def loops() -> None:
            shares = [seeds[first::cores] for first in range(cores)]
            tasks = [pool.submit(advance_worlds, world, "Euler", share, sizes.loop_frames) for share in shares]
            for task in tasks:
                task.result()

        def same_contacts() -> None:
            slow = ConventionalWorld(world, same_contacts=True)
            slow.reset(0)
            slow.advance()

        frames = sizes.num_worlds * sizes.loop_frames
        variants = {
            OURS: Timed(
                work=lambda: simulate(world, seeds, sizes.num_frames + 1), frames=sizes.num_worlds * sizes.num_frames
            ),
            ONE_PROCESS: Timed(work=lambda: loop("Euler"), frames=frames),
            "mj_step, implicitfast, 1 ms, one process": Timed(work=lambda: loop("implicitfast"), frames=frames),
            ALL_CORES: Timed(work=loops, frames=frames),
            "mj_step, the contacts of rmr_gym, one process": Timed(work=same_contacts, frames=1),
        }
        return frame_rates(variants, repeats, ours=OURS)


def measure_errors(sizes: BallsSizes, world: BallsConfig) -> dict[str, dict[str, float]]:
    """Follow energy, outside of contacts, and overlap at every step of physics."""
    found = {OURS: _our_errors(sizes, world)}
    for integrator in ("Euler", "implicitfast"):
        conventional = ConventionalWorld(world, integrator=integrator)
        drift = overlap = 0.0
        for seed in range(sizes.error_worlds):
            conventional.reset(seed)
            before = conventional.energy()
            for _ in range(sizes.num_frames):
                overlap = max(overlap, conventional.advance_watched())
                if conventional.data.ncon == 0:
                    drift = max(drift, abs(conventional.energy() / before - 1))
        found[f"mj_step, {integrator}, 1 ms"] = {"energy_drift": drift, "overlap_in_radii": overlap / world.radius}
    return found


def _our_errors(sizes: BallsSizes, world: BallsConfig) -> dict[str, float]:
    worlds = BallWorlds(world, num_worlds=sizes.error_worlds)
    starts = [start(world, seed) for seed in range(sizes.error_worlds)]
    worlds.set_state(*(np.stack(parts) for parts in zip(*starts, strict=True)))
    watched = _Watched(worlds)
    before, drift = (worlds.velocities() ** 2).sum(axis=(1, 2)), 0.0
    for _ in range(sizes.num_frames):
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
