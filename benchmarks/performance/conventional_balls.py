"""Bouncing balls as one would set them up in MuJoCo at first: a loop over `mj_step`, and `mujoco.Renderer` as it comes.

Walls are planes, contacts are stiff springs without damping, and a fixed time step is short enough for them.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from rmr_gym.envs.ball_world import start, world_xml
from rmr_gym.envs.balls_config import BallsConfig

if sys.platform == "linux" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
    os.environ.setdefault("MUJOCO_GL", "egl")  # which MuJoCo reads when it is imported

import mujoco

Integrator = Literal["Euler", "implicitfast"]

TIME_STEP = 0.001
"""Seconds; 100 steps make a frame of 0.1 s."""

_CONTACT = 'condim="1" solref="-200000 0" solimp="0.9999 0.9999 1"'
_LIGHT = '<light directional="true" pos="0.3 -0.3 2" dir="-0.15 0.15 -1"/>'


class ConventionalWorld:
    """One world that `mj_step` moves.

    Args:
        config: the parameters of the world.
        integrator: of MuJoCo.
        same_contacts: take the walls and springs of `rmr_gym` and, as fixed time step, the one it resolves contacts by.
    """

    def __init__(self, config: BallsConfig, *, integrator: Integrator = "Euler", same_contacts: bool = False) -> None:
        self.config = config
        self.model = mujoco.MjModel.from_xml_string(world_xml(config) if same_contacts else _xml(config, integrator))
        time_step = config.contact_duration / config.contact_steps if same_contacts else TIME_STEP
        self.num_steps = round(config.frame_seconds / time_step)
        self.model.opt.timestep = time_step
        self.data = mujoco.MjData(self.model)

    def reset(self, seed: int) -> None:
        """Put the balls where the world of this seed begins."""
        mujoco.mj_resetData(self.model, self.data)
        positions, velocities = start(self.config, seed)
        self.data.qpos[:], self.data.qvel[:] = positions.ravel(), velocities.ravel()

    def advance(self) -> None:
        """Move on by one frame."""
        for _ in range(self.num_steps):
            mujoco.mj_step(self.model, self.data)

    def advance_watched(self) -> float:
        """Move on by one frame, and return how deep two balls came to be in one another, in metres."""
        deepest = 0.0
        for _ in range(self.num_steps):
            mujoco.mj_step(self.model, self.data)
            deepest = max([deepest, *(-contact.dist for contact in self.data.contact if self._of_balls(contact))])
        return deepest

    def positions(self) -> NDArray[np.float64]:
        """Return the positions in metres, `(ball, 2)`."""
        return np.array(self.data.qpos).reshape(-1, 2)

    def energy(self) -> float:
        """Return the kinetic energy, in units of half the mass."""
        return float((self.data.qvel**2).sum())

    def _of_balls(self, contact: Any) -> bool:
        return bool((self.model.geom_type[contact.geom] == mujoco.mjtGeom.mjGEOM_SPHERE).all())


class ConventionalRenderer:
    """`mujoco.Renderer` at its default quality: 28 slices of a sphere, 4 samples per pixel, shadows of 4096 pixels.

    Args:
        config: the parameters of the world.
        light: put a lamp over the balls, as MuJoCo's own scenes have one, which casts shadows by default. Without it
            there is only the light of the viewer, and no shadow to draw.
        flat: light the scene as `rmr_gym` does, so that only the quality differs.
    """

    def __init__(self, config: BallsConfig, *, light: bool = False, flat: bool = False) -> None:
        visual = '<visual><headlight ambient="1 1 1" diffuse="0 0 0" specular="0 0 0"/></visual>' if flat else ""
        camera = f'<camera pos="0 0 {config.box_size!r}" projection="orthographic" fovy="{config.box_size!r}"/>'
        drawn = f"{visual}<worldbody>{camera}{_LIGHT if light else ''}</worldbody>"
        self._model = mujoco.MjModel.from_xml_string(world_xml(config, drawn=drawn))
        self._data = mujoco.MjData(self._model)
        self._renderer = mujoco.Renderer(self._model, config.picture_size, config.picture_size)

    def render(self, positions: NDArray[np.floating]) -> NDArray[np.uint8]:
        """Draw positions in metres, `(ball, 2)`."""
        self._data.qpos[:] = positions.ravel()
        mujoco.mj_forward(self._model, self._data)
        self._renderer.update_scene(self._data, camera=0)
        picture: NDArray[np.uint8] = self._renderer.render()
        return picture

    def close(self) -> None:
        """Free the OpenGL context."""
        self._renderer.close()


def advance_worlds(config: BallsConfig, integrator: Integrator, seeds: list[int], num_frames: int) -> None:
    """Move worlds on one after the other."""
    world = ConventionalWorld(config, integrator=integrator)
    for seed in seeds:
        world.reset(seed)
        for _ in range(num_frames):
            world.advance()


def record_pairs(out: Path, config: BallsConfig, renderer: ConventionalRenderer, *, num_steps: int) -> None:
    """Record one trajectory as one would at first: all in memory, then `np.savez`."""
    world = ConventionalWorld(config)
    world.reset(0)
    states, pictures = [world.positions()], [renderer.render(world.positions())]
    for _ in range(num_steps):
        world.advance()
        states.append(world.positions())
        pictures.append(renderer.render(world.positions()))
    np.savez(out, state=np.array(states, np.float32), pixels=np.array(pictures))


def _xml(config: BallsConfig, integrator: Integrator) -> str:
    half = config.box_size / 2
    walls = "".join(
        f'<geom type="plane" size="1 1 1" pos="{-x * half} {-y * half} 0" zaxis="{x} {y} 0" {_CONTACT}/>'
        for x, y in ((1, 0), (-1, 0), (0, 1), (0, -1))
    )
    ball = (
        '<body><joint type="slide" axis="1 0 0"/><joint type="slide" axis="0 1 0"/>'
        f'<geom type="sphere" size="{config.radius}" mass="{config.mass}" {_CONTACT}/></body>'
    )
    option = f'<option gravity="0 {-config.gravity} 0" timestep="{TIME_STEP}" integrator="{integrator}"/>'
    return f"<mujoco>{option}<worldbody>{walls}{ball * config.num_balls}</worldbody></mujoco>"
