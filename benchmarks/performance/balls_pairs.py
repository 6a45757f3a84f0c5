"""Bouncing balls with pictures: one environment beside a plain use of MuJoCo, and data sets beside a plain loop."""

from __future__ import annotations

import functools
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

from benchmarks.performance.balls_config import OURS, BallsSizes
from benchmarks.performance.conventional_balls import ConventionalRenderer, ConventionalWorld, record_pairs
from benchmarks.performance.frame_rates import FrameRate, Timed, frame_rates
from rmr_gym.data import collect_balls
from rmr_gym.envs.balls_config import BallsConfig
from rmr_gym.envs.bouncing_balls import BouncingBallsEnv

LIT = "mj_step and Renderer, lamp and shadows"
UNLIT = "mj_step and Renderer, no lamp"
SAVED = ", np.savez"
OPENGL = 'rmr_gym, painter="opengl"'


def measure_pairs(
    sizes: BallsSizes, world: BallsConfig, renderers: dict[str, ConventionalRenderer], repeats: int
) -> dict[str, FrameRate]:
    """Let one world move on by a frame and be drawn, again and again; the renderers are by name of the variant."""
    loop = ConventionalWorld(world)
    loop.reset(0)
    envs = {OURS: BouncingBallsEnv(), OPENGL: BouncingBallsEnv(painter="opengl")}
    for env in envs.values():
        env.reset(seed=0)

    def step(env: BouncingBallsEnv, count: int) -> None:
        for _ in range(count):
            env.step(0)

    def conventional(renderer: ConventionalRenderer) -> None:
        for _ in range(sizes.num_pairs):
            loop.advance()
            renderer.render(loop.positions())

    many = 10 * sizes.num_pairs
    variants = {name: Timed(work=functools.partial(step, env, many), frames=many) for name, env in envs.items()}
    for name, one in renderers.items():
        variants[name] = Timed(work=functools.partial(conventional, one), frames=sizes.num_pairs)
    rates = frame_rates(variants, repeats, ours=OURS)
    for env in envs.values():
        env.close()
    return rates


def measure_collection(
    sizes: BallsSizes, world: BallsConfig, renderers: dict[str, ConventionalRenderer], repeats: int
) -> dict[str, FrameRate]:
    """Record trajectories with pictures: ours by `collect_balls`, one by a plain loop that ends with `np.savez`."""
    with tempfile.TemporaryDirectory() as folder:

        def collect(painted: BallsConfig, count: int) -> None:
            out = Path(folder, "data")
            shutil.rmtree(out, ignore_errors=True)
            collect_balls(out, painted, num_episodes=count, num_steps=sizes.num_frames)

        rows, few = sizes.num_frames + 1, max(1, sizes.num_episodes // 10)
        opengl = replace(world, painter="opengl")
        variants = {
            OURS: Timed(work=functools.partial(collect, world, sizes.num_episodes), frames=sizes.num_episodes * rows),
            OPENGL: Timed(work=functools.partial(collect, opengl, few), frames=few * rows),
        }
        for name, one in renderers.items():
            out = Path(folder, "loop.npz")
            work = functools.partial(record_pairs, out, world, one, num_steps=sizes.num_frames)
            variants[f"{name}{SAVED}"] = Timed(work=work, frames=rows)
        return frame_rates(variants, repeats, ours=OURS)
