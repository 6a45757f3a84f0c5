"""How exact must a predictor of bouncing balls be to see ten steps ahead?

Worlds go on by the exact physics from the true positions, but from velocities that are off; what grows is then the
disorder of the world itself, which no predictor of positions escapes. Three kinds of error are tried: velocities read
off the last two positions, which are wrong where a ball was hit in between; velocities off by chance at the start; and
velocities that are pushed by chance after every step, as those of a model are that is fed its own predictions.

At last the exact physics takes the place of the processor: it is given three positions, and its predictions are fed
back. All it lacks is the velocity, which it has to find anew after every step: from the last two positions, or by
undoing the collisions between them in some corrections.

    python -m benchmarks.ball_horizon --out benchmarks/results/ball_horizon.json
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from benchmarks.measurement import run_measurement
from rmr_gym.envs.ball_world import BallWorlds, start
from rmr_gym.envs.balls_config import BallsConfig
from rmr_gym.errors import explain
from rmr_gym.evaluation.rollouts import rollout, rollout_errors
from rmr_gym.pipeline.machine import hardware, versions
from rmr_gym.seeding import derive, numpy_generator

_HIT = 1e-6  # metres per second: a larger change of velocity within a step is a collision


@dataclass(frozen=True, kw_only=True, slots=True)
class BallHorizonConfig:
    """Settings of the measurement."""

    world: BallsConfig = field(default_factory=BallsConfig)
    """The world; by default that of the profile `standard`."""

    num_worlds: int = 1_000
    """Worlds, each with a start of its own."""

    warmup_steps: int = 30
    """Steps before the first prediction: speeds are equal at the start and spread with the collisions."""

    horizon: int = 10
    """Steps ahead."""

    corrections: tuple[int, ...] = (0, 1, 3)
    """How often the velocities behind three positions are corrected before each step; 0 takes the last two."""

    errors_mm: tuple[float, ...] = (0.1, 0.3, 1.0, 2.0, 5.0)
    """Standard deviations of the errors by chance: millimetres that a coordinate goes wrong within a step."""

    out: Path | None = None
    """JSON file for the result; None prints it only."""

    seed: int = 0
    """Seed of the starts and of the errors."""

    def __post_init__(self) -> None:
        """Refuse what leaves nothing to measure."""
        amounts = (*self.errors_mm, *self.corrections)
        if self.num_worlds < 1 or self.warmup_steps < 2 or self.horizon < 1 or min(amounts, default=0) < 0:
            expected = "num_worlds >= 1, warmup_steps >= 2, horizon >= 1, errors_mm >= 0 and corrections >= 0"
            got = f"{self.num_worlds}, {self.warmup_steps}, {self.horizon}, {self.errors_mm} and {self.corrections}"
            raise ValueError(explain(expected=expected, got=got, fix="Leave them at their defaults."))


class Moment(NamedTuple):
    """What is known of all worlds when the predictions start."""

    window: Float[np.ndarray, "world 3 ball 2"]
    """The last three positions."""
    velocities: Float[np.ndarray, "world ball 2"]
    seen_velocities: Float[np.ndarray, "world ball 2"]
    """What the last two positions say."""
    hit_in_both_steps: Bool[np.ndarray, "world ball"]
    """Balls that collided in each of the last two steps: three positions hold no free flight of theirs."""


def run(config: BallHorizonConfig) -> dict[str, Any]:
    """Measure all kinds of errors, print a line for each, and return the result as JSON values."""
    worlds = BallWorlds(config.world, num_worlds=config.num_worlds)
    moment = _moment(config, worlds)
    true = _continue(worlds, moment.window[:, -1], moment.velocities, config.horizon)
    found: dict[str, list[float]] = {}
    for name, predicted in _predictions(config, worlds, moment):
        shares = rollout_errors(predicted, true, radius=config.world.radius).within_radius_fraction
        found[name] = [round(share, 4) for share in shares]
        print(f"{name:58} {100 * shares[-1]:5.1f} % in place after {config.horizon} steps", flush=True)
    return {
        "command": "python -m benchmarks.ball_horizon",
        "config": asdict(config) | {"out": None},
        "hit_in_both_steps": round(float(moment.hit_in_both_steps.mean()), 4),
        "within_radius_fraction": found,
        "hardware": hardware(),
        "versions": versions(),
    }


def _moment(config: BallHorizonConfig, worlds: BallWorlds) -> Moment:
    starts = [start(config.world, derive(config.seed, "world", index)) for index in range(config.num_worlds)]
    worlds.set_state(*(np.stack(parts) for parts in zip(*starts, strict=True)))
    for _ in range(config.warmup_steps - 2):
        worlds.advance()
    window, velocities, hits = [worlds.positions()], worlds.velocities(), []
    for _ in range(2):
        last = velocities
        worlds.advance()
        window.append(worlds.positions())
        velocities = worlds.velocities()
        hits.append((np.abs(velocities - last) > _HIT).any(-1))
    seen = (window[-1] - window[-2]) / config.world.frame_seconds
    return Moment(np.stack(window, axis=1), velocities, seen, np.all(hits, axis=0))


def _predictions(
    config: BallHorizonConfig, worlds: BallWorlds, moment: Moment
) -> Iterator[tuple[str, Float[np.ndarray, "world step ball 2"]]]:
    window, velocities, seen, unclear = moment
    positions, steps = window[:, -1], config.horizon
    yield "velocities of the last two positions", _continue(worlds, positions, seen, steps)
    mixed = np.where(unclear[..., None], seen, velocities)
    yield "the same for balls hit in both steps, exact for others", _continue(worlds, positions, mixed, steps)
    for error in config.errors_mm:
        draws = numpy_generator(config.seed, "errors", str(error))
        deviation = 1e-3 * error / config.world.frame_seconds
        wrong = velocities + draws.normal(0.0, deviation, velocities.shape)
        yield f"velocities off by {error:g} mm a step at the start", _continue(worlds, positions, wrong, steps)
        pushed = _continue(worlds, positions, velocities, steps, pushes=(draws, deviation))
        yield f"velocities off by another {error:g} mm a step after each step", pushed
    for corrections in config.corrections:
        predicted = rollout(partial(_step, worlds, corrections=corrections), window, steps)
        yield f"three positions fed back, corrections of velocities: {corrections}", predicted


def _step(
    worlds: BallWorlds, window: Float[np.ndarray, "world 3 ball 2"], *, corrections: int
) -> Float[np.ndarray, "world ball 2"]:
    """Predict the next positions from the last three by the exact physics.

    The velocities of the older two positions are right unless a ball was hit between these; where they do not lead to
    the newest one, what is missing is added to them. Without a hit on the way to it they are then those of the newer
    two, which are right.
    """
    _, middle, newest = window.swapaxes(0, 1)
    seconds = worlds.config.frame_seconds
    velocities = (newest - middle) / seconds
    if corrections:
        before = (middle - window[:, 0]) / seconds
        for _ in range(corrections):
            worlds.set_state(middle, before)
            worlds.advance()
            before += (newest - worlds.positions()) / seconds
        worlds.set_state(middle, before)
        worlds.advance()
        velocities = worlds.velocities()
    worlds.set_state(newest, velocities)
    worlds.advance()
    return worlds.positions()


def _continue(
    worlds: BallWorlds,
    positions: Float[np.ndarray, "world ball 2"],
    velocities: Float[np.ndarray, "world ball 2"],
    num_steps: int,
    *,
    pushes: tuple[np.random.Generator, float] | None = None,
) -> Float[np.ndarray, "world step ball 2"]:
    """Let the worlds go on from a state, with velocities changed by chance after each step if `pushes` says so."""
    worlds.set_state(positions, velocities)
    steps = []
    for _ in range(num_steps):
        worlds.advance()
        steps.append(worlds.positions())
        if pushes is not None:
            draws, deviation = pushes
            velocities = worlds.velocities()
            worlds.set_state(steps[-1], velocities + draws.normal(0.0, deviation, velocities.shape))
    return np.stack(steps, axis=1)


if __name__ == "__main__":
    sys.exit(run_measurement("benchmarks.ball_horizon", BallHorizonConfig, run, __doc__))
