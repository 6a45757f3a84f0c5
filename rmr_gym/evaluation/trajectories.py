"""Scores of the abstract stage of bouncing balls, beside predictors that need no model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float

from rmr_gym.data import TransitionDataset
from rmr_gym.envs.balls_config import BallsConfig
from rmr_gym.evaluation.metrics import PositionErrors, constant_velocity, copy_last, position_errors
from rmr_gym.evaluation.metrics.trajectories import COLLISION_TOLERANCE
from rmr_gym.evaluation.rollouts import RolloutErrors, rollout, rollout_errors
from rmr_gym.models.ball_models import InteractionModel, TrajectoryModel
from rmr_gym.seeding import numpy_generator

Windows = Float[np.ndarray, "batch history slot 2"]
Positions = Float[np.ndarray, "batch slot 2"]

_BATCH = 512


@dataclass(frozen=True, kw_only=True, slots=True)
class TrajectoryScores:
    """How well the movement of balls was predicted."""

    one_step: PositionErrors
    """Errors of the next positions."""

    rollout: RolloutErrors
    """Errors when predictions are fed back, per horizon."""


def baselines() -> dict[str, Callable[[Windows], Positions]]:
    """Return the predictors that need no model, by name."""
    return {"copy_last": copy_last, "constant_velocity": constant_velocity}


@torch.no_grad()
def predict_positions(
    model: TrajectoryModel | InteractionModel, windows: Windows, *, box_size: float = 1.0
) -> Positions:
    """Predict the next positions.

    Args:
        model: a trained model of trajectories.
        windows: positions in metres, oldest first.
        box_size: length of an edge of the box in metres.

    Returns:
        Next positions in metres, in the dtype of the windows.
    """
    device = next(model.parameters()).device
    scale = 2.0 / box_size
    parts = []
    for start in range(0, len(windows), _BATCH):
        part = torch.from_numpy(np.ascontiguousarray(windows[start : start + _BATCH], dtype=np.float32))
        parts.append((model(part.to(device) * scale) / scale).cpu().numpy())
    return np.concatenate(parts).astype(windows.dtype)


def score_trajectories(
    step: Callable[[Windows], Positions],
    windows: Float[np.ndarray, "batch time slot 2"],
    world: BallsConfig,
    *,
    history: int,
) -> TrajectoryScores:
    """Score a predictor on long windows: the first `history` states are given, the others are to be predicted.

    Args:
        step: predicts the next positions in metres from windows in metres.
        windows: from `draw_windows`, longer than the history.
        world: parameters of the world.
        history: states that a prediction is made from.

    Returns:
        Errors one step ahead, and of the rollout over the rest of the windows.
    """
    given, rest = windows[:, :history], windows[:, history:]
    rolled = rollout(step, given, rest.shape[1])
    return TrajectoryScores(
        one_step=position_errors(
            rolled[:, 0],
            rest[:, 0],
            given,
            box_size=world.box_size,
            tolerance=COLLISION_TOLERANCE * world.box_size,
            fall=world.gravity * world.frame_seconds**2,
        ),
        rollout=rollout_errors(rolled, rest, radius=world.radius),
    )


def draw_windows(dataset: TransitionDataset, num_windows: int, *, seed: int) -> Float[np.ndarray, "batch time slot 2"]:
    """Draw windows of positions without replacement, or take all if there are fewer.

    Args:
        dataset: its `history` is one less than the length of the windows.
        num_windows: how many.
        seed: of the choice.

    Returns:
        Metres.
    """
    windows = dataset.state_windows()
    if len(windows) <= num_windows:
        return windows
    rows = numpy_generator(seed, "windows").choice(len(windows), num_windows, replace=False)
    return windows[np.sort(rows)]
