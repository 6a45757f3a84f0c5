from __future__ import annotations

import pytest

from rmr_gym.models.processors import MpnnConfig
from rmr_gym.pipeline.balls import BALL_PROFILES, BallsRunConfig
from rmr_gym.pipeline.balls.profiles import DEFAULT_BALLS_PROFILE
from rmr_gym.pipeline.config_json import from_json, to_json
from rmr_gym.training import BALL_ARMS


@pytest.mark.parametrize("name", BALL_PROFILES)
def test_profile_compares_all_arms_and_survives_json(name: str) -> None:
    config = BALL_PROFILES[name]()
    assert config.arms == tuple(BALL_ARMS)
    assert from_json(BallsRunConfig, to_json(config)) == config


@pytest.mark.parametrize("name", [name for name in BALL_PROFILES if name != "smoke"])
def test_profile_has_the_processor_and_the_horizon_of_the_paper(name: str) -> None:
    config = BALL_PROFILES[name]()
    assert config.abstract.processor == MpnnConfig(slot_dim=128, num_passes=2, reduction="sum")
    assert config.scoring.horizon == 10


def test_paper_profile_has_the_numbers_of_the_paper() -> None:
    paper = BALL_PROFILES["paper"]()
    assert (paper.num_seeds, paper.world.num_balls, paper.world.picture_size) == (3, 10, 64)
    assert paper.abstract.predicts == "position"
    assert paper.natural.precision == "float32"
    for loop in (paper.abstract.loop, paper.natural.loop):
        assert (loop.batch_size, loop.learning_rate) == (512, 1e-4)


def test_profiles_grow_from_smoke_to_paper() -> None:
    steps = [BALL_PROFILES[name]().natural.loop.gradient_steps for name in BALL_PROFILES]
    assert list(BALL_PROFILES) == ["smoke", "control", "quick", "standard", "rollouts", "paper"]
    assert steps == sorted(steps)
    assert DEFAULT_BALLS_PROFILE == "standard"
