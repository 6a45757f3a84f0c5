from __future__ import annotations

from typing import Any

import pytest

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
        ({"algorithm": DqnConfig(), "features": StateFeatures(critic_arch=(8,))}, "critic_arch"),
    ],
)
def test_settings_that_make_no_sense_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        small(**changes)


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
