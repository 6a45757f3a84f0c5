"""Pictures of bouncing balls: what painting costs, and how far pictures of equal states are from each other."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from benchmarks.performance.balls_config import OURS, BallsSizes
from benchmarks.performance.balls_pairs import OPENGL
from benchmarks.performance.conventional_balls import ConventionalRenderer
from benchmarks.performance.frame_rates import FrameRate, Timed, frame_rates
from rmr_gym.envs.ball_world import simulate
from rmr_gym.envs.balls_config import BallsConfig
from rmr_gym.envs.painting import open_painter

POINTS = 16
"""Along a side of a pixel, in the pictures that count as true."""

TRUTH = f"{POINTS} x {POINTS} points per pixel"

BATCHED = "rmr_gym, many states at once"

Pictures = NDArray[np.float64]


def measure_pictures(
    sizes: BallsSizes, world: BallsConfig, renderers: Mapping[str, ConventionalRenderer], repeats: int
) -> dict[str, FrameRate]:
    """Draw given states, one by one where nothing else is said."""
    states = simulate(world, range(sizes.num_pairs), 10).reshape(-1, world.num_balls, 2)
    discs, opengl = open_painter(world), open_painter(replace(world, painter="opengl"))
    few = states[: sizes.num_pairs]
    variants = {
        OURS: Timed(work=lambda: [discs.render(state) for state in states], frames=len(states)),
        BATCHED: Timed(work=lambda: discs.render_all(states), frames=len(states)),
        OPENGL: Timed(work=lambda: opengl.render_all(few), frames=len(few)),
    }
    for name, renderer in renderers.items():
        variants[name] = Timed(work=functools.partial(_draw, renderer, few), frames=len(few))
    rates = frame_rates(variants, repeats, ours=OURS)
    opengl.close()
    return rates


def _draw(renderer: ConventionalRenderer, states: NDArray[np.floating]) -> None:
    for state in states:
        renderer.render(state)


def compare_pictures(
    sizes: BallsSizes, world: BallsConfig, renderers: Mapping[str, ConventionalRenderer]
) -> dict[str, dict[str, dict[str, float]]]:
    """Compare pictures of equal states with those of our default and with true ones.

    Args:
        sizes: with the number of states.
        world: black behind the balls.
        renderers: by name.

    Returns:
        By what they are compared with, by what drew: mean and largest difference of 255, the share of pixels that only
        one of the two draws anything in, and the mean difference of the pixels that are partly covered in truth.
    """
    states = simulate(world, range(sizes.num_pictures), 2)[:, 1]
    opengl = open_painter(replace(world, painter="opengl"))
    drawn = {OURS: open_painter(world).render_all(states), OPENGL: opengl.render_all(states)}
    opengl.close()
    drawn |= {name: np.stack([one.render(state) for state in states]) for name, one in renderers.items()}
    pictures = {name: found.astype(np.float64) for name, found in drawn.items()}
    truth = np.stack([count_points(world, state) for state in states])
    edge = np.abs(truth - truth.round()).max(axis=-1) > 0  # full pixels have the colours of the palette
    return {
        OURS: {name: _difference(pictures[OURS], found, edge) for name, found in pictures.items() if name != OURS},
        TRUTH: {name: _difference(truth.round(), found, edge) for name, found in pictures.items()},
    }


def count_points(world: BallsConfig, positions: NDArray[np.floating]) -> Pictures:
    """Draw a state by brute force: every point takes the colour of the nearest ball that reaches it.

    Args:
        world: its parameters.
        positions: metres, `(ball, 2)`.

    Returns:
        Means over the points of a pixel, `(picture_size, picture_size, 3)`, 0..255.
    """
    size = world.picture_size
    places = ((np.arange(size * POINTS) + 0.5) / (size * POINTS) - 0.5) * world.box_size
    squares = np.stack([(places - x) ** 2 + (places[:, None] + y) ** 2 for x, y in positions])  # rows count downwards
    colors = np.array(world.palette, dtype=np.float64)[squares.argmin(axis=0)]
    points = np.where(squares.min(axis=0)[..., None] <= world.radius**2, colors, np.array(world.background, float))
    means: Pictures = points.reshape(size, POINTS, size, POINTS, 3).mean(axis=(1, 3))
    return means


def _difference(ours: Pictures, others: Pictures, edge: NDArray[np.bool_]) -> dict[str, float]:
    difference = np.abs(ours - others)
    return {
        "mean_absolute": round(float(difference.mean()), 3),
        "largest": float(difference.max()),
        "pixels_drawn_by_one_only": round(float(((ours.max(-1) > 0) != (others.max(-1) > 0)).mean()), 5),
        "mean_on_edges": round(float(difference.max(axis=-1)[edge].mean()), 2),
    }
