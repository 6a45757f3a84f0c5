"""Predictions averaged over the symmetries of the balls' world, which a network learns only approximately."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float

from rmr_gym.envs.balls_config import BallsConfig

Windows = Float[np.ndarray, "batch history slot 2"]
Positions = Float[np.ndarray, "batch slot 2"]


def symmetries(world: BallsConfig) -> Float[np.ndarray, "symmetry 2 2"]:
    """Return the turns and mirrorings that take the world to itself, as matrices on positions around its middle.

    The eight of the square; under gravity only those that leave the height alone.
    """
    identity = np.eye(2)
    mirror = np.array([[-1.0, 0.0], [0.0, 1.0]])
    if world.gravity:
        return np.stack([identity, mirror])
    turn = np.array([[0.0, 1.0], [-1.0, 0.0]])
    turns = [np.linalg.matrix_power(turn, quarters) for quarters in range(4)]
    return np.stack([flip @ turned for flip in (identity, mirror) for turned in turns])


def averaged_over_symmetries(
    step: Callable[[Windows], Positions], world: BallsConfig
) -> Callable[[Windows], Positions]:
    """Return a predictor that predicts every turned and mirrored window, turns the predictions back and averages them.

    What it predicts of a turned window is then the turned prediction, exactly, as in the world itself; errors that the
    network makes of single directions cancel. It takes as many times longer as there are symmetries.

    Args:
        step: predicts the next positions in metres from windows in metres, with the middle of the box at the origin.
        world: the world of the balls.
    """
    matrices = symmetries(world)

    def averaged(windows: Windows) -> Positions:
        # A symmetry is an orthogonal matrix: its transpose turns back.
        back = [step((windows @ matrix).astype(windows.dtype)) @ matrix.T for matrix in matrices]
        mean: Positions = np.mean(back, axis=0).astype(windows.dtype)
        return mean

    return averaged
