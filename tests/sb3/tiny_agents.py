"""Agents of every algorithm on a tiny world, and what is compared of them; run as a program, it loads and describes."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sb3_contrib import QRDQN, RecurrentPPO
from stable_baselines3 import A2C, DQN, PPO, SAC
from stable_baselines3.common.base_class import BaseAlgorithm

from rmr_gym.sb3 import policy_kwargs_from
from rmr_gym.sb3.unfreezing import extractors
from tests.sb3.tiny_worlds import NormEncoder, TinyWorld

STEPS = 16

_ON_POLICY = {"n_steps": 8, "seed": 0, "device": "cpu", "learning_rate": 1e-2}
_OFF_POLICY = {"buffer_size": 50, "learning_starts": 4, "batch_size": 4, "train_freq": 2, "seed": 0, "device": "cpu"}
_TARGET = {**_OFF_POLICY, "tau": 0.5, "target_update_interval": 1, "learning_rate": 1e-2}

Make = Callable[[Any, dict[str, Any]], BaseAlgorithm]

ALGORITHMS: dict[str, tuple[type[BaseAlgorithm], Make]] = {
    "ppo": (
        PPO,
        lambda env, kwargs: PPO("CnnPolicy", env, batch_size=4, n_epochs=2, policy_kwargs=kwargs, **_ON_POLICY),
    ),
    "a2c": (A2C, lambda env, kwargs: A2C("CnnPolicy", env, policy_kwargs=kwargs, **_ON_POLICY)),
    "dqn": (DQN, lambda env, kwargs: DQN("CnnPolicy", env, policy_kwargs=kwargs, **_TARGET)),
    "qrdqn": (QRDQN, lambda env, kwargs: QRDQN("CnnPolicy", env, policy_kwargs=kwargs, **_TARGET)),
    "recurrent_ppo": (
        RecurrentPPO,
        lambda env, kwargs: RecurrentPPO(
            "CnnLstmPolicy",
            env,
            batch_size=4,
            n_epochs=1,
            policy_kwargs={**kwargs, "lstm_hidden_size": 4},
            **_ON_POLICY,
        ),
    ),
    "sac": (SAC, lambda env, kwargs: SAC("CnnPolicy", env, policy_kwargs=kwargs, **_OFF_POLICY)),
}
"""Class of each algorithm, and how a small agent of it is made."""


def make(algorithm: str, policy_kwargs: dict[str, Any]) -> Any:
    """Make a small agent."""
    return ALGORITHMS[algorithm][1](TinyWorld(continuous=algorithm == "sac"), policy_kwargs)


KINDS: dict[str, Callable[[Path], dict[str, Any]]] = {
    "frozen": lambda folder: policy_kwargs_from(folder, net_arch=[8]),
    "projected": lambda folder: policy_kwargs_from(folder, readout="project", features_dim=5, net_arch=[8]),
    "trained": lambda folder: policy_kwargs_from(folder, frozen=False, net_arch=[8]),
    "live": lambda folder: policy_kwargs_from(NormEncoder(), net_arch=[8]),
    "apart": lambda folder: policy_kwargs_from(folder, readout="project", share_features_extractor=False),
}
"""What may be in an agent, by the folder of an encoder."""

AGENTS = [
    *((algorithm, kind) for algorithm in ("ppo", "dqn") for kind in ("frozen", "projected", "trained", "live")),
    *((algorithm, kind) for algorithm in ("a2c", "qrdqn", "recurrent_ppo", "sac") for kind in ("frozen", "trained")),
    ("ppo", "apart"),
]
"""Agents that are saved here and loaded elsewhere."""


def describe(model: Any) -> dict[str, Any]:
    """Return the fingerprints of the encoders in an agent, and numbers that decide its actions; JSON values."""
    pictures = np.random.default_rng(0).integers(0, 256, (6, 1, 84, 84), dtype=np.uint8)
    scores: list[Any] = []
    model.policy.set_training_mode(False)
    with torch.no_grad():
        tensor, _ = model.policy.obs_to_tensor(pictures)
        nets = [name for name in ("q_net", "q_net_target", "quantile_net") if hasattr(model.policy, name)]
        scores += [getattr(model.policy, name)(tensor).tolist() for name in nets]
        if isinstance(model, SAC):
            scores += [model.policy.actor(tensor, deterministic=True).tolist()]
        if isinstance(model, PPO | A2C):
            scores += [model.policy.predict_values(tensor).tolist()]
            scores += [model.policy.get_distribution(tensor).distribution.logits.tolist()]
    return {
        "fingerprints": [extractor.fingerprint() for extractor in extractors(model.policy)],
        "actions": np.asarray(model.predict(pictures, deterministic=True)[0]).tolist(),
        "scores": scores,
        "optimizer": [len(group["params"]) for group in _optimizer(model).param_groups],
    }


def _optimizer(model: Any) -> Any:
    return model.actor.optimizer if isinstance(model, SAC) else model.policy.optimizer


def main(folder: Path) -> None:
    """Load every agent in a folder and print what it is."""
    found = {}
    for path in sorted(folder.glob("*.zip")):
        found[path.stem] = describe(ALGORITHMS[path.stem.split("-")[0]][0].load(path, device="cpu"))
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
