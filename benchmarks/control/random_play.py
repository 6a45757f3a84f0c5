"""What comes out without any learning: uniformly drawn actions."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.control.settings import agent_config
from rmr_gym.sb3.training import make_task_env
from rmr_gym.seeding import derive, numpy_generator

MOST_ENVS = 10

_SEED = 0
"""Of environments and actions."""


def play_randomly(task: str, *, num_episodes: int) -> dict[str, Any]:
    """Play whole episodes with random actions, as evaluations are played.

    Args:
        task: a game or balls_push.
        num_episodes: episodes to play.

    Returns:
        The `returns` of the episodes and their `mean_return`.
    """
    config = agent_config(task, "privileged", _SEED, None)
    num_envs = min(num_episodes, MOST_ENVS)
    venv = make_task_env(
        config.where,
        num_envs=num_envs,
        seed=derive(_SEED, "random play") % 2**31,
        observe="ram",
        max_frames=config.evaluation.max_frames,
    )
    generator, returns = numpy_generator(_SEED, "random actions"), []
    # The first episodes to end are the short ones: every environment plays as many as the others.
    left = np.array([len(part) for part in np.array_split(np.arange(num_episodes), num_envs)])
    venv.reset()
    while left.any():
        actions = generator.integers(venv.action_space.n, size=num_envs)  # type: ignore[attr-defined]
        _, _, _, infos = venv.step(actions)
        for index, info in enumerate(infos):
            if "episode" in info and left[index]:
                left[index] -= 1
                returns.append(float(info["episode"]["r"]))
    venv.close()
    return {"returns": returns, "mean_return": float(np.mean(returns))}
