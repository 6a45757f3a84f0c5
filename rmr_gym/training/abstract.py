"""Abstract stage: learn on memory alone how the machine works."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, UInt8

from rmr_gym.data import TransitionDataset
from rmr_gym.models import AbstractModel, unpack_bits
from rmr_gym.models.blocks import initial_weights
from rmr_gym.models.processors import MpnnConfig, ProcessorConfig
from rmr_gym.objectives import LossTerms, MaskedRamConfig, masked_ram_loss
from rmr_gym.seeding import derive
from rmr_gym.training.batches import BatchOrder
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


def train_processor(
    dataset: TransitionDataset,
    config: AbstractConfig,
    *,
    seed: int = 0,
    device: str = "cpu",
    sink: Sink | None = None,
    on_step: OnStep | None = None,
    state_folder: Path | None = None,
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

    Returns:
        The trained model, on `device`, in evaluation mode.
    """
    ram, action, next_ram = (torch.from_numpy(array).to(device) for array in dataset.ram_transitions())
    with initial_weights(derive(seed, "abstract")):
        model = AbstractModel(config.processor.build(ram.shape[1]), num_slots=ram.shape[1]).to(device)
    order = BatchOrder(num_items=len(ram), batch_size=config.loop.batch_size, seed=derive(seed, "abstract"))

    def loss(step: int) -> LossTerms:
        rows = torch.from_numpy(order.indices(step)).to(device)
        bits, next_bits = unpack_bits(ram[rows]), unpack_bits(next_ram[rows])
        return masked_ram_loss(model(bits, action[rows]), bits, next_bits, config.objective)

    train(loss, [model], config.loop, sink=sink or MemorySink(), on_step=on_step, state_folder=state_folder)
    return model.eval()


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
