"""Abstract stage: learn on memory alone how the machine works."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Int64, UInt8
from torch import Tensor, nn

from rmr_gym.data import TransitionDataset
from rmr_gym.errors import explain
from rmr_gym.models import AbstractModel, unpack_bits
from rmr_gym.models.blocks import initial_weights
from rmr_gym.models.processors import MpnnConfig, ProcessorConfig
from rmr_gym.objectives import LossTerms, MaskedRamConfig, masked_ram_loss
from rmr_gym.seeding import derive
from rmr_gym.training.batches import BatchOrder
from rmr_gym.training.ensemble import Execution, Trainee, check_execution, train_side_by_side
from rmr_gym.training.loop import LoopConfig, OnStep, train
from rmr_gym.training.sinks import MemorySink, Sink


@dataclass(frozen=True, kw_only=True, slots=True)
class AbstractConfig:
    """How a processor is pre-trained."""

    processor: ProcessorConfig = field(default_factory=MpnnConfig)
    """Latent transition model."""

    objective: MaskedRamConfig = field(default_factory=MaskedRamConfig)
    """Loss of the mask and the bits."""

    loop: LoopConfig = field(default_factory=LoopConfig)
    """Optimisation."""


class AbstractLoss(nn.Module):
    """Model and objective of the abstract stage as one module, with the initial weights of a seed.

    Args:
        config: model and objective.
        num_slots: bytes of memory.
        seed: seed of the weights.
    """

    def __init__(self, config: AbstractConfig, *, num_slots: int, seed: int) -> None:
        super().__init__()
        with initial_weights(derive(seed, "abstract")):
            self.model = AbstractModel(config.processor.build(num_slots), num_slots=num_slots)
        self._objective = config.objective

    def forward(
        self, ram: UInt8[Tensor, "batch slot"], action: Int64[Tensor, " batch"], next_ram: UInt8[Tensor, "batch slot"]
    ) -> LossTerms:
        """Compute the loss of transitions of memory."""
        bits, next_bits = unpack_bits(ram), unpack_bits(next_ram)
        return masked_ram_loss(self.model(bits, action), bits, next_bits, self._objective)


def train_processor(
    dataset: TransitionDataset,
    config: AbstractConfig,
    *,
    seed: int = 0,
    device: str = "cpu",
    sink: Sink | None = None,
    on_step: OnStep | None = None,
    state_folder: Path | None = None,
    keep_state: bool = False,
) -> AbstractModel:
    """Train encoder, processor and decoder of the abstract pipeline on memory transitions.

    Source: paper, section 5 (abstract pipeline) and appendices B and F.

    Args:
        dataset: the training split; its pictures are not read.
        config: model, objective and optimisation.
        seed: seed of the weights and the batches.
        device: where to train.
        sink: takes the records of the loss; they are dropped without one.
        on_step: told of progress.
        state_folder: where to keep the state to resume from.
        keep_state: whether the last state stays there, so that a repeated call finds everything done.

    Returns:
        The trained model, on `device`, in evaluation mode.
    """
    loss = AbstractLoss(config, num_slots=dataset.ram.shape[1], seed=seed).to(device)
    batch = _batches(_transitions(dataset, device), config.loop, seed)
    train(
        lambda step: loss(*batch(step)),
        [loss.model],
        config.loop,
        seed=seed,
        sink=sink or MemorySink(),
        on_step=on_step,
        state_folder=state_folder,
        keep_state=keep_state,
    )
    return loss.model.eval()


def train_processors(
    seeds: Sequence[int],
    dataset: TransitionDataset,
    config: AbstractConfig,
    *,
    device: str = "cpu",
    execution: Execution = "auto",
    members_per_group: int | None = None,
    sinks: Mapping[int, Sink] | None = None,
    on_step: OnStep | None = None,
    state_folder: Path | None = None,
) -> dict[int, AbstractModel]:
    """Train the abstract pipeline with several seeds side by side, each to what `train_processor` makes of it.

    Args:
        seeds: seeds of weights and batches, each once.
        dataset: the training split; its pictures are not read.
        config: model, objective and optimisation.
        device: where to train.
        execution: whether members are computed in one pass or in turns; moves rounding only.
        members_per_group: most members in one pass, which bounds the memory for activations.
        sinks: take the records of the loss of each seed; those of seeds without one are dropped.
        on_step: told of progress.
        state_folder: where to keep the states to resume from; the same call continues there.

    Returns:
        The trained models by seed, on `device`, in evaluation mode.

    Raises:
        ValueError: when there are no seeds, or one twice, the execution is unknown, the bound is below 1, or the states
            are those of another training.
        NonFiniteLossError: before the update that would have spoiled the weights; names the seeds.
    """
    if not seeds or len(set(seeds)) < len(seeds):
        raise ValueError(explain(expected="at least one seed, and none twice", got=seeds, fix="Leave doubles out."))
    check_execution(execution, members_per_group)
    transitions = _transitions(dataset, device)
    losses = {seed: AbstractLoss(config, num_slots=dataset.ram.shape[1], seed=seed).to(device) for seed in seeds}
    trainees = [
        Trainee(
            name=f"seed {seed}",
            loss=loss,
            batch=_batches(transitions, config.loop, seed),
            seed=seed,
            sink=(sinks or {}).get(seed, MemorySink()),
            origin=f"{dataset.fingerprint} {config.processor} {config.objective}" if state_folder else "",
        )
        for seed, loss in losses.items()
    ]
    train_side_by_side(
        trainees,
        config.loop,
        execution=execution,
        members_per_group=members_per_group,
        on_step=on_step,
        state_folder=state_folder,
    )
    return {seed: loss.model.eval() for seed, loss in losses.items()}


class _Transitions(NamedTuple):
    """All transitions of a split, on the device of the networks."""

    ram: UInt8[Tensor, "transition slot"]
    action: Int64[Tensor, " transition"]
    next_ram: UInt8[Tensor, "transition slot"]


def _transitions(dataset: TransitionDataset, device: str) -> _Transitions:
    return _Transitions(*(torch.from_numpy(array).to(device) for array in dataset.ram_transitions()))


def _batches(transitions: _Transitions, loop: LoopConfig, seed: int) -> Callable[[int], tuple[Tensor, ...]]:
    """Return the function that picks the batch of a step, a function of the seed."""
    device = transitions.ram.device
    order = BatchOrder(num_items=len(transitions.ram), batch_size=loop.batch_size, seed=derive(seed, "abstract"))

    def batch(step: int) -> tuple[Tensor, ...]:
        rows = torch.from_numpy(order.indices(step)).to(device)
        return tuple(part[rows] for part in transitions)

    return batch


@torch.no_grad()
def predict_ram(
    model: AbstractModel, ram: UInt8[np.ndarray, "step slot"], action: np.ndarray, *, batch_size: int = 256
) -> tuple[UInt8[np.ndarray, "step slot"], Bool[np.ndarray, "step slot"]]:
    """Predict the next memory of many transitions.

    Args:
        model: a trained abstract model.
        ram: memory before the action.
        action: ALE action values.
        batch_size: transitions at a time.

    Returns:
        Predicted memory and the mask of bytes that the model overwrote.
    """
    device = next(model.parameters()).device
    predicted, overwritten = np.empty_like(ram), np.empty(ram.shape, bool)
    for start in range(0, len(ram), batch_size):
        part = slice(start, start + batch_size)
        bits = unpack_bits(torch.from_numpy(ram[part]).to(device))
        next_bits, mask = model.predict(bits, torch.from_numpy(action[part]).to(device))
        predicted[part] = np.packbits(next_bits.cpu().numpy(), axis=-1).squeeze(-1)
        overwritten[part] = mask.cpu().numpy()
    return predicted, overwritten
