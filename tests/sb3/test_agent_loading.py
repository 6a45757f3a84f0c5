from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from stable_baselines3.common.vec_env import VecEnv

from rmr_gym.data import TransitionDataset
from rmr_gym.evaluation.encoding import encode_frames
from rmr_gym.evaluation.frame_stacks import FrameStacks
from rmr_gym.sb3.agent_features import AgentReadingConfig
from rmr_gym.sb3.agent_loading import load_agent_features
from rmr_gym.sb3.training import (
    A2cConfig,
    AgentConfig,
    EncoderFeatures,
    EvaluationConfig,
    FineTunedFeatures,
    NatureCnnFeatures,
    StateFeatures,
    checkpoints,
    load_agent,
    train_agent,
)
from rmr_gym.sb3.training.run_folder import pin_config
from tests.sb3.recorded_play import known_rows, observed, record

SHORT = AgentConfig(
    task="pong",
    steps=16,
    num_checkpoints=2,
    algorithm=A2cConfig(num_envs=1, n_steps=4),
    evaluation=EvaluationConfig(every=100, num_episodes=1, num_final_episodes=1, max_frames=40),
)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> TransitionDataset:
    return record(tmp_path_factory.mktemp("recorded"))


@pytest.mark.parametrize("features", ["wrapper", "nature_cnn", "mean", "extractor", "fine_tuned"])
def test_the_folder_of_a_training_says_how_its_agent_observed(
    features: str, recorded: TransitionDataset, checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ways: dict[str, Any] = {
        "nature_cnn": NatureCnnFeatures(),
        "wrapper": EncoderFeatures(path=str(checkpoint), projection=7),
        "mean": EncoderFeatures(path=str(checkpoint), readout="mean", projection=7),
        "extractor": EncoderFeatures(path=str(checkpoint), through="extractor", projection=7),
        "fine_tuned": FineTunedFeatures(path=str(checkpoint), projection=7),
    }
    config = dataclasses.replace(SHORT, features=ways[features])
    train_agent(config, tmp_path)
    (tmp_path / "moved").mkdir()
    for name in ("config.json", "checkpoints", "encoder"):
        if (tmp_path / name).exists():
            (tmp_path / name).rename(tmp_path / "moved" / name)
    folder = tmp_path / "moved"

    loaded = load_agent_features(folder)
    assert {name: loaded.facts[name] for name in ("task", "num_timesteps")} == {"task": "pong", "num_timesteps": 16}
    padding = loaded.features.config.padding
    stacks = FrameStacks(recorded, loaded.features.pictures.num_frames, black_start=padding == "zero")
    rows = np.arange(recorded.num_frames)
    encoded = encode_frames(loaded.features, stacks, rows, dtype=np.float32)

    def wrap(venv: VecEnv) -> VecEnv:
        return config.features.wrap(venv, folder, stack=config.stack, device="cpu")

    policy: Any = load_agent(folder)[0].policy
    with torch.no_grad():
        expected = policy.extract_features(policy.obs_to_tensor(observed(recorded, wrap))[0]).numpy()
    known = known_rows(recorded)
    assert encoded[known] == pytest.approx(expected[known], abs=1e-5)
    assert encoded.shape[1] == (512 if features == "nature_cnn" else 7)

    early = min(checkpoints(folder).values()) / "model.zip"
    assert load_agent_features(early).facts["num_timesteps"] == 8
    monkeypatch.chdir(early.parent)
    assert load_agent_features("model.zip").features.config.padding == padding
    latent = load_agent_features(folder, AgentReadingConfig(layer="latent")).features
    assert (latent.config.layer, latent.config.padding) == ("latent", padding)


def test_agents_that_look_at_no_pictures_of_a_game_are_refused(tmp_path: Path) -> None:
    for task, features, message in (
        ("pong", StateFeatures(), "one of pong that looks at the state itself"),
        ("balls_push", NatureCnnFeatures(), "one of balls_push that looks at pictures"),
    ):
        folder = tmp_path / task
        folder.mkdir()
        pin_config(AgentConfig(task=task, features=features), folder)
        with pytest.raises(ValueError, match=message):
            load_agent_features(folder)


def test_folders_without_an_agent_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="the folder of a trained agent with config.json"):
        load_agent_features(tmp_path)
    pin_config(SHORT, tmp_path)
    with pytest.raises(ValueError, match="a checkpoint in .*; got 0 out of none. Train the agent first"):
        load_agent_features(tmp_path)
