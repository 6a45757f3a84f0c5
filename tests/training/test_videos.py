"""What makes the comparison of arms trustworthy: same pictures, same noise, same weights, and a frozen processor."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from rmr_gym.data import TransitionDataset
from rmr_gym.models import Processor, VideoModel, fingerprint
from rmr_gym.models.blocks import initial_weights
from rmr_gym.models.decoders import BroadcastDecoderConfig
from rmr_gym.models.encoders import SlotAttentionConfig
from rmr_gym.models.processors import InteractionNetworkConfig, MpnnConfig
from rmr_gym.training import (
    BALL_ARMS,
    LoopConfig,
    MemorySink,
    VideoConfig,
    build_video_model,
    train_video_model,
    videos,
)

ENCODER = SlotAttentionConfig(
    size=(16, 16), num_slots=3, slot_dim=8, channels=4, slot_size=8, hidden_dim=8, downsample=2
)
CONFIG = VideoConfig(
    encoder=ENCODER,
    decoder=BroadcastDecoderConfig(size=(16, 16), channels=4, strides=(2,)),
    loop=LoopConfig(gradient_steps=6, batch_size=4, log_every=2, checkpoint_every=2),
)


class KilledError(Exception):
    """Stands for kill -9 in the middle of a run."""


@pytest.fixture(scope="module")
def processor() -> Processor:
    with initial_weights(99):
        return MpnnConfig(slot_dim=8, num_passes=2, reduction="sum").build(3, num_actions=0)


def initial(arm: str, processor: Processor, seed: int = 0) -> VideoModel:
    return build_video_model(arm, CONFIG, processor, num_balls=3, seed=seed)


def test_arms_are_those_of_the_paper_and_the_control_for_freezing() -> None:
    assert {name: (arm.processor, arm.frozen) for name, arm in BALL_ARMS.items()} == {
        "rmr": ("pretrained", True),
        "end_to_end": ("random", False),
        "frozen_random": ("random", True),
    }


def test_arms_of_a_seed_start_with_the_same_encoder_and_decoder(processor: Processor) -> None:
    models = [initial(arm, processor) for arm in BALL_ARMS]
    assert len({fingerprint(model.encoder) for model in models}) == 1
    assert len({fingerprint(model.decoder) for model in models}) == 1
    other = initial("rmr", processor, seed=1)
    assert fingerprint(other.encoder) != fingerprint(models[0].encoder)
    assert fingerprint(other.decoder) != fingerprint(models[0].decoder)


def test_arms_take_the_processor_that_they_ask_for(processor: Processor) -> None:
    prints = {arm: fingerprint(initial(arm, processor).processor) for arm in BALL_ARMS}
    assert prints["rmr"] == fingerprint(processor)
    assert prints["end_to_end"] == prints["frozen_random"] != prints["rmr"]
    assert fingerprint(initial("end_to_end", processor, seed=1).processor) != prints["end_to_end"]


@pytest.mark.parametrize("arm", BALL_ARMS)
def test_processor_changes_in_the_arm_that_trains_it_and_nowhere_else(
    arm: str, balls: TransitionDataset, processor: Processor
) -> None:
    before, given = initial(arm, processor), fingerprint(processor)
    after = train_video_model(arm, balls, CONFIG, processor)
    assert (fingerprint(after.processor) == fingerprint(before.processor)) == BALL_ARMS[arm].frozen
    for name, parameter in after.encoder.named_parameters():  # the gradient came through the processor
        assert not torch.equal(parameter, before.encoder.get_parameter(name)), name
    assert fingerprint(after.decoder) != fingerprint(before.decoder)
    assert fingerprint(processor) == given, "the processor that was passed in must not be touched"
    assert all(parameter.requires_grad for parameter in processor.parameters())
    assert not after.training


def test_arms_read_identical_windows_and_noise(
    balls: TransitionDataset, held_out_balls: TransitionDataset, processor: Processor, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, list[torch.Tensor]] = {}
    picture_loss = videos.picture_loss
    for arm in BALL_ARMS:
        tensors = seen.setdefault(arm, [])

        def record(model: VideoModel, batch: Sequence[torch.Tensor], tensors: Any = tensors) -> torch.Tensor:
            tensors.extend(batch)
            return picture_loss(model, batch)

        monkeypatch.setattr(videos, "picture_loss", record)
        train_video_model(arm, balls, CONFIG, processor, held_out=held_out_balls)
    assert len(seen["rmr"]) == 3 * (6 + 4)  # pictures, noise and targets of six updates and four validations
    for arm in ("end_to_end", "frozen_random"):
        assert all(torch.equal(first, second) for first, second in zip(seen["rmr"], seen[arm], strict=True))
    pixels, noise = seen["rmr"][:2]
    assert pixels.shape == (4, 3, 3, 16, 16)
    assert not torch.equal(noise, seen["rmr"][7])  # every update has noise of its own


def test_seeds_read_other_windows_and_noise(
    balls: TransitionDataset, processor: Processor, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[int, videos.VideoBatch] = {}
    picture_loss = videos.picture_loss
    for seed in (0, 1):

        def record(model: VideoModel, batch: videos.VideoBatch, seed: int = seed) -> torch.Tensor:
            seen.setdefault(seed, batch)
            return picture_loss(model, batch)

        monkeypatch.setattr(videos, "picture_loss", record)
        train_video_model("end_to_end", balls, CONFIG, processor, seed=seed)
    assert not any(torch.equal(first, second) for first, second in zip(seen[0], seen[1], strict=True))


def test_training_repeats_itself_to_the_last_bit(balls: TransitionDataset, processor: Processor) -> None:
    sinks, models = [MemorySink(), MemorySink()], []
    for number, sink in enumerate(sinks):
        torch.manual_seed(number)
        models.append(train_video_model("end_to_end", balls, CONFIG, processor, sink=sink))
    assert fingerprint(models[0]) == fingerprint(models[1])
    assert sinks[0].records == sinks[1].records
    assert [record["step"] for record in sinks[0].records] == [0, 2, 4, 5]


def test_held_out_loss_stands_in_every_record_and_changes_nothing(
    balls: TransitionDataset, held_out_balls: TransitionDataset, processor: Processor
) -> None:
    alone, watched = MemorySink(), MemorySink()
    without = train_video_model("end_to_end", balls, CONFIG, processor, sink=alone)
    model = train_video_model("end_to_end", balls, CONFIG, processor, held_out=held_out_balls, sink=watched)
    assert fingerprint(model) == fingerprint(without)
    assert all(record.pop("validation_loss") > 0 for record in watched.records)
    assert watched.records == alone.records


def test_arms_with_the_same_weights_have_the_same_first_held_out_loss(
    balls: TransitionDataset, held_out_balls: TransitionDataset, processor: Processor
) -> None:
    sinks = {arm: MemorySink() for arm in ("end_to_end", "frozen_random")}
    for arm, sink in sinks.items():
        train_video_model(arm, balls, CONFIG, processor, held_out=held_out_balls, sink=sink)
    first, second = (sink.records for sink in sinks.values())
    assert first[0] == second[0]
    assert first[-1] != second[-1]


@pytest.mark.parametrize("arm", ["rmr", "end_to_end"])
@pytest.mark.parametrize("kill_at", [1, 3, 5])
def test_killed_training_ends_with_the_weights_and_log_of_an_undisturbed_one(
    arm: str,
    kill_at: int,
    balls: TransitionDataset,
    held_out_balls: TransitionDataset,
    processor: Processor,
    tmp_path: Path,
) -> None:
    def kill(step: int, _: int) -> None:
        if step == kill_at:
            raise KilledError

    expected, sink = MemorySink(), MemorySink()
    undisturbed = train_video_model(arm, balls, CONFIG, processor, held_out=held_out_balls, sink=expected)
    parts: dict[str, Any] = {"held_out": held_out_balls, "sink": sink, "state_folder": tmp_path / "state"}
    with pytest.raises(KilledError):
        train_video_model(arm, balls, CONFIG, processor, on_step=kill, **parts)
    steps: list[int] = []
    resumed = train_video_model(arm, balls, CONFIG, processor, on_step=lambda step, _: steps.append(step), **parts)
    assert steps[0] == kill_at // 2 * 2 + 1
    assert fingerprint(resumed) == fingerprint(undisturbed)
    assert sink.records == expected.records
    assert not (tmp_path / "state").exists()


def test_picture_loss_is_the_mean_over_pixels_and_channels(balls: TransitionDataset, processor: Processor) -> None:
    model = initial("rmr", processor)
    batch = videos.read_batch(model, balls, torch.tensor([3, 0]).numpy(), torch.Generator().manual_seed(0))
    assert batch.next_pixels.dtype == torch.uint8
    assert batch.next_pixels.max() > 200
    image = model(batch.pixels, batch.noise).image.detach().double().numpy()
    expected = ((image - balls.windows([3, 0]).next_pixels / 255.0) ** 2).sum() / (2 * 3 * 16 * 16)
    assert float(videos.picture_loss(model, batch).detach()) == pytest.approx(expected, rel=1e-5)


def test_loss_falls(balls: TransitionDataset, processor: Processor) -> None:
    loop = LoopConfig(gradient_steps=60, batch_size=8, learning_rate=3e-3, log_every=59)
    config = dataclasses.replace(CONFIG, loop=loop)
    sink = MemorySink()
    train_video_model("rmr", balls, config, processor, sink=sink)
    assert sink.records[-1]["loss"] < 0.6 * sink.records[0]["loss"]


def test_lower_precision_trains_too(balls: TransitionDataset, processor: Processor) -> None:
    exact, rounded = MemorySink(), MemorySink()
    train_video_model("rmr", balls, CONFIG, processor, sink=exact)
    config = dataclasses.replace(CONFIG, precision="bfloat16")
    model = train_video_model("rmr", balls, config, processor, sink=rounded)
    assert next(model.parameters()).dtype == torch.float32
    assert rounded.records != exact.records
    assert rounded.records[-1]["loss"] == pytest.approx(exact.records[-1]["loss"], rel=0.05)


@pytest.mark.parametrize(
    ("options", "fix"),
    [
        ({"history": 2, "gray": False}, r"\(3, 3, 16, 16\).*got windows of shape \(2, 3, 16, 16\)"),
        ({"history": 3, "gray": True}, r"got windows of shape \(3, 1, 16, 16\).*gray=False"),
        ({"history": 3, "gray": False, "size": (8, 8)}, r"got windows of shape \(3, 3, 8, 8\).*size=\(16, 16\)"),
    ],
)
def test_training_refuses_windows_of_another_shape(
    options: dict[str, Any], fix: str, balls_folder: Path, processor: Processor
) -> None:
    with pytest.raises(ValueError, match=fix):
        train_video_model("rmr", TransitionDataset(balls_folder, **options), CONFIG, processor)


def test_training_refuses_a_processor_of_another_width(balls: TransitionDataset) -> None:
    other = InteractionNetworkConfig().build(3)
    with pytest.raises(ValueError, match="slot_dim of the encoder equal to 6"):
        train_video_model("rmr", balls, CONFIG, other)


def test_an_unknown_arm_names_the_known_ones(balls: TransitionDataset, processor: Processor) -> None:
    with pytest.raises(ValueError, match="rmr, end_to_end, frozen_random"):
        train_video_model("c_swm", balls, CONFIG, processor)
