"""Playing whole episodes with an agent, without a trace in its training."""

from __future__ import annotations

import dataclasses
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from rmr_gym.errors import missing_extra
from rmr_gym.models.devices import check_device
from rmr_gym.sb3.training.config import AgentConfig
from rmr_gym.sb3.training.run_folder import MODEL_FILE, JsonObject, find_checkpoint, read_config
from rmr_gym.sb3.training.tasks import make_task_env
from rmr_gym.seeding import derive

if TYPE_CHECKING:
    from stable_baselines3.common.base_class import BaseAlgorithm
    from stable_baselines3.common.vec_env import VecEnv

_MOST_ENVS = 10
"""Episodes that are played at once."""


def small_seed(seed: int, *names: str | int) -> int:
    """Derive a seed of 31 bits, which is what Stable-Baselines3 hands to all the generators that it seeds."""
    return derive(seed, *names) % 2**31


def make_agent_env(
    config: AgentConfig,
    folder: str | Path,
    *,
    num_envs: int,
    seed: int,
    max_frames: int | None = None,
    device: str = "cpu",
    subprocesses: bool = False,
) -> VecEnv:
    """Make environments as an agent sees them, with frame stack and encoder.

    Args:
        config: of the agent.
        folder: of its training, which holds its encoder.
        num_envs: environments that are stepped together.
        seed: environment i starts with `seed + i`.
        max_frames: emulated frames after which a game is truncated.
        device: where to compute features.
        subprocesses: a process for each environment.
    """
    venv = make_task_env(
        config.where,
        num_envs=num_envs,
        seed=seed,
        observe=config.features.observes,
        ram_format=config.features.ram_format,
        max_frames=max_frames,
        subprocesses=subprocesses,
    )
    return config.features.wrap(venv, Path(folder), stack=config.stack, device=device)


def score(
    model: BaseAlgorithm, config: AgentConfig, folder: str | Path, *, num_episodes: int, seed: int, device: str = "cpu"
) -> JsonObject:
    """Let an agent play whole episodes.

    The environments are new ones, so that no episode was begun by an earlier agent, and the global random streams are
    given back as they were: how often an agent is scored has no influence on its training.

    Args:
        model: the agent.
        config: how it is scored, and on what.
        folder: of its training.
        num_episodes: episodes to play.
        seed: of the environments and of what the agent draws.
        device: where to compute features.

    Returns:
        `returns` (points, or the sum of rewards of balls) and `lengths` (agent steps) of the episodes, their
        `mean_return`, and `evaluation_seconds`.
    """
    try:
        from stable_baselines3.common.evaluation import evaluate_policy
    except ImportError as error:
        raise missing_extra("stable_baselines3", "sb3") from error
    start = time.perf_counter()
    venv = make_agent_env(
        config,
        folder,
        num_envs=min(num_episodes, _MOST_ENVS),
        seed=small_seed(seed, "environments"),
        max_frames=config.evaluation.max_frames,
        device=device,
    )
    with _apart(model, small_seed(seed, "actions")):
        returns, lengths = evaluate_policy(
            model,
            venv,
            n_eval_episodes=num_episodes,
            deterministic=config.evaluates_deterministically,
            return_episode_rewards=True,
        )
    venv.close()
    assert isinstance(returns, list)
    assert isinstance(lengths, list)
    return {
        "returns": [float(value) for value in returns],
        "lengths": [int(value) for value in lengths],
        "mean_return": float(np.mean(returns)),
        "evaluation_seconds": round(time.perf_counter() - start, 3),
    }


def evaluate_agent(
    folder: str | Path,
    *,
    num_episodes: int = 20,
    env_steps: int | None = None,
    seed: int = 0,
    deterministic: bool | None = None,
    max_frames: int | None = None,
    device: str = "cpu",
) -> JsonObject:
    """Let a trained agent play.

    Args:
        folder: of its training.
        num_episodes: episodes to play.
        env_steps: which of its checkpoints; None takes the last.
        seed: of the environments and of what the agent draws. The training used streams of its own.
        deterministic: see `EvaluationConfig`; None leaves it as it was in the training.
        max_frames: see `EvaluationConfig`; None leaves it as it was in the training.
        device: cpu, cuda or cuda:<index>.

    Returns:
        As `score`, with the `env_steps` of the agent.

    Raises:
        ValueError: when the folder holds no such agent, or the device is absent.
    """
    config = read_config(folder)
    changes: dict[str, Any] = {"deterministic": deterministic, "max_frames": max_frames}
    changes = {name: value for name, value in changes.items() if value is not None}
    config = dataclasses.replace(config, evaluation=dataclasses.replace(config.evaluation, **changes))
    model, steps = load_agent(folder, env_steps=env_steps, device=device)
    found = score(model, config, folder, num_episodes=num_episodes, seed=derive(seed, "evaluate_agent"), device=device)
    return {"env_steps": steps, **found}


def load_agent(folder: str | Path, *, env_steps: int | None = None, device: str = "cpu") -> tuple[BaseAlgorithm, int]:
    """Load a checkpoint of a training.

    Args:
        folder: of the training.
        env_steps: which of its checkpoints; None takes the last.
        device: where to put it.

    Returns:
        The algorithm without environments, and the environment steps that it was trained for.

    Raises:
        ValueError: when there is no such checkpoint, or the device is absent.
    """
    check_device(device)
    config = read_config(folder)
    steps, checkpoint = find_checkpoint(folder, env_steps)
    return config.algorithm.algorithm_class().load(checkpoint / MODEL_FILE, device=device), steps


@contextmanager
def _apart(model: BaseAlgorithm, seed: int) -> Iterator[None]:
    """Let an agent draw from streams of their own, and explore as little as at the end of its training."""
    # Policies of Stable-Baselines3 draw from the global generators, so these have to be lent and given back.
    kept = np.random.get_state(), random.getstate()  # noqa: NPY002
    space = model.action_space.np_random.bit_generator
    kept_space = space.state
    rate = getattr(model, "exploration_rate", None)
    gpus = [model.device] if model.device.type == "cuda" else []  # policies on a GPU draw from its generator
    try:
        with torch.random.fork_rng(gpus):
            torch.manual_seed(seed)
            np.random.seed(seed)  # noqa: NPY002
            model.action_space.seed(seed)
            if rate is not None:
                model.exploration_rate = model.exploration_final_eps  # type: ignore[attr-defined]
            yield
    finally:
        np.random.set_state(kept[0])  # noqa: NPY002
        random.setstate(kept[1])
        model.action_space.np_random.bit_generator.state = kept_space
        if rate is not None:
            model.exploration_rate = rate  # type: ignore[attr-defined]
