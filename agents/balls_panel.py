"""The picture of pushed balls, with their positions."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image, ImageDraw, ImageFont

from rmr_gym.envs.balls_config import BallsConfig
from rmr_gym.sb3.training import load_agent, make_agent_env, read_config

_SIDE, _STRIP, _LABEL = 512, 40, 40
_TRAIL = 20
"""Frames of which the way of the pushed ball is drawn."""

_ARROWS = ("no push", "push right", "push up", "push left", "push down")
_MIDDLE, _CROSS, _WAY = (255, 255, 255), (255, 255, 255), (255, 176, 46)


def film_balls(
    folder: Path, env_steps: int, *, num_steps: int, seed: int
) -> Iterator[UInt8[np.ndarray, "height width 3"]]:
    """Let an agent push, episode after episode, and draw every frame.

    A second world of the same seed, pushed alike, says where the balls are.

    Args:
        folder: of the training.
        env_steps: of the checkpoint.
        num_steps: frames.
        seed: of the first world; the others count up from it.
    """
    config = read_config(folder)
    model, _ = load_agent(folder, env_steps=env_steps)
    twin = gym.make("rmr/BouncingBallsPush-v0", **dataclasses.asdict(config.world), **dataclasses.asdict(config.push))
    left = num_steps
    while left > 0:
        venv = make_agent_env(config, folder, num_envs=1, seed=seed)
        seen: Any = venv.reset()
        shown = twin.reset(seed=seed)[0]
        memory, starts, total, done = None, np.ones(1, bool), 0.0, False
        way: list[Float[np.ndarray, " 2"]] = []
        while not done and left > 0:
            actions, memory = model.predict(seen, state=memory, episode_start=starts, deterministic=True)
            seen, _, dones, _ = venv.step(actions)
            shown, reward, _, _, _ = twin.step(int(actions[0]))
            total, starts, done, left = total + float(reward), dones, bool(dones[0]), left - 1
            way = [*way, shown["state"][0]][-_TRAIL:]
            yield _draw(shown, way, config.world, f"{_ARROWS[int(actions[0])]}, return {total:.1f}")
        venv.close()
        seed += 1
    twin.close()


def _draw(
    shown: dict[str, np.ndarray], way: list[Float[np.ndarray, " 2"]], world: BallsConfig, caption: str
) -> UInt8[np.ndarray, "height width 3"]:
    """Draw a frame: crosses on the positions, the middle, and the way of the pushed ball."""
    image = Image.new("RGB", (_SIDE, _SIDE + _STRIP))
    image.paste(Image.fromarray(shown["pixels"]).resize((_SIDE, _SIDE), Image.Resampling.NEAREST))
    pen = ImageDraw.Draw(image)

    def place(position: Float[np.ndarray, " 2"]) -> tuple[float, float]:
        return (position[0] / world.box_size + 0.5) * _SIDE, (0.5 - position[1] / world.box_size) * _SIDE

    middle = _SIDE / 2
    pen.ellipse((middle - 6, middle - 6, middle + 6, middle + 6), outline=_MIDDLE, width=2)
    if len(way) > 1:
        pen.line([place(position) for position in way], fill=_WAY, width=3)
    for number, position in enumerate(shown["state"]):
        x, y = place(position)
        colour = _WAY if number == 0 else _CROSS
        pen.line((x - 5, y, x + 5, y), fill=colour, width=1)
        pen.line((x, y - 5, x, y + 5), fill=colour, width=1)
        label = f"({position[0]:+.2f}, {position[1]:+.2f})"
        below = (min(max(x, _LABEL), _SIDE - _LABEL), min(y + world.radius / world.box_size * _SIDE + 9, _SIDE - 7))
        pen.text(below, label, colour, ImageFont.load_default(size=11), anchor="mm")
    pen.text((8, _SIDE + 12), caption, (225, 228, 232), ImageFont.load_default(size=14))
    return np.asarray(image)
