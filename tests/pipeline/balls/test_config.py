from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from rmr_gym.models.processors import InteractionNetworkConfig, MpnnConfig
from rmr_gym.pipeline.balls import BallsRunConfig
from rmr_gym.pipeline.balls.config import HISTORY, BallsDataConfig, BallsScoringConfig
from rmr_gym.pipeline.config_json import from_json, to_json


def changed(config: BallsRunConfig, path: str, value: Any) -> BallsRunConfig:
    """Replace the field at a dotted path."""
    first, _, rest = path.partition(".")
    return dataclasses.replace(config, **{first: changed(getattr(config, first), rest, value) if rest else value})


def test_seeds_count_up_from_the_first(tiny_balls: BallsRunConfig) -> None:
    assert changed(tiny_balls, "num_seeds", 3).seeds == (3, 4, 5)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("abstract.processor", MpnnConfig(slot_dim=16), r"natural\.encoder\.slot_dim 16, as the processor; got 8"),
        ("natural.encoder.slot_dim", 128, r"natural\.encoder\.slot_dim 8, as the processor; got 128"),
        ("natural.encoder.history", 2, r"natural\.encoder\.history 3, as the windows; got 2"),
        ("natural.encoder.size", (32, 32), r"natural\.encoder\.size \(16, 16\), as the world's pictures"),
        ("world.picture_size", 64, r"natural\.encoder\.size \(64, 64\), as the world's pictures; got \(16, 16\)"),
        ("natural.encoder.num_slots", 2, "a slot for every ball; got 2 slots for 3 balls"),
        ("scoring.horizon", 13, "longer than a rollout; got 15 frames and a horizon of 13"),
        ("abstract.unroll_steps", 13, "longer than what is unrolled; got 15 frames and a horizon of 13"),
        ("arms", ("rmr", "c_swm"), "rmr, end_to_end, frozen_random"),
        ("arms", (), r"at least one seed and one arm; got num_seeds=1 and 0 arms\. "),
        ("arms", ("rmr", "rmr"), "each arm once"),
        ("num_seeds", 0, r"at least one seed and one arm; got num_seeds=0 and 3 arms\. "),
    ],
)
def test_settings_that_do_not_fit_together_are_refused(
    path: str, value: object, message: str, tiny_balls: BallsRunConfig
) -> None:
    with pytest.raises(ValueError, match=message):
        changed(tiny_balls, path, value)


def test_picture_of_the_decoder_must_be_that_of_the_world(tiny_balls: BallsRunConfig) -> None:
    decoder = dataclasses.replace(tiny_balls.natural.decoder, size=(32, 32), strides=(2, 2))
    with pytest.raises(ValueError, match=r"natural\.decoder\.size \(16, 16\)"):
        changed(tiny_balls, "natural.decoder", decoder)


def test_interaction_network_must_read_the_windows_that_there_are(tiny_balls: BallsRunConfig) -> None:
    def with_history(history: int) -> BallsRunConfig:
        processor = InteractionNetworkConfig(history=history)
        encoder = dataclasses.replace(tiny_balls.natural.encoder, slot_dim=processor.slot_dim)
        return dataclasses.replace(
            tiny_balls,
            abstract=dataclasses.replace(tiny_balls.abstract, processor=processor),
            natural=dataclasses.replace(tiny_balls.natural, encoder=encoder),
        )

    assert with_history(HISTORY).abstract.processor.slot_dim == 6
    with pytest.raises(ValueError, match=r"abstract\.processor\.history 3, as the windows; got 2"):
        with_history(2)


@pytest.mark.parametrize(("stage", "windows"), [("abstract", 48), ("natural", 36)])
def test_batches_must_not_be_larger_than_what_is_recorded(stage: str, windows: int, tiny_balls: BallsRunConfig) -> None:
    # 4 of 6 trajectories and 3 of 5 videos are for training, each with 12 windows.
    path = f"{stage}.loop.batch_size"
    assert changed(tiny_balls, path, windows) != tiny_balls
    with pytest.raises(ValueError, match=rf"{stage}\.loop\.batch_size of at most the {windows} windows .* got"):
        changed(tiny_balls, path, windows + 1)


def test_longest_horizon_is_the_trajectory_without_the_first_window(tiny_balls: BallsRunConfig) -> None:
    frames = tiny_balls.data.num_steps + 1
    assert changed(tiny_balls, "scoring.horizon", frames - HISTORY).scoring.horizon == 12


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"num_videos": 1}, "at least 2 trajectories"),
        ({"num_trajectories": 1}, "at least 2 trajectories"),
        ({"validation_fraction": 0.0}, "between 0 and 1"),
        ({"validation_fraction": 1.0}, "between 0 and 1"),
        ({"num_steps": 3}, "num_steps above 3; got 3"),
    ],
)
def test_data_config_refuses_wrong_values(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        BallsDataConfig(**fields)


@pytest.mark.parametrize("fields", [{"num_windows": 0}, {"num_pictures": 3}, {"horizon": 0}])
def test_scoring_config_refuses_wrong_values(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="num_windows >= 1, num_pictures >= 4 and horizon >= 1"):
        BallsScoringConfig(**fields)


def test_config_of_another_processor_survives_json(tiny_balls: BallsRunConfig) -> None:
    processor = InteractionNetworkConfig(relation_dim=20)
    document = to_json(tiny_balls)
    document["abstract"]["processor"] = to_json(processor)
    document["natural"]["encoder"]["slot_dim"] = 6
    assert from_json(BallsRunConfig, document).abstract.processor == processor
