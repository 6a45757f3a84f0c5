"""Physics of bouncing balls: many worlds at once, by MuJoCo; needs no graphics library."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rmr_gym.envs.balls_config import MIN_RESTITUTION, BallsConfig
from rmr_gym.envs.contact_times import ContactTimes
from rmr_gym.envs.mujoco_loading import load_mujoco
from rmr_gym.errors import explain
from rmr_gym.seeding import numpy_generator

_IMPEDANCE = 0.9999  # MuJoCo's largest: a contact is then a spring without regularisation
_ATTEMPTS = 1_000
_BISECTIONS = 60

Floats = NDArray[np.float64]


class BallWorlds:
    """Some worlds of bouncing balls that advance together, each as if it were alone.

    Between collisions balls fly freely, which one semi-implicit Euler step of MuJoCo integrates exactly, however long:
    a world takes one step up to its next contact. A contact is resolved by `config.contact_steps` short steps, with a
    stiffness and a damping for which the recurrence of these steps returns the velocity that `restitution` asks for. So
    the cost does not depend on how stiff a contact is, and a contact can last a ten-thousandth of a frame: collisions
    are elastic to five digits, and two at once are rare.

    Source: paper, section 4, names MuJoCo; how it was set up is not told.

    Args:
        config: the parameters of all worlds.
        num_worlds: how many.
        num_threads: threads of MuJoCo; None takes one per core. The trajectories do not depend on it.

    Example:
        >>> worlds = BallWorlds(BallsConfig(num_balls=1), num_worlds=1)
        >>> worlds.set_state(np.zeros((1, 1, 2)), np.array([[[0.3, 0.0]]]))
        >>> worlds.advance()
        >>> worlds.positions().round(6).tolist()
        [[[0.03, 0.0]]]
    """

    def __init__(self, config: BallsConfig, *, num_worlds: int, num_threads: int | None = None) -> None:
        mujoco = load_mujoco()
        self.config = config
        self.num_worlds = num_worlds
        self._batch: Any = mujoco.batch.Batch(
            mujoco.MjModel.from_xml_string(world_xml(config)), num_worlds, num_threads or 0
        )
        self._time_step: Floats = self._batch.expand("opt.timestep")
        self._positions: Floats = self._batch.qpos.reshape(num_worlds, config.num_balls, 2)
        self._velocities: Floats = self._batch.qvel.reshape(num_worlds, config.num_balls, 2)
        self._lead = np.zeros(num_worlds)  # seconds that a world is ahead of the frame: a contact is not cut in two
        self._until_contact = ContactTimes(config)

    def set_state(self, positions: NDArray[np.floating], velocities: NDArray[np.floating]) -> None:
        """Put all worlds into a state.

        Args:
            positions: metres, `(world, ball, 2)`.
            velocities: metres per second, `(world, ball, 2)`.
        """
        self._batch.reset()  # forgets what the solver starts from, on which the last bits would depend
        self._positions[:] = positions
        self._velocities[:] = velocities
        self._lead[:] = 0.0

    def push(self, ball: int, velocity: Sequence[float]) -> None:
        """Add a velocity in metres per second to one ball of every world, as a blow of no duration does."""
        self._velocities[:, ball] += velocity

    def positions(self) -> Floats:
        """Return the positions at the frame in metres, `(world, ball, 2)`, as a copy."""
        positions: Floats = self._positions - self._velocities * self._lead[:, None, None]
        return positions

    def velocities(self) -> Floats:
        """Return the velocities in metres per second, `(world, ball, 2)`, as a copy."""
        return self._velocities.copy()

    def touching(self) -> NDArray[np.bool_]:
        """Return which worlds are in the middle of a contact, `(world,)`: their energy is partly in its springs."""
        touching: NDArray[np.bool_] = self._until_contact(self._positions, self._velocities) == 0.0
        return touching

    def advance(self) -> None:
        """Move all worlds on by one frame."""
        remaining = self.config.frame_seconds - self._lead
        active = np.flatnonzero(remaining > 0)
        while len(active):
            free = self._until_contact(self._positions[active], self._velocities[active])
            flying, seconds = free > 0.0, np.minimum(free, remaining[active])
            self._fly(active[flying], seconds[flying])
            self._bounce(active[~flying])
            remaining[active] -= np.where(flying, seconds, self.config.contact_duration)
            active = active[remaining[active] > 0]
        self._lead = -remaining

    def _fly(self, worlds: NDArray[np.intp], seconds: Floats) -> None:
        if len(worlds):
            self._time_step[worlds] = seconds
            self._batch.step(self._ids(worlds))
            if self.config.gravity:  # the step adds g t^2 to the height of a flight, half of it too much
                self._positions[worlds, :, 1] += 0.5 * self.config.gravity * seconds[:, None] ** 2

    def _bounce(self, worlds: NDArray[np.intp]) -> None:
        if len(worlds):
            self._time_step[worlds] = self.config.contact_duration / self.config.contact_steps
            self._batch.step(self._ids(worlds), nstep=self.config.contact_steps)

    def _ids(self, worlds: NDArray[np.intp]) -> NDArray[np.intp] | None:
        """Return None for all worlds, which MuJoCo need not check."""
        return None if len(worlds) == self.num_worlds else worlds


def start(config: BallsConfig, seed: int) -> tuple[Floats, Floats]:
    """Draw where the balls of a world begin: apart from each other, with equal speeds in random directions.

    Args:
        config: the parameters of the world.
        seed: of the world; equal seeds begin equally.

    Returns:
        Positions in metres and velocities in metres per second, each `(ball, 2)`.

    Raises:
        ValueError: when there is no room, which `BallsConfig` excludes but for boxes that hardly hold one ball.
    """
    generator = numpy_generator(seed, "balls")
    for _ in range(_ATTEMPTS):
        positions = _place(config, generator)
        if len(positions) == config.num_balls:
            angles = generator.uniform(0.0, 2 * math.pi, config.num_balls)
            return np.array(positions), config.speed * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    got = f"none in {_ATTEMPTS} attempts for {config}"
    raise ValueError(explain(expected="a start without overlap", got=got, fix="Lower num_balls or radius."))


def _place(config: BallsConfig, generator: np.random.Generator) -> list[Floats]:
    """Put down balls one by one; give up when one finds no room."""
    placed: list[Floats] = []
    for candidate in generator.uniform(-config.bound, config.bound, (_ATTEMPTS, 2)):
        if all(math.dist(candidate, other) > 2 * config.radius for other in placed):
            placed.append(candidate)
        if len(placed) == config.num_balls:
            break
    return placed


def simulate(
    config: BallsConfig, seeds: Sequence[int], num_frames: int, *, num_threads: int | None = None
) -> NDArray[np.float32]:
    """Simulate one world per seed.

    Args:
        config: the parameters of the worlds.
        seeds: of their starts; a world is the same in whatever company.
        num_frames: frames of each, the start included, at least 1.
        num_threads: threads of MuJoCo; None takes one per core.

    Returns:
        Positions in metres, `(len(seeds), num_frames, ball, 2)`.

    Raises:
        ValueError: when there are no seeds or no frames.
    """
    if not seeds or num_frames < 1:
        got = f"{len(seeds)} seeds and {num_frames} frames"
        raise ValueError(explain(expected="at least one seed and one frame", got=got, fix="Raise the numbers."))
    worlds = BallWorlds(config, num_worlds=len(seeds), num_threads=num_threads)
    starts = [start(config, seed) for seed in seeds]
    worlds.set_state(*(np.stack(parts) for parts in zip(*starts, strict=True)))
    frames = np.empty((len(seeds), num_frames, config.num_balls, 2), dtype=np.float32)
    frames[:, 0] = worlds.positions()
    for index in range(1, num_frames):
        worlds.advance()
        frames[:, index] = worlds.positions()
    return frames


def world_xml(config: BallsConfig, *, drawn: str = "") -> str:
    """Write the world in MuJoCo's language: a sphere on two slides per ball, whose limits are the walls.

    Args:
        config: the parameters of the world.
        drawn: elements that only matter for pictures.
    """
    stiffness, damping = spring(config)
    law = f'"{-stiffness!r} {-damping!r}"'  # negative numbers mean stiffness and damping themselves
    impedance = f'"{_IMPEDANCE} {_IMPEDANCE} 1"'
    slide = (
        f'<joint type="slide" axis="{{axis}}" limited="true" range="{-config.bound!r} {config.bound!r}" '
        f"solreflimit={law} solimplimit={impedance}/>"
    )
    bodies = "".join(
        f'<body name="ball{index}">{slide.format(axis="1 0 0")}{slide.format(axis="0 1 0")}'
        f'<geom type="sphere" size="{config.radius!r}" mass="{config.mass!r}" condim="1" '
        f'solref={law} solimp={impedance} rgba="{_rgba(color)}"/></body>'
        for index, color in enumerate(config.palette)
    )
    return (
        f'<mujoco><option gravity="0 {-config.gravity!r} 0" integrator="Euler" tolerance="1e-12">'
        '<flag equality="disable" frictionloss="disable" spring="disable" damper="disable" actuation="disable" '
        'sensor="disable" refsafe="disable"/></option>'
        f"{drawn}<worldbody>{bodies}</worldbody></mujoco>"
    )


def spring(config: BallsConfig) -> tuple[float, float]:
    """Return the stiffness (1/s^2) and damping (1/s) of a contact, per unit of reduced mass.

    The steps v' = v - h (k x + c v), x' = x + h v' give depths x_n ~ rho^n sin(n theta) with rho^2 = 1 - h c and
    2 rho cos(theta) = 2 - h c - h^2 k. With theta = pi / N and c = 0 the depth is exactly zero again after N steps, and
    the velocity is exactly reversed. A damped contact would pull at its end, which MuJoCo does not allow; so its rho is
    found by following the steps.
    """
    step = config.contact_duration / config.contact_steps
    low, high = (MIN_RESTITUTION / 2) ** (1 / config.contact_steps), 1.0  # rho ** N is about the restitution
    for _ in range(_BISECTIONS if config.restitution < 1 else 0):
        middle = (low + high) / 2
        low, high = (low, middle) if _rebound(middle, config.contact_steps) > config.restitution else (middle, high)
    stiffness, damping = _spring(high, config.contact_steps)
    return stiffness / step**2, damping / step


def _spring(rho: float, num_steps: int) -> tuple[float, float]:
    """Return k h^2 and c h."""
    return 1 + rho**2 - 2 * rho * math.cos(math.pi / num_steps), 1 - rho**2


def _rebound(rho: float, num_steps: int) -> float:
    """Return the speed after a contact divided by that before it, as a spring that only pushes gives it."""
    stiffness, damping = _spring(rho, num_steps)
    depth, speed = 1.0, 1.0  # after the step that brought them into contact, in units of one step
    while depth >= 0:
        speed -= max(0.0, stiffness * depth + damping * speed)
        depth += speed
    return -speed


def _rgba(color: tuple[int, int, int]) -> str:
    return " ".join(f"{part / 255:.6f}" for part in (*color, 255))
