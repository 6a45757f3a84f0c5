from __future__ import annotations

from rmr_gym.evaluation.statistics import MIN_PAIRS
from rmr_gym.objectives import HingeConfig
from rmr_gym.pipeline.profiles import DEFAULT_PROFILE, PROFILES
from rmr_gym.training import USUAL_ARMS


def test_profiles_are_the_documented_ones() -> None:
    assert tuple(PROFILES) == ("smoke", "quick", "standard", "paper")
    assert DEFAULT_PROFILE == "standard"


def test_profiles_compare_all_arms() -> None:
    assert all(profile().arms == USUAL_ARMS for profile in PROFILES.values())


def test_standard_profile_has_seeds_enough_for_the_test() -> None:
    assert PROFILES["standard"]().num_seeds >= MIN_PAIRS


def test_paper_profile_is_the_setting_of_the_paper() -> None:
    config = PROFILES["paper"]()
    assert config.natural.encoder.size == (210, 160)
    assert config.natural.objective == HingeConfig(sigma=0.5, margin=1.0, negatives="current")
    for loop in (config.abstract.loop, config.natural.loop):
        assert (loop.gradient_steps, loop.batch_size, loop.learning_rate) == (50_000, 50, 1e-3)
        assert (loop.warmup_steps, loop.final_learning_rate_fraction) == (0, 1.0)
    assert (config.data.num_episodes, config.data.validation_fraction, config.data.num_players) == (96, 0.5, 32)
    assert config.num_seeds == 20
    assert config.players == ("paper",)
    assert (config.probe.linear.batch_size, config.probe.linear.learning_rate) == (50, 1e-3)
    assert config.probe.entropy_threshold == 0.6
