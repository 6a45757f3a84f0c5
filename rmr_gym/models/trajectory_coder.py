"""What a trajectory model has around its processor, as a checkpoint keeps it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from rmr_gym.models.ball_models import COORDINATES, UNITS, Prediction


@dataclass(frozen=True, kw_only=True, slots=True)
class TrajectoryCoderConfig:
    """Arguments of a `TrajectoryModel`, and the widths of its processor."""

    slot_dim: int
    """Width of a slot that the encoder makes."""

    output_dim: int
    """Width of a slot that the decoder is given."""

    history: int
    """Positions in a window."""

    predicts: Prediction
    """As in `TrajectoryModel`."""

    standardise: bool
    """As in `TrajectoryModel`."""

    def build(self) -> TrajectoryCoder:
        """Build encoder, decoder and units."""
        return TrajectoryCoder(self)


class TrajectoryCoder(nn.Module):
    """Encoder, decoder and units of a `TrajectoryModel`, under the names that they have there.

    Args:
        config: sizes and meaning.
    """

    def __init__(self, config: TrajectoryCoderConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = nn.Linear(COORDINATES * config.history, config.slot_dim)
        self.decoder = nn.Linear(config.output_dim, COORDINATES)
        for name in UNITS if config.standardise else ():
            self.register_buffer(name, torch.ones(()))
