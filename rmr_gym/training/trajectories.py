"""Abstract stage of bouncing balls: learn from trajectories alone how balls move."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import torch
from jaxtyping import Float
from torch import Tensor

from rmr_gym.counts import as_count
from rmr_gym.data import TransitionDataset
from rmr_gym.errors import explain
from rmr_gym.models import trajectory_model
from rmr_gym.models.ball_models import InteractionModel, Prediction, TrajectoryModel
from rmr_gym.models.blocks import initial_weights
from rmr_gym.models.processors import BallProcessorConfig, MpnnConfig
from rmr_gym.objectives import LossTerms
from rmr_gym.seeding import derive
from rmr_gym.training.batches import BatchOrder
from rmr_gym.training.loop import LoopConfig, OnStep, is_logged, train
from rmr_gym.training.sinks import MemorySink, Sink

_EVERY_NTH = 20  # window of the held-out ones, which overlap, for the loss during training


def paper_mpnn() -> MpnnConfig:
    """Return the processor of the paper's balls (appendix A): two passes, 128 numbers per ball."""
    return MpnnConfig(slot_dim=128, num_passes=2, reduction="sum")


def paper_loop() -> LoopConfig:
    """Return the optimisation of both stages of the paper's balls (appendix A); it counts epochs, not updates."""
    return LoopConfig(gradient_steps=50_000, batch_size=512, learning_rate=1e-4)


@dataclass(frozen=True, kw_only=True, slots=True)
class TrajectoryConfig:
    """How a processor is pre-trained on positions."""

    MEANT_BEFORE = MappingProxyType({"standardise": False, "unroll_steps": 1, "unrolled_fraction": 0.1})
    """What it means that a field is absent from a document that was written before the field existed."""

    processor: BallProcessorConfig = field(default_factory=paper_mpnn)
    """Latent transition model (paper, appendix A: MPNN, 2 passes, width 128). ours: messages are summed, as forces."""

    predicts: Prediction = "position"
    """What the decoder's numbers are: the next position (paper), or what it adds to the last one or to constant
    velocity."""

    standardise: bool = False
    """Whether encoder and decoder count in units of what positions, steps and the decoder's numbers usually are."""

    unroll_steps: int = 1
    """Steps ahead that the last updates learn, each from the predictions before it (paper: 1, none but the next)."""

    unrolled_fraction: float = 0.1
    """Share of the updates that learn `unroll_steps` steps, each of which costs as much as an update. ours"""

    loop: LoopConfig = field(default_factory=paper_loop)
    """Optimisation (paper, appendix A: batches of 512, learning rate 1e-4, 10,000 epochs)."""

    def __post_init__(self) -> None:
        """Refuse numbers out of their range."""
        as_count("unroll_steps", self.unroll_steps)
        if not 0 <= self.unrolled_fraction <= 1:
            got, fix = self.unrolled_fraction, "Leave it at 0.1."
            raise ValueError(explain(expected="unrolled_fraction in 0..1", got=got, fix=fix))

    def steps_ahead(self, step: int) -> int:
        """Return how many steps ahead an update learns, counted from 0."""
        plain = self.loop.gradient_steps - round(self.unrolled_fraction * self.loop.gradient_steps)
        return 1 if step < plain else self.unroll_steps


def train_trajectory_model(
    dataset: TransitionDataset,
    config: TrajectoryConfig,
    *,
    held_out: TransitionDataset | None = None,
    seed: int = 0,
    device: str = "cpu",
    sink: Sink | None = None,
    on_step: OnStep | None = None,
    state_folder: Path | None = None,
    keep_state: bool = False,
) -> TrajectoryModel | InteractionModel:
    """Train encoder, processor and decoder of the abstract pipeline on windows of positions.

    The loss is the mean squared error in network units, in which the box reaches from -1 to 1. The `validation_loss` is
    that of the next position throughout.

    Source: paper, section 4 and appendix A (abstract pipeline).

    Args:
        dataset: the training split of bouncing balls; its `history` is that of the windows, its pictures are not read.
        config: model and optimisation.
        held_out: validation split, opened like `dataset`; with it every record holds a `validation_loss`, too.
        seed: seed of the weights and the batches.
        device: where to train.
        sink: takes the records of the loss; they are dropped without one.
        on_step: told of progress.
        state_folder: where to keep the state to resume from.
        keep_state: whether the last state stays there, so that a repeated call finds everything done.

    Returns:
        The trained model, on `device`, in evaluation mode.
    """
    lengths = {1, config.unroll_steps}
    windows = {length: _windows(dataset, device, length) for length in lengths}
    validation = None if held_out is None else _windows(held_out, device)[::_EVERY_NTH]
    num_balls = windows[1].shape[2]
    with initial_weights(derive(seed, "trajectories")):
        processor = config.processor.build(num_balls, num_actions=0)
        model = trajectory_model(
            processor, history=dataset.history, predicts=config.predicts, standardise=config.standardise
        ).to(device)
    if isinstance(model, TrajectoryModel):
        model.measure_units(windows[1])
    orders = {
        length: BatchOrder(num_items=len(those), batch_size=config.loop.batch_size, seed=derive(seed, "trajectories"))
        for length, those in windows.items()
    }

    def loss(step: int) -> LossTerms:
        length = config.steps_ahead(step)
        terms = position_loss(model, windows[length][torch.from_numpy(orders[length].indices(step)).to(device)])
        if validation is None or not is_logged(config.loop, step):
            return LossTerms(terms)
        with torch.no_grad():
            return LossTerms(terms, {"validation_loss": position_loss(model, validation)})

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


def position_loss(
    model: TrajectoryModel | InteractionModel, windows: Float[Tensor, "batch time slot 2"]
) -> Float[Tensor, ""]:
    """Return the mean squared error per coordinate of the states of windows that come after the model's history.

    The first of them is predicted from what is given, each later one from the predictions before it, too.
    """
    state, errors = windows[:, : model.history], []
    for true in windows[:, model.history :].unbind(dim=1):
        predicted = model(state)
        errors.append((predicted - true).square().mean())
        state = torch.cat([state[:, 1:], predicted.unsqueeze(1)], dim=1)
    return torch.stack(errors).mean()


def _windows(dataset: TransitionDataset, device: str, num_steps: int = 1) -> Float[Tensor, "window time slot 2"]:
    """Return all windows in network units."""
    return torch.from_numpy(dataset.state_windows(num_steps)).to(device) * network_scale(dataset)


def network_scale(dataset: TransitionDataset) -> float:
    """Return what positions in metres are multiplied with for the networks: the walls are then at -1 and 1."""
    return 2.0 / dataset.balls.box_size
