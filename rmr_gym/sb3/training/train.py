"""Training of an agent that can be killed at any time."""

from __future__ import annotations

import importlib.metadata
import math
import os
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from rmr_gym.counts import as_count
from rmr_gym.documents import exclusive, read_json, write_json
from rmr_gym.errors import explain, missing_extra
from rmr_gym.models.devices import check_device
from rmr_gym.sb3.training.clock import Clock
from rmr_gym.sb3.training.config import DOCUMENTS, AgentConfig
from rmr_gym.sb3.training.run_folder import (
    EVALUATIONS_FILE,
    LOG_FOLDER,
    MODEL_FILE,
    NORMALIZE_FILE,
    REPLAY_FILE,
    RESULT_FILE,
    STATE_FILE,
    JsonObject,
    checkpoint_folder,
    checkpoints,
    pin_config,
    read_evaluations,
    rewind,
)
from rmr_gym.sb3.training.scoring import make_agent_env, small_seed
from rmr_gym.sb3.training.standardising import standardises, take_a_first_look

if TYPE_CHECKING:
    from stable_baselines3.common.base_class import BaseAlgorithm
    from stable_baselines3.common.logger import Logger
    from stable_baselines3.common.vec_env import VecEnv

    from rmr_gym.sb3.training.callbacks import OnProgress

_VERSIONED = ("ale-py", "gymnasium", "numpy", "sb3-contrib", "stable-baselines3", "torch")
_LOGGED_STEPS = 2_048
"""Environment steps between two rows of the log, where an algorithm counts in updates."""


def train_agent(
    config: AgentConfig,
    out: str | Path,
    *,
    device: str = "cpu",
    threads: int | None = None,
    resume: bool = True,
    on_progress: OnProgress | None = None,
) -> JsonObject:
    """Train an agent in a folder.

    The folder holds `config.json`, a copy of the encoder, `evaluations.jsonl`, `episodes.jsonl`, `logs/` (a CSV file
    for each session and TensorBoard's), `checkpoints/steps-<n>/model.zip`, which any version of Stable-Baselines3 that
    fits can load, and, when all is done, `result.json`. A call that was killed can be repeated and continues at the
    last checkpoint; of a finished training the result is returned.

    What a checkpoint does not hold: the state of the emulators, so that episodes start anew and the frame stack with
    them, and the state of the random generators, which get new seeds that depend on `seed` and the number of steps. A
    resumed training is therefore another one than one that was not interrupted, of equal worth. Weights, optimizer,
    schedules, exploration and replay buffer continue as they were. What was learned after the last checkpoint is lost,
    and its evaluations are forgotten.

    Args:
        config: what decides the agent.
        out: the folder; made if it does not exist.
        device: cpu, cuda or cuda:<index>.
        threads: threads of PyTorch, for the whole process; None leaves them as they are.
        resume: False refuses a folder in which a training was begun.
        on_progress: told of progress.

    Returns:
        The result: `config`, `evaluation` at the end, `env_steps`, `steps_per_second`, `fingerprints` of frozen or
        initial encoders, numbers of parameters (target networks left out), versions; and seconds of all sessions:
        `training_seconds` (without evaluations), `wall_seconds` and `processor_seconds` (with all that belongs to it;
        None where the training was begun by a version that did not keep them).

    Raises:
        ValueError: when the folder was begun with another config, the message names the fields, or with another
            encoder; when another process works in it; when a replay buffer does not fit into memory, or that of the
            last checkpoint is missing; when the device is absent or `threads` below 1; or as the environments.
        DependencyNotInstalled: when Stable-Baselines3, sb3-contrib, ale-py or MuJoCo is missing.
    """
    out = Path(out)
    check_device(device)  # Stable-Baselines3 would take the processor without a word
    if threads is not None:
        torch.set_num_threads(as_count("threads", threads))
    with exclusive(out):
        pin_config(config, out, resume=resume)
        if (out / RESULT_FILE).exists():
            result: JsonObject = read_json(out / RESULT_FILE)
            return result
        return _train(config, out, device, on_progress)


