"""Bouncing balls, one of which can be pushed."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np

from rmr_gym.envs.bouncing_balls import BouncingBallsEnv
from rmr_gym.errors import explain

_DIRECTIONS = ((0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0))


class BouncingBallsPushEnv(BouncingBallsEnv):
    """Keep ball 0 in the middle of the box, by pushes, while the others knock it away.

    It is the entry point of `rmr/BouncingBallsPush-v0`, which truncates episodes after 100 steps. Observation, info and
    start are those of `BouncingBallsEnv`. Ball 0 is the first of `state` and, unless colours were given, the red one.

    The actions are 0 nothing, 1 right, 2 up, 3 left, 4 down: a blow that adds `push_speed` to the velocity of ball 0
    before the frame passes. A push never makes that ball faster than `max_speed`, unless a collision made it faster
    already; then it can only turn or brake it.

    The reward is minus the distance of ball 0 from the middle of the box after the frame, in half sides of the box: 0
    in the middle, -1 at the middle of a wall. So it can be read off the picture and off the state. A policy that sees
    two frames or more knows the velocity and can brake; a random one gets about -0.7 per step.

    Source: ours; the paper has no control on balls.

    Args:
        push_speed: speed that a push adds, in metres per second.
        max_speed: speed above which no push takes the ball, in metres per second.
        **world: all keywords of `BouncingBallsEnv`.

    Raises:
        ValueError: when a number is out of its range, or as in `BouncingBallsEnv`.
        DependencyNotInstalled: when MuJoCo is not installed.
        RenderingUnavailableError: by the first picture of the painter "opengl", when no OpenGL backend works.

    Example:
        >>> env = BouncingBallsPushEnv(num_balls=1, speed=0.0, observations="state")
        >>> middle, side = [[0.0, 0.0]], [[0.25, 0.0]]
        >>> _ = env.reset(options={"positions": side, "velocities": [[0.0, 0.0]]})
        >>> round(env.step(3)[1], 6)  # a push to the left: 1 cm of the 25 to the middle, in half sides of 50 cm
        -0.48
    """

    num_actions: ClassVar[int] = len(_DIRECTIONS)

    def __init__(self, *, push_speed: float = 0.1, max_speed: float = 0.5, **world: Any) -> None:
        for name, value in (("push_speed", push_speed), ("max_speed", max_speed)):
            if not (math.isfinite(value) and value > 0):
                fix = f"Correct {name}."
                raise ValueError(explain(expected=f"a finite {name} above 0", got=value, fix=fix))
        super().__init__(**world)
        self._ezpickle_kwargs |= {"push_speed": push_speed, "max_speed": max_speed}
        self.push_speed, self.max_speed = push_speed, max_speed

    def _act(self, action: int) -> None:
        if action == 0:
            return
        velocity = self._worlds.velocities()[0, 0]
        pushed = velocity + self.push_speed * np.array(_DIRECTIONS[action])
        allowed = max(self.max_speed, float(np.linalg.norm(velocity)))
        pushed *= min(1.0, allowed / float(np.linalg.norm(pushed))) if pushed.any() else 1.0
        self._worlds.push(0, (pushed - velocity).tolist())

    def _reward(self) -> float:
        distance = float(np.linalg.norm(self._worlds.positions()[0, 0]))
        return -distance / (self.config.box_size / 2)
