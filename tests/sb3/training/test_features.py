from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rmr_gym.models import fingerprint, load_encoder
from rmr_gym.models.frozen_features import FrozenFeatures
from rmr_gym.sb3.training import (
    EncoderFeatures,
    FineTunedFeatures,
    NatureCnnFeatures,
    StateFeatures,
    checkpoints,
    make_agent_env,
    train_agent,
)
from rmr_gym.sb3.training.networks import encoder_folder, put_encoder
from rmr_gym.sb3.unfreezing import extractors
from tests.sb3.training.small import ONCE, SMALL_DQN, SMALL_PPO, small

PONG = small().where


def test_wrapper_shows_the_features_of_the_pictures(encoder: Path, tmp_path: Path) -> None:
    config = small(features=EncoderFeatures(path=str(encoder)))
    config.features.prepare(tmp_path, 0, config.where)
    features = FrozenFeatures(encoder)
    venv = make_agent_env(config, tmp_path, num_envs=2, seed=3)
    pictures = make_agent_env(small(stack=1, features=NatureCnnFeatures()), tmp_path, num_envs=2, seed=3)
    before, seen = features(pictures.reset()), venv.reset()
    for _ in range(3):
        seen = venv.step(np.array([2, 3]))[0]
        now = features(pictures.step(np.array([2, 3]))[0])
        np.testing.assert_allclose(seen, np.concatenate([before, now], axis=1), atol=1e-6)
        before = now


@pytest.mark.parametrize(
    ("features", "shape"),
    [
        (NatureCnnFeatures(), (84, 84, 2)),
        (StateFeatures(), (1024,)),
        (StateFeatures(form="float"), (128,)),
    ],
)
def test_what_is_seen_of_a_game(features: Any, shape: tuple[int, ...], tmp_path: Path) -> None:
    assert make_agent_env(small(features=features), tmp_path, num_envs=1, seed=0).observation_space.shape == shape


def test_positions_of_balls_are_stacked(tmp_path: Path) -> None:
    config = small(task="balls_push", features=StateFeatures(), stack=3)
    assert make_agent_env(config, tmp_path, num_envs=1, seed=0).reset().shape == (1, 10, 6)


def test_random_weights_depend_on_the_seed_alone(encoder: Path, tmp_path: Path) -> None:
    drawn = {
        (seed, copy): put_encoder(str(encoder), tmp_path / f"{seed}{copy}", "random", seed, PONG)
        for seed, copy in [(0, 0), (0, 1), (1, 0)]
    }
    assert drawn[0, 0] == drawn[0, 1] != drawn[1, 0]
    assert fingerprint(load_encoder(encoder)) not in drawn.values()
    assert load_encoder(encoder_folder(tmp_path / "00")).config == load_encoder(encoder).config


def test_run_keeps_its_own_encoder(encoder: Path, tmp_path: Path) -> None:
    put_encoder(str(encoder), tmp_path / "run", "trained", 0, PONG)
    assert fingerprint(load_encoder(tmp_path / "run" / "encoder")) == fingerprint(load_encoder(encoder))
    other = shutil.copytree(encoder_folder(tmp_path / "run"), tmp_path / "other")
    put_encoder(str(encoder), tmp_path / "random", "random", 0, PONG)
    shutil.rmtree(other)
    shutil.copytree(encoder_folder(tmp_path / "random"), other)
    with pytest.raises(ValueError, match="fingerprint"):
        put_encoder(str(other), tmp_path / "run", "trained", 0, PONG)
    shutil.rmtree(other)
    assert put_encoder(str(other), tmp_path / "run", "trained", 0, PONG) == fingerprint(load_encoder(encoder))
    (tmp_path / "run" / "encoder" / "config.json").unlink()  # a copy that a kill cut off
    put_encoder(str(encoder), tmp_path / "run", "trained", 0, PONG)
    assert fingerprint(load_encoder(tmp_path / "run" / "encoder")) == fingerprint(load_encoder(encoder))


@pytest.mark.parametrize("through", ["wrapper", "extractor"])
def test_frozen_encoder_is_that_of_the_folder_after_training(through: Any, encoder: Path, tmp_path: Path) -> None:
    features = EncoderFeatures(path=str(encoder), through=through, projection=8)
    config = small(steps=16, num_checkpoints=1, features=features, evaluation=ONCE)
    result = train_agent(config, tmp_path)
    expected = fingerprint(load_encoder(encoder))
    assert result["fingerprints"] == {"encoder": expected}
    assert fingerprint(load_encoder(encoder_folder(tmp_path))) == expected
    model = config.algorithm.algorithm_class().load(tmp_path / result["agent"])
    assert {part.fingerprint() for part in extractors(model.policy)} == (set() if through == "wrapper" else {expected})
    frozen = sum(value.numel() for value in load_encoder(encoder).parameters())
    assert result["parameters"]["frozen"] >= (0 if through == "wrapper" else frozen)


def test_encoder_of_a_policy_with_a_target_network_is_counted_once(encoder: Path, tmp_path: Path) -> None:
    features = EncoderFeatures(path=str(encoder), through="extractor", projection=8)
    found = {
        name: train_agent(
            small(steps=16, num_checkpoints=1, features=features, evaluation=ONCE, algorithm=algorithm), tmp_path / name
        )["parameters"]["frozen"]
        for name, algorithm in (("ppo", SMALL_PPO), ("dqn", SMALL_DQN))
    }
    assert found["dqn"] == found["ppo"]


def test_fine_tuned_encoder_moves_after_its_steps(encoder: Path, tmp_path: Path) -> None:
    expected = fingerprint(load_encoder(encoder))
    for after, moved in ((16, True), (1_000, False)):
        features = FineTunedFeatures(path=str(encoder), after_steps=after, learning_rate=1e-2, projection=8)
        config = small(steps=32, num_checkpoints=1, features=features, evaluation=ONCE)
        result = train_agent(config, tmp_path / str(after))
        model = config.algorithm.algorithm_class().load(tmp_path / str(after) / result["agent"])
        (now,) = {part.fingerprint() for part in extractors(model.policy)}
        assert (now != expected) == moved


def test_fine_tuning_goes_on_where_it_was(encoder: Path, tmp_path: Path) -> None:
    features = FineTunedFeatures(path=str(encoder), after_steps=0, learning_rate=1e-2, projection=8)
    config = small(steps=48, features=features, evaluation=ONCE)

    def stop(done: int, _: int) -> None:
        if done == 40:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        train_agent(config, tmp_path, on_progress=stop)
    train_agent(config, tmp_path)
    seen = [config.algorithm.algorithm_class().load(path / "model.zip") for path in checkpoints(tmp_path).values()]
    prints = [next(iter(extractors(model.policy))).fingerprint() for model in seen]
    assert len({fingerprint(load_encoder(encoder)), *prints}) >= 3  # the last update has a learning rate of 0


def test_replay_buffer_beyond_memory_is_refused(encoder: Path, tmp_path: Path) -> None:
    algorithm = type(SMALL_DQN)(buffer_size=10**12)
    with pytest.raises(ValueError, match="replay buffer below .*through=extractor"):
        train_agent(small(algorithm=algorithm, features=EncoderFeatures(path=str(encoder))), tmp_path)