def _train(config: AgentConfig, out: Path, device: str, on_progress: OnProgress | None) -> JsonObject:
    last = max(checkpoints(out).items(), default=None)
    start = 0 if last is None else last[0]
    clock = Clock(None if last is None else read_json(last[1] / STATE_FILE))
    fingerprints = config.features.prepare(out, config.seed, config.where)
    rewind(out, start)
    with ExitStack() as stack:
        venv = make_agent_env(
            config,
            out,
            num_envs=config.algorithm.num_envs,
            seed=small_seed(config.seed, "environments", start),
            device=device,
            subprocesses=config.subprocesses,
        )
        stack.callback(venv.close)
        if config.normalize_rewards:
            venv = _normalized(venv, config.algorithm.gamma, None if last is None else last[1])
        if last is None:
            model = _begin(config, out, venv, device)
            _look_around(config, out, model, device)
            venv.seed(small_seed(config.seed, "environments", 0))  # the algorithm has seeded them with its own
        else:
            model = _continue(config, last[1], venv, device, start)
        logger = _logger(out / LOG_FOLDER, start)
        stack.callback(logger.close)
        model.set_logger(logger)
        _learn(model, config, out, device, on_progress, clock=clock, start=start)
    result = {
        "config": DOCUMENTS.to_json(config),
        "env_steps": model.num_timesteps,
        "evaluation": read_evaluations(out)[-1],
        **clock.read(),
        "steps_per_second": round(model.num_timesteps / clock.training_seconds(), 3),
        "fingerprints": fingerprints,
        "parameters": _parameters(model),
        "agent": str((checkpoint_folder(out, model.num_timesteps) / MODEL_FILE).relative_to(out)),
        "device": device,
        "threads": torch.get_num_threads(),
        "versions": dict(_versions()),
    }
    write_json(out / RESULT_FILE, result)
    return result


def _learn(
    model: BaseAlgorithm,
    config: AgentConfig,
    out: Path,
    device: str,
    on_progress: OnProgress | None,
    *,
    clock: Clock,
    start: int,
) -> None:
    """Train from a checkpoint, or from step 0, to the end, and score."""
    from rmr_gym.sb3.training.callbacks import Checkpoints, Episodes, Evaluations, ProgressReport

    evaluations = Evaluations(config, out, clock, device)
    # Evaluations before checkpoints: what a checkpoint has behind it has been written then.
    callbacks = [*config.features.callbacks(), Episodes(out), evaluations, Checkpoints(config, out, clock)]
    if on_progress is not None:
        callbacks.append(ProgressReport(on_progress, config.steps))
    if config.steps > start:
        clock.start()
        model.learn(
            config.steps - start,
            callback=callbacks,
            log_interval=4 if config.algorithm.off_policy else _rollouts(config, _LOGGED_STEPS),
            reset_num_timesteps=start == 0,
        )
        clock.stop()
    # There may be one of a session that was killed before it wrote the result.
    rewind(out, model.num_timesteps - 1, names=(EVALUATIONS_FILE,))
    evaluations.init_callback(model)
    evaluations.evaluate(config.evaluation.num_final_episodes)


def _begin(config: AgentConfig, out: Path, venv: VecEnv, device: str) -> BaseAlgorithm:
    algorithm, features = config.algorithm, config.features
    if algorithm.off_policy:
        _require_memory(venv, algorithm.keywords()["buffer_size"])
    return algorithm.algorithm_class()(
        algorithm.policy_name(pictures=features.policy_sees_pictures),
        venv,
        policy_kwargs={**algorithm.policy_kwargs(), **features.policy_kwargs(out)},
        seed=small_seed(config.seed, "agent"),
        device=device,
        **algorithm.keywords(),
    )


