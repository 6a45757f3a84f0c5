"""What `PairedObservation` adds to a step of the environment that it wraps.

python -m benchmarks.performance --only wrapper
"""

from __future__ import annotations

import functools
from typing import Any

import gymnasium as gym
import numpy as np

from benchmarks.performance.harness import Comparison, Spread, take_turns
from benchmarks.performance.settings import Settings
from rmr_gym import make_atari

_OPTIONS: dict[str, dict[str, Any]] = {
    "RGB, 4 frames per step": {},
    "gray, 84 x 84, 4 frames per step": {"gray": True, "size": (84, 84)},
    "RGB, 1 frame per step": {"frame_skip": 1},
}

_PARTS = 10
"""Pieces into which a turn is cut, so that both see the same moments of the machine."""


def measure(settings: Settings) -> list[Comparison]:
    """Compare steps of Pong with and without the wrapper, under the same actions from the same start."""
    return [_compare(name, settings) for name in _OPTIONS]


def _compare(name: str, settings: Settings) -> Comparison:
    num_steps = 20 if settings.quick else 300
    envs = {paired: make_atari("pong", paired=paired, **_OPTIONS[name]) for paired in (False, True)}
    actions = np.random.default_rng(0).integers(18, size=num_steps).tolist()
    for env in envs.values():
        env.reset(seed=0)  # here and not in a turn: with a seed it loads the cartridge again
    work = {str(paired): functools.partial(_play, env, actions) for paired, env in envs.items()}
    seconds = take_turns(work, _PARTS * settings.repeats)
    for env in envs.values():
        env.close()
    bare, paired = (np.reshape(seconds[str(key)], (settings.repeats, _PARTS)).sum(axis=1) for key in (False, True))
    step = 1e6 * float(np.median(bare)) / (_PARTS * num_steps)
    return Comparison(
        what=f"a step of Pong with the RAM beside the picture: {name}",
        ours="PairedObservation",
        peer="the same environment without it",
        figure=Spread.of(tuple((100 * (paired / bare - 1)).tolist())),
        unit="% more time",
        bar=None if "frame_skip" in _OPTIONS[name] else 5.0,
        direction="at most",
        note=f"{_PARTS} alternating pieces of {num_steps} steps for each value; {step:.0f} µs per bare step",
    )


def _play(env: gym.Env[Any, Any], actions: list[int]) -> None:
    for action in actions:
        _, _, terminated, truncated, _ = env.step(action)
        if terminated or truncated:
            env.reset()
