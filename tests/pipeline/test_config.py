from __future__ import annotations

import dataclasses
import math

import pytest

from rmr_gym.pipeline.config import DataConfig, ProbingConfig, RunConfig


def test_run_config_keeps_the_rom_id_of_any_name() -> None:
    assert RunConfig(game="MsPacman").game == "ms_pacman"
    assert RunConfig(game="rmr/Pong-v0") == RunConfig(game="pong")


def test_run_config_counts_seeds_up_from_its_own() -> None:
    assert RunConfig(seed=7, num_seeds=3).seeds == (7, 8, 9)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"game": "pongg"}, "Did you mean 'pong'"),
        ({"arms": ("rmr", "c_swm", "rmr")}, "each arm once; got rmr twice"),
        ({"arms": ("rmr", "rrm")}, "Did you mean 'rmr'"),
        ({"arms": ()}, r"at least one seed and one arm; got num_seeds=5 and 0 arms\. "),
        ({"num_seeds": 0}, r"at least one seed and one arm; got num_seeds=0 and 6 arms\. "),
    ],
)
def test_run_config_refuses_what_it_cannot_run(fields: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        RunConfig(**fields)  # type: ignore[arg-type]


@pytest.mark.parametrize("fraction", [0.0, 1.0])
def test_data_config_needs_both_halves_of_the_split(fraction: float) -> None:
    with pytest.raises(ValueError, match="Both halves"):
        DataConfig(validation_fraction=fraction)


def test_data_config_refuses_numbers_that_are_not_positive() -> None:
    for name in ("num_episodes", "max_steps", "num_players", "frame_skip"):
        with pytest.raises(ValueError, match="positive numbers"):
            DataConfig(**{name: 0})  # type: ignore[arg-type]


def test_probing_config_refuses_unknown_readouts_and_too_few_frames() -> None:
    with pytest.raises(ValueError, match="Did you mean 'full'"):
        ProbingConfig(readouts=("ful",))
    with pytest.raises(ValueError, match="at least one readout"):
        ProbingConfig(readouts=())
    with pytest.raises(ValueError, match="each readout once; got full twice"):
        ProbingConfig(readouts=("full", "full"))
    for threshold in (-0.1, math.nan, math.inf):
        with pytest.raises(ValueError, match="an entropy threshold in nats, of at least 0; got"):
            ProbingConfig(entropy_threshold=threshold)
    with pytest.raises(ValueError, match="at least 2 frames"):
        ProbingConfig(num_validation_frames=1)


def test_configs_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        RunConfig().seed = 1  # type: ignore[misc]
