"""Checkpoints of the abstract pipeline of bouncing balls: a processor, and beside it what it was trained between."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from rmr_gym.errors import explain
from rmr_gym.models.ball_models import InteractionModel, TrajectoryModel
from rmr_gym.models.blocks import initial_weights
from rmr_gym.models.checkpoint import build_module, load_processor, save_module, save_processor
from rmr_gym.models.documents import read_checkpoint
from rmr_gym.models.processors.interaction_network import InteractionNetwork
from rmr_gym.models.trajectory_coder import TrajectoryCoder, TrajectoryCoderConfig

_KIND, _FOLDER, _PROCESSOR = "trajectory coder", "trajectory_coder", "processor."


def save_trajectory_model(
    model: TrajectoryModel | InteractionModel, folder: str | Path, *, num_balls: int, **facts: Any
) -> Path:
    """Write the processor as `save_processor` does, and encoder, decoder and units into a folder in that one.

    Args:
        model: trained or not; an `InteractionModel` is its processor alone.
        folder: made if it does not exist; `trajectory_coder` lies in it.
        num_balls: balls that it was trained on.
        **facts: JSON values kept beside each config (world, seed, ...).

    Returns:
        The folder.
    """
    if isinstance(model, TrajectoryModel):
        config = TrajectoryCoderConfig(
            slot_dim=model.processor.slot_dim,
            output_dim=model.processor.output_dim,
            history=model.history,
            predicts=model.predicts,
            standardise=model.standardise,
        )
        with initial_weights(0):  # which are replaced; the global generator stays where it is
            coder = config.build()
        weights = model.state_dict()
        coder.load_state_dict({name: weights[name] for name in coder.state_dict()})
        save_module(coder, Path(folder, _FOLDER), _KIND, {}, facts)
    return save_processor(model.processor, folder, num_slots=num_balls, **facts)


def load_trajectory_model(
    folder: str | Path, *, device: str | torch.device = "cpu"
) -> TrajectoryModel | InteractionModel:
    """Read the abstract pipeline from the folder `processor` of `rmr-gym balls`, or one of `save_trajectory_model`.

    Raises:
        CorruptFileError: when a file is damaged, truncated or was changed.
        ValueError: when the folder holds none, or the processor alone.
    """
    processor, source = load_processor(folder), Path(folder, _FOLDER)
    if isinstance(processor, InteractionNetwork):
        return InteractionModel(processor).eval().to(device)
    if not source.exists():
        fix = "An earlier version wrote the processor alone: repeat `rmr-gym balls pretrain` with another --out."
        got = "the processor alone"
        raise ValueError(explain(expected=f"encoder and decoder of positions in {source}", got=got, fix=fix))
    coder: TrajectoryCoder = build_module(source, read_checkpoint(source, _KIND))
    config = coder.config
    with initial_weights(0):  # which are replaced; the global generator stays where it is
        model = TrajectoryModel(
            processor, history=config.history, predicts=config.predicts, standardise=config.standardise
        )
    inside = {f"{_PROCESSOR}{name}": value for name, value in processor.state_dict().items()}
    model.load_state_dict(coder.state_dict() | inside)
    return model.eval().to(device)
