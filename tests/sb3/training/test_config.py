from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest
from gymnasium import spaces
from stable_baselines3.common.torch_layers import NatureCNN

from rmr_gym.envs.balls_config import BallsConfig
from rmr_gym.sb3.training import (
    ALGORITHMS,
    DOCUMENTS,
    FEATURES,
    AgentConfig,
    DqnConfig,
    EncoderFeatures,
    EvaluationConfig,
    FineTunedFeatures,
    GameOptions,
    StateFeatures,
)
from tests.sb3.training.small import small


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("features", FEATURES)
def test_config_survives_json(algorithm: str, features: str) -> None:
    path = {"path": "an/encoder"} if features in ("encoder", "fine_tuned") else {}
    config = small(
        algorithm=ALGORITHMS[algorithm](), features=FEATURES[features](**path), world=BallsConfig(num_balls=3)
    )
    document = DOCUMENTS.to_json(config)
    assert (document["algorithm"]["type"], document["features"]["type"]) == (algorithm, features)
    assert DOCUMENTS.from_json(AgentConfig, document) == config


def test_task_is_stored_by_its_rom_id() -> None:
    assert AgentConfig(task="MsPacman").task == "ms_pacman"
    assert AgentConfig(task="balls_push").task == "balls_push"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"task": "pongg"}, "pong"),
        ({"steps": 0}, "steps"),
        ({"stack": 0}, "stack"),
        ({"num_checkpoints": 0}, "checkpoints"),
        ({"game": GameOptions(size=(84, 35))}, "game.size of at least 36 pixels a side for nature_cnn; got 84 x 35"),
        ({"task": "balls_push", "world": BallsConfig(picture_size=20)}, "world.picture_size of at least 36"),
        ({"algorithm": DqnConfig(), "features": StateFeatures(critic_arch=(8,))}, "critic_arch"),
    ],
)
def test_settings_that_make_no_sense_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        small(**changes)


def test_smallest_pictures_are_those_that_the_convolutions_take() -> None:
    assert small(game=GameOptions(size=(36, 36))).game.size == (36, 36)
    assert small(game=GameOptions(size=(20, 20)), features=StateFeatures()).game.size == (20, 20), "not seen"
    for side, fits in ((36, True), (35, False)):
        space = spaces.Box(0, 255, (4, side, side), np.uint8)
        with nullcontext() if fits else pytest.raises(RuntimeError):
            NatureCNN(space)


def test_parts_refuse_what_makes_no_sense() -> None:
    with pytest.raises(ValueError, match="size"):
        GameOptions(size=(84, 0))
    with pytest.raises(ValueError, match="episodes"):
        EvaluationConfig(num_episodes=0)
    with pytest.raises(ValueError, match="folder of an encoder"):
        EncoderFeatures(path="")
    with pytest.raises(ValueError, match="projection"):
        EncoderFeatures(path="x", through="extractor", readout="mean")
    with pytest.raises(ValueError, match="after_steps"):
        FineTunedFeatures(path="x", after_steps=-1)


def test_actions_are_drawn_in_games_and_likeliest_in_balls() -> None:
    assert not small().evaluates_deterministically
    assert small(task="balls_push").evaluates_deterministically
    assert small(evaluation=EvaluationConfig(deterministic=True)).evaluates_deterministically
