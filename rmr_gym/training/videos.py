"""Natural stage of bouncing balls: learn from pictures around a processor."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int64, UInt8
from torch import Tensor
from torch.nn import functional

from rmr_gym.data import TransitionDataset
from rmr_gym.errors import explain
from rmr_gym.models import Precision, Processor, VideoModel, check_precision, freeze
from rmr_gym.models.blocks import initial_weights
from rmr_gym.models.decoders import BroadcastDecoderConfig, VideoDecoderConfig
from rmr_gym.models.encoders import SlotAttentionConfig, VideoEncoderConfig
from rmr_gym.objectives import LossTerms
from rmr_gym.seeding import derive, numpy_generator, torch_generator
from rmr_gym.training.arms import BALL_ARMS
from rmr_gym.training.batches import BatchOrder, Prefetcher
from rmr_gym.training.loop import LoopConfig, OnStep, is_logged, train
from rmr_gym.training.sinks import MemorySink, Sink
from rmr_gym.training.trajectories import paper_loop

_VALIDATION_WINDOWS = 64


class VideoBatch(NamedTuple):
    """Windows of pictures of one step, equal for all arms of a seed."""

    pixels: UInt8[Tensor, "batch history channel height width"]
    noise: Float[Tensor, "batch slot noise"]
    next_pixels: UInt8[Tensor, "batch channel height width"]


@dataclass(frozen=True, kw_only=True, slots=True)
class VideoConfig:
    """How a model of pictures is trained; the same for all arms."""

    encoder: VideoEncoderConfig = field(default_factory=SlotAttentionConfig)
    """Windows of pictures to slots."""

    decoder: VideoDecoderConfig = field(default_factory=BroadcastDecoderConfig)
    """Predicted slots to a picture."""

    precision: Precision = "float32"
    """Of the layers that cost time. bfloat16 halves it where the hardware has it (AVX512-BF16, AMX, GPUs)."""

    loop: LoopConfig = field(default_factory=paper_loop)
    """Optimisation (paper, appendix A: batches of 512, learning rate 1e-4, 1,000 epochs)."""

    def __post_init__(self) -> None:
        check_precision(self.precision)


def build_video_model(arm: str, config: VideoConfig, processor: Processor, *, num_balls: int, seed: int) -> VideoModel:
    """Build the model of an arm with the initial weights of a seed.

    Encoder and decoder of all arms of a seed start equal, and so do all random processors.

    Args:
        arm: name in `BALL_ARMS`.
        config: model.
        processor: the pre-trained one; it is copied, not changed. Random arms take only its config.
        num_balls: balls of the world.
        seed: seed of the weights.

    Returns:
        The model, with a frozen processor where the arm wants one.

    Raises:
        ValueError: when encoder and processor have slots of different widths.
    """
    chosen = BALL_ARMS[arm]
    with initial_weights(derive(seed, "encoder")):
        encoder = config.encoder.build()
    with initial_weights(derive(seed, "decoder")):
        decoder = config.decoder.build(processor.output_dim)
    with initial_weights(derive(seed, "processor")):
        own: Processor = processor.config.build(num_balls, num_actions=0)
    if chosen.processor == "pretrained":
        own = copy.deepcopy(processor)
    model = VideoModel(encoder, own, decoder, precision=config.precision)
    if chosen.frozen:
        freeze(own)
    return model


def train_video_model(
    arm: str,
    dataset: TransitionDataset,
    config: VideoConfig,
    processor: Processor,
    *,
    held_out: TransitionDataset | None = None,
    seed: int = 0,
    device: str = "cpu",
    sink: Sink | None = None,
    on_step: OnStep | None = None,
    state_folder: Path | None = None,
    keep_state: bool = False,
) -> VideoModel:
    """Train the model of one arm to predict the next picture.

    Batches, the noise of the slots and initial weights depend on the seed only: arms of one seed are paired.

    Source: paper, section 4 and appendix A (natural pipeline).

    Args:
        arm: name in `BALL_ARMS`.
        dataset: the training split of bouncing balls, in colour, with the encoder's history.
        config: model and optimisation.
        processor: the pre-trained processor, also for arms that only take its shape.
        held_out: validation split, opened like `dataset`; with it every record holds a `validation_loss`, too, on the
            same windows in all arms and at all steps.
        seed: seed of the weights, the batches and the noise.
        device: where to train.
        sink: takes the records of the loss; they are dropped without one.
        on_step: told of progress.
        state_folder: where to keep the state to resume from.
        keep_state: whether the last state stays there, so that a repeated call finds everything done.

    Returns:
        The trained model, on `device`, in evaluation mode.

    Raises:
        ValueError: when the pictures of the data set do not fit the encoder, or the processor does not.
    """
    model = build_video_model(arm, config, processor, num_balls=dataset.balls.num_balls, seed=seed).to(device)
    check_windows(model, dataset)
    validation = None if held_out is None else _validation(model, held_out, seed)
    order = BatchOrder(num_items=dataset.num_windows, batch_size=config.loop.batch_size, seed=derive(seed, "videos"))

    def batch(step: int) -> VideoBatch:
        return read_batch(model, dataset, order.indices(step), torch_generator(seed, "slots", step))

    with Prefetcher(batch) as batches:

        def loss(step: int) -> LossTerms:
            terms = picture_loss(model, batches[step])
            if validation is None or not is_logged(config.loop, step):
                return LossTerms(terms)
            with torch.no_grad():
                return LossTerms(terms, {"validation_loss": picture_loss(model, validation)})

        train(
            loss,
            [model],
            config.loop,
            seed=seed,
            sink=sink or MemorySink(),
            on_step=on_step,
            state_folder=state_folder,
            keep_state=keep_state,
        )
    return model.eval()


def read_batch(
    model: VideoModel, dataset: TransitionDataset, indices: Int64[np.ndarray, " batch"], generator: torch.Generator
) -> VideoBatch:
    """Read windows of pictures, and draw the noise of their slots."""
    rows = dataset.windows(indices)
    assert rows.pixels is not None
    assert rows.next_pixels is not None
    noise = model.encoder.noise(len(indices), generator)
    return VideoBatch(torch.from_numpy(rows.pixels), noise, torch.from_numpy(rows.next_pixels))


def picture_loss(model: VideoModel, batch: VideoBatch) -> Float[Tensor, ""]:
    """Return the mean squared error of the predicted pictures per pixel and channel, on the device of the model."""
    pixels, noise, next_pixels = (part.to(next(model.parameters()).device) for part in batch)
    return functional.mse_loss(model(pixels, noise).image, next_pixels / 255)


def _validation(model: VideoModel, held_out: TransitionDataset, seed: int) -> VideoBatch:
    rows = numpy_generator(0, "validation").permutation(held_out.num_windows)[:_VALIDATION_WINDOWS]
    return read_batch(model, held_out, rows, torch_generator(seed, "slots", "validation"))


def check_windows(model: VideoModel, dataset: TransitionDataset) -> None:
    """Refuse a data set whose windows do not fit the encoder, before any work starts.

    Raises:
        ValueError: when history, size or colours differ, or there are no pictures.
    """
    pixels = dataset.windows([0]).pixels
    assert pixels is not None
    if pixels.shape[1:] != model.encoder.input_shape:
        history, _, height, width = model.encoder.input_shape
        raise ValueError(
            explain(
                expected=f"windows of shape {model.encoder.input_shape} for this encoder",
                got=f"windows of shape {tuple(pixels.shape[1:])}",
                fix=f"Open the data set with history={history}, size=({height}, {width}), gray=False.",
            )
        )