def _look_around(config: AgentConfig, out: Path, model: BaseAlgorithm, device: str) -> None:
    """Let a new agent learn how large its observations are, where it wants to, in environments that are closed then."""
    if not standardises(model.policy):
        return
    seed = small_seed(config.seed, "first look")
    venv = make_agent_env(config, out, num_envs=config.algorithm.num_envs, seed=seed, device=device)
    try:
        take_a_first_look(model.policy, venv, seed)
    finally:
        venv.close()


def _continue(config: AgentConfig, checkpoint: Path, venv: VecEnv, device: str, start: int) -> BaseAlgorithm:
    buffer = checkpoint / REPLAY_FILE
    if config.algorithm.off_policy and config.steps > start and not buffer.exists():
        fix = "Restore it from a copy, or train the agent anew in another folder."
        raise ValueError(explain(expected=f"the replay buffer to go on with, {buffer}", got="no such file", fix=fix))
    model = config.algorithm.algorithm_class().load(checkpoint / MODEL_FILE, env=venv, device=device)
    if buffer.exists():
        model.load_replay_buffer(str(buffer))  # type: ignore[attr-defined]
    model.set_random_seed(small_seed(config.seed, "agent", start))
    venv.seed(small_seed(config.seed, "environments", start))
    return model


def _normalized(venv: VecEnv, gamma: float, checkpoint: Path | None) -> VecEnv:
    """Normalise rewards, and go on with the statistics of a checkpoint."""
    try:
        from stable_baselines3.common.vec_env import VecNormalize
    except ImportError as error:
        raise missing_extra("stable_baselines3", "sb3") from error
    if checkpoint is not None:
        return VecNormalize.load(str(checkpoint / NORMALIZE_FILE), venv)
    return VecNormalize(venv, norm_obs=False, gamma=gamma)


def _logger(folder: Path, start: int) -> Logger:
    """Make a logger whose files no later session overwrites."""
    try:
        from stable_baselines3.common.logger import Logger, make_output_format
    except ImportError as error:
        raise missing_extra("stable_baselines3", "sb3") from error
    table = make_output_format("csv", str(folder), f"-{start:010d}")
    return Logger(str(folder), [table, make_output_format("tensorboard", str(folder / "tensorboard"))])


def _rollouts(config: AgentConfig, steps: int) -> int:
    return max(1, steps // config.algorithm.steps_per_rollout)


def _parameters(model: BaseAlgorithm) -> dict[str, int]:
    """Count the weights of the networks that are trained; target networks are copies of them."""
    from rmr_gym.sb3.unfreezing import trained_module

    module = trained_module(model.policy)
    parameters, buffers = list(module.parameters()), list(module.buffers())
    trainable = sum(value.numel() for value in parameters if value.requires_grad)
    # The extractors of rmr_gym hold in buffers what is frozen.
    return {"trainable": trainable, "frozen": sum(value.numel() for value in parameters + buffers) - trainable}


def _versions() -> Iterator[tuple[str, str]]:
    for name in _VERSIONED:
        with suppress(importlib.metadata.PackageNotFoundError):  # balls need no console
            yield name, importlib.metadata.version(name)


def _require_memory(venv: VecEnv, buffer_size: int) -> None:
    """Refuse a replay buffer that is larger than the memory of the machine."""
    space = venv.observation_space
    assert space.shape is not None
    assert space.dtype is not None
    needed = 2 * buffer_size * math.prod(space.shape) * space.dtype.itemsize  # observation and next observation
    there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if needed > there:
        fix = "Lower buffer_size, or let the encoder work in the policy (through=extractor), where pictures are kept."
        got = f"one of {needed / 1e9:.1f} GB for {buffer_size:,} observations {space.shape} {space.dtype}"
        raise ValueError(explain(expected=f"a replay buffer below {there / 1e9:.1f} GB", got=got, fix=fix))
