"""The environment of bouncing balls: a picture and the positions behind it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Literal

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.utils import EzPickle
from numpy.typing import NDArray

from rmr_gym.envs.ball_start import read_start
from rmr_gym.envs.ball_world import BallWorlds, start
from rmr_gym.envs.balls_config import BallsConfig, PainterName
from rmr_gym.envs.painting import BallPainter, open_painter
from rmr_gym.errors import explain

Observation = dict[str, Any]

_KEYS = {"both": ("pixels", "state"), "pixels": ("pixels",), "state": ("state",)}


class BouncingBallsEnv(gym.Env[Observation, Any], EzPickle):
    """Balls that fly and collide in a square box; nobody interferes. One step is one frame.

    It is the entry point of `rmr/BouncingBalls-v0`, which truncates episodes after 100 steps, the length of the
    trajectories in our data sets; the world itself never terminates and rewards nothing. There is one action, 0, that
    does nothing.

    The observation is a dictionary of `pixels`, RGB uint8 `(picture_size, picture_size, 3)`, and `state`, the positions
    of the centres in metres, float32 `(num_balls, 2)`, with the origin in the middle of the box, x to the right and y
    up. The space of `state` is the box itself. A single frame does not show how the balls move:
    `gymnasium.wrappers.FrameStackObservation` puts several into one observation. The info holds `velocities` in metres
    per second, float32 `(num_balls, 2)`.

    `reset(seed=s)` starts the world whose positions `simulate(config, [s], num_frames)` returns, bit for bit; later
    resets without a seed start others. `reset(options={"positions": ..., "velocities": ...})` starts from given arrays
    `(num_balls, 2)` in the same units.

    Source: paper, section 4, gives the number of balls, two coordinates and the size of the picture; all else is ours.

    Args:
        num_balls: number of balls.
        radius: of a ball, in metres.
        mass: of a ball, in kilograms.
        speed: of every ball at the start, in metres per second, in a random direction.
        restitution: speed after a head-on collision divided by that before it, 0.5 to 1 (elastic).
        gravity: acceleration towards the lower edge of the picture, in metres per second squared.
        box_size: length of a side of the box, in metres.
        frame_seconds: simulated time between two frames, in seconds.
        contact_seconds: how long a collision lasts, in seconds; None takes 1e-5, or 1e-4 under gravity. Balls that come
            to rest on the floor cost a step of physics every `contact_seconds / contact_steps`, which can take more
            than a second per frame: pass 1e-3 or more for worlds with gravity and a restitution below 1.
        contact_steps: physics steps that resolve a collision, at least 4.
        picture_size: height and width of a picture, in pixels.
        colors: RGB colour of each ball, 0..255; None takes hues at equal distances around the circle of colours.
        background: RGB colour behind the balls, 0..255.
        painter: what draws the pictures: "discs" paints them by numpy and needs no graphics library; "opengl" takes
            MuJoCo's own renderer, 20 times slower.
        observations: "both", or only "pixels" or "state"; "state" alone draws nothing.
        render_mode: "rgb_array", or None; `render` returns the picture whatever is observed.

    Raises:
        ValueError: when a number is out of its range, more balls are asked for than fit, or an option is unknown.
        DependencyNotInstalled: when MuJoCo is not installed.
        RenderingUnavailableError: by the first picture of the painter "opengl", when no OpenGL backend works.

    Example:
        >>> env = BouncingBallsEnv(num_balls=3, observations="state")
        >>> observation, info = env.reset(seed=0)
        >>> observation["state"].shape, info["velocities"].shape, env.action_space
        ((3, 2), (3, 2), Discrete(1))
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 10}  # noqa: RUF012 - typed so by Gymnasium

    num_actions: ClassVar[int] = 1

    def __init__(
        self,
        *,
        num_balls: int = 10,
        radius: float = 0.06,
        mass: float = 1.0,
        speed: float = 0.35,
        restitution: float = 1.0,
        gravity: float = 0.0,
        box_size: float = 1.0,
        frame_seconds: float = 0.1,
        contact_seconds: float | None = None,
        contact_steps: int = 6,
        picture_size: int = 64,
        colors: Sequence[Sequence[int]] | None = None,
        background: Sequence[int] = (0, 0, 0),
        painter: PainterName = "discs",
        observations: Literal["both", "pixels", "state"] = "both",
        render_mode: Literal["rgb_array"] | None = None,
    ) -> None:
        world: dict[str, Any] = {
            "num_balls": num_balls,
            "radius": radius,
            "mass": mass,
            "speed": speed,
            "restitution": restitution,
            "gravity": gravity,
            "box_size": box_size,
            "frame_seconds": frame_seconds,
            "contact_seconds": contact_seconds,
            "contact_steps": contact_steps,
            "picture_size": picture_size,
            "colors": _tuples(colors),
            "background": _tuples(background),
            "painter": painter,
        }
        _check_choice("observations", observations, tuple(_KEYS))
        _check_choice("render_mode", render_mode, (None, "rgb_array"))
        EzPickle.__init__(self, **world, observations=observations, render_mode=render_mode)
        self.config = BallsConfig(**world)
        self.render_mode = render_mode
        self.metadata = {**self.metadata, "render_fps": 1 / self.config.frame_seconds}
        shape = (self.config.picture_size, self.config.picture_size, 3)
        wall = self.config.box_size / 2
        every: dict[str, spaces.Space[Any]] = {
            "pixels": spaces.Box(0, 255, shape, np.uint8),
            "state": spaces.Box(-wall, wall, (self.config.num_balls, 2), np.float32),
        }
        self._keys = _KEYS[observations]
        self.observation_space = spaces.Dict({key: every[key] for key in self._keys})
        self.action_space = spaces.Discrete(self.num_actions)
        self._worlds = BallWorlds(self.config, num_worlds=1, num_threads=1)
        self._painter: BallPainter | None = None
        self._started = False

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Start a world: that of the seed, that of the options, or another one."""
        super().reset(seed=seed)
        if options:
            positions, velocities = read_start(self.config, options)
        else:
            drawn = int(self.np_random.integers(2**63)) if seed is None else seed
            positions, velocities = start(self.config, drawn)
        self._worlds.set_state(positions[None], velocities[None])
        self._started = True
        return self._observe(), self._info()

    def step(self, action: Any) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Do the action and let one frame pass."""
        if not self._started:
            raise gym.error.ResetNeeded(
                explain(expected="reset before the first step", got="none", fix="Call env.reset().")
            )
        if not self.action_space.contains(action):
            got, fix = action, "Take one from env.action_space."
            raise ValueError(explain(expected=f"an action in 0..{self.num_actions - 1}", got=got, fix=fix))
        self._act(int(action))
        self._worlds.advance()
        return self._observe(), self._reward(), False, False, self._info()

    def render(self) -> NDArray[np.uint8] | None:
        """Draw the present frame, `(picture_size, picture_size, 3)`; None without a render mode."""
        return None if self.render_mode is None else self._draw()

    def close(self) -> None:
        """Free the OpenGL context, if there is one; a second call does nothing."""
        if self._painter is not None:
            self._painter.close()

    def __getstate__(self) -> dict[str, Any]:
        # `EzPickle` makes the environment anew from its options and forgets under which id it was made.
        return {**super().__getstate__(), "spec": self.spec}

    def __setstate__(self, d: dict[str, Any]) -> None:
        super().__setstate__(d)
        self.spec = d["spec"]

    def _act(self, action: int) -> None:
        """Do what an action stands for; here nothing."""

    def _reward(self) -> float:
        """Reward the present frame; here with nothing."""
        return 0.0

    def _observe(self) -> Observation:
        read: dict[str, Callable[[], NDArray[Any]]] = {"pixels": self._draw, "state": self._state}
        return {key: read[key]() for key in self._keys}

    def _state(self) -> NDArray[np.float32]:
        state: NDArray[np.float32] = self._worlds.positions()[0].astype(np.float32)
        return state

    def _draw(self) -> NDArray[np.uint8]:
        if self._painter is None:
            self._painter = open_painter(self.config)
        return self._painter.render(self._state())

    def _info(self) -> dict[str, Any]:
        return {"velocities": self._worlds.velocities()[0].astype(np.float32)}


def _check_choice(name: str, value: object, allowed: tuple[object, ...]) -> None:
    if value not in allowed:
        listed = " or ".join(repr(one) for one in allowed)
        raise ValueError(explain(expected=f"{name} to be {listed}", got=value, fix=f"Pass {name}={allowed[0]!r}."))


def _tuples(value: Any) -> Any:
    """Make tuples again of the lists that JSON made of them."""
    return tuple(map(_tuples, value)) if isinstance(value, list | tuple) else value
