"""What the configs share of agents that look through an encoder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rmr_gym.sb3.training.networks import Weights, check_path, put_encoder
from rmr_gym.sb3.training.observing import ObservingConfig
from rmr_gym.sb3.training.tasks import Task

PROJECTION = 64
"""Usual width of the trained layer behind the features. ours: behind all slots of four pictures these are 2.1 million
weights, as against the 1.7 million of `NatureCNN`; with its 512 a training would be slower than one from scratch."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PretrainedConfig(ObservingConfig):
    """Base of the configs of features of an encoder."""

    path: str
    """Folder of the encoder, as `rmr-gym train` and `rmr-gym balls` write it."""

    weights: Weights = "trained"
    """Those of the folder, or "random": an encoder of the same architecture, drawn from the seed of the agent, whose
    outputs are brought to their `output_std`, where it has one, by random play of the task: the arm untrained."""

    net_arch: tuple[int, ...] = ()
    """Widths of further layers, of actor and critic each."""

    def __post_init__(self) -> None:
        """Refuse a folder without a name."""
        check_path(self.path)

    def prepare(self, folder: Path, seed: int, task: Task) -> dict[str, str]:
        """Copy the encoder, or draw one."""
        return {"encoder": put_encoder(self.path, folder, self.weights, seed, task)}
