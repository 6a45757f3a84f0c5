"""Natural stage: train a pixel encoder around a processor."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from rmr_gym.data import TransitionDataset
from rmr_gym.errors import explain
from rmr_gym.models import NaturalModel, Precision, Processor, check_precision, freeze
from rmr_gym.models.blocks import initial_weights
from rmr_gym.models.decoders import LatentDecoder
from rmr_gym.models.decoders.latent import Initialisation, check_initialisation
from rmr_gym.models.documents import require_rebuilt
from rmr_gym.models.encoders import EncoderConfig, NatureCnnConfig
from rmr_gym.models.misrouted import Misrouted, misleading_routes
from rmr_gym.objectives import (
    HingeConfig,
    LossTerms,
    NaturalBatch,
    NaturalObjectiveConfig,
    Objective,
    SupervisedConfig,
)
from rmr_gym.objectives.anchored import Anchored
from rmr_gym.seeding import derive, numpy_generator
from rmr_gym.training.arms import ARMS, Arm
from rmr_gym.training.batches import BatchOrder, Prefetcher
from rmr_gym.training.loop import LoopConfig, OnStep, train
from rmr_gym.training.sinks import MemorySink, Sink

_CALIBRATION_FRAMES = 1_000


@dataclass(frozen=True, kw_only=True, slots=True)
class NaturalConfig:
    """How an encoder is trained; the same for all arms."""

    encoder: EncoderConfig = field(default_factory=NatureCnnConfig)
    """Pictures to slots."""

    decoder_initialisation: Initialisation = "orthogonal"
    """Initial weights of the linear map behind the processor. ours: the paper gives none."""

    objective: NaturalObjectiveConfig = field(default_factory=HingeConfig)
    """Contrastive loss."""

    precision: Precision = "float32"
    """Of encoder and processor in training. bfloat16 halves the time where the hardware has it (AVX512-BF16, AMX, GPUs)
    and costs time elsewhere."""

    loop: LoopConfig = field(default_factory=LoopConfig)
    """Optimisation of the compared arms."""

    supervised: LoopConfig = field(default_factory=LoopConfig)
    """Optimisation of the ceiling, which is no rival of the others and needs larger steps and more of them. ours."""

    def __post_init__(self) -> None:
        check_precision(self.precision)
        check_initialisation(self.decoder_initialisation)
        if self.loop.batch_size < 2:
            expected = "a batch_size of at least 2, as every sample needs another one to differ from"
            raise ValueError(explain(expected=expected, got=self.loop.batch_size, fix="Use 50, as the paper does."))

    def loop_of(self, arm: str) -> LoopConfig:
        """Return the optimisation of an arm."""
        return self.supervised if ARMS[arm].learns_from == "ram" else self.loop


def build_natural_model(
    arm: str, config: NaturalConfig, processor: Processor, *, num_slots: int, seed: int
) -> NaturalModel:
    """Build the model of an arm with the initial weights of a seed.

    Encoder and decoder of all arms of a seed start equal, and so do all random processors.

    Args:
        arm: name in `ARMS`.
        config: model.
        processor: the pre-trained one; it is copied, not changed. Random arms take only its config.
        num_slots: slots of the processor.
        seed: seed of the weights.

    Returns:
        The model, with a frozen processor where the arm wants one.

    Raises:
        ValueError: when the config of a pre-trained processor builds another class.
    """
    chosen: Arm = ARMS[arm]
    with initial_weights(derive(seed, "encoder")):
        encoder = config.encoder.build()
    with initial_weights(derive(seed, "decoder")):
        decoder = LatentDecoder(slot_dim=encoder.slot_dim, initialisation=config.decoder_initialisation)
    with initial_weights(derive(seed, "processor")):
        own: Processor = processor.config.build(num_slots)
    if chosen.processor == "pretrained":
        require_rebuilt(processor, own)
        own.load_state_dict(processor.state_dict())
    elif chosen.processor == "identity":
        _silence(own, num_slots)
    if chosen.misrouted:
        own = Misrouted(own, misleading_routes(encoder.num_slots, numpy_generator(seed, "routes")))
    model = NaturalModel(encoder, own, decoder, precision=config.precision)
    if chosen.frozen:
        freeze(own)
    return model


def _silence(processor: Processor, num_slots: int) -> None:
    """Set all weights to zero, which leaves the connection around the processor.

    Raises:
        ValueError: when the processor changes slots all the same.
    """
    with torch.no_grad():
        for parameter in processor.parameters():
            parameter.zero_()
        slots = torch.linspace(-1, 1, num_slots * processor.slot_dim).view(1, num_slots, processor.slot_dim)
        action = torch.zeros(1, dtype=torch.int64) if processor.num_actions else None
        if not torch.equal(processor(slots, action), slots):
            fix = "Let its update be linear in the last layer, or leave out the arm frozen_identity."
            got = f"{type(processor).__name__}, which changes slots with all weights zero"
            raise ValueError(explain(expected="a processor that can be silenced", got=got, fix=fix))


def train_encoder(
    arm: str,
    dataset: TransitionDataset,
    config: NaturalConfig,
    processor: Processor,
    *,
    seed: int = 0,
    device: str = "cpu",
    sink: Sink | None = None,
    on_step: OnStep | None = None,
    state_folder: Path | None = None,
    keep_state: bool = False,
) -> NaturalModel:
    """Train the encoder of one arm.

    Batches, permutations and initial weights depend on the seed only: arms of one seed are paired.

    Source: paper, section 5 (natural pipeline).

    Args:
        arm: name in `ARMS`.
        dataset: the training split, with gray frames of the encoder's size.
        config: model, objective and optimisation.
        processor: the pre-trained processor, also for arms that only take its shape.
        seed: seed of the weights, batches and negatives.
        device: where to train.
        sink: takes the records of the loss; they are dropped without one.
        on_step: told of progress.
        state_folder: where to keep the state to resume from.
        keep_state: whether the last state stays there, so that a repeated call finds everything done.

    Returns:
        The trained model, on `device`, in evaluation mode.

    Raises:
        ValueError: when the frames of the data set do not fit the encoder.
    """
    num_slots = dataset.ram.shape[1]
    model = build_natural_model(arm, config, processor, num_slots=num_slots, seed=seed).to(device)
    check_frames(model, dataset)
    calibrate(model, dataset, seed)
    if ARMS[arm].learns_from == "nothing":
        return model.eval()
    objective = build_objective(arm, dataset, config, model, seed).to(device)
    loop = config.loop_of(arm)
    order = batch_order(dataset, loop, seed)

    def batch(step: int) -> NaturalBatch:
        rows = dataset.batch(order.indices(step))
        arrays = (rows.pixels, rows.action, rows.next_pixels, order.permutation(step), rows.ram)
        return NaturalBatch(*(torch.from_numpy(array) for array in arrays))

    with Prefetcher(batch) as batches:

        def loss(step: int) -> LossTerms:
            terms: LossTerms = objective(model, NaturalBatch(*(part.to(device) for part in batches[step])))
            return terms

        parts = [model, objective]
        train(
            loss,
            parts,
            loop,
            seed=seed,
            sink=sink or MemorySink(),
            on_step=on_step,
            state_folder=state_folder,
            keep_state=keep_state,
        )
    return model.eval()


def batch_order(dataset: TransitionDataset, loop: LoopConfig, seed: int) -> BatchOrder:
    """Return the order of batches of a seed, equal for all of its arms."""
    return BatchOrder(num_items=len(dataset), batch_size=loop.batch_size, seed=derive(seed, "natural"))


def build_objective(
    arm: str, dataset: TransitionDataset, config: NaturalConfig, model: NaturalModel, seed: int
) -> Objective:
    """Build what an arm that learns minimises, with the initial weights of a seed."""
    if ARMS[arm].learns_from == "pixels":
        with initial_weights(derive(seed, "objective")):
            objective: Objective = config.objective.build()
        return Anchored(objective, model.processor, ARMS[arm].anchor) if ARMS[arm].anchor else objective
    share_of_ones = np.unpackbits(dataset.ram, axis=1).mean(axis=0)
    varying = torch.from_numpy((share_of_ones > 0) & (share_of_ones < 1))
    encoder = model.encoder
    with initial_weights(derive(seed, "supervised")):
        return SupervisedConfig().build(varying, encoder.num_slots * encoder.slot_dim)


def calibrate(model: NaturalModel, dataset: TransitionDataset, seed: int) -> None:
    """Let the encoder adapt to frames that the seed chooses, the same for all of its arms."""
    count = min(_CALIBRATION_FRAMES, dataset.num_frames)
    rows = numpy_generator(seed, "calibration").choice(dataset.num_frames, count, replace=False)
    pixels = dataset.frames(np.sort(rows)).pixels
    assert pixels is not None
    model.encoder.calibrate(torch.from_numpy(pixels).to(next(model.parameters()).device))


def check_frames(model: NaturalModel, dataset: TransitionDataset) -> None:
    """Refuse a data set whose frames do not fit the encoder, before any work starts.

    Raises:
        ValueError: when size or colours differ.
    """
    pixels = dataset.frames([0]).pixels
    assert pixels is not None
    shape = pixels.shape[1:]
    if shape != model.encoder.input_shape:
        height, width = model.encoder.input_shape[1:]
        raise ValueError(
            explain(
                expected=f"frames of shape {model.encoder.input_shape} for this encoder",
                got=f"frames of shape {tuple(shape)}",
                fix=f"Open the data set with size=({height}, {width}), gray=True.",
            )
        )
