"""What turns gradients into updates, by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Literal

import torch
from torch import nn
from torch.optim import Optimizer

from rmr_gym.errors import explain

OptimizerName = Literal["adam", "muon"]

_WEIGHT_DECAY: Mapping[OptimizerName, float] = MappingProxyType({"adam": 0.0, "muon": 0.1})
"""What is taken where a config says nothing. The updates of Muon let a matrix grow in all directions alike, even in
those that the data never use: behind another encoder a processor then turns small slots into huge ones (measured, see
docs/balls.md)."""


def make_optimizers(
    name: OptimizerName,
    parameters: Sequence[nn.Parameter],
    *,
    learning_rate: float,
    weight_decay: float | None = None,
    stacked: bool = False,
) -> list[Optimizer]:
    """Make what updates some parameters; each gets its update from exactly one of the optimizers.

    "adam" treats every number by itself. "muon" makes the update of a matrix as orthogonal as can be, so that it moves
    all directions alike and not only those with large gradients; what is no matrix stays with Adam. Its steps are
    scaled to the size of Adam's, so one learning rate serves both, several times that of Adam alone.

    Source: Adam: paper, appendix B. Muon: ours, the class of PyTorch; its scale is that of Liu et al., "Muon is
    scalable for LLM training", 2025.

    Args:
        name: which.
        parameters: what is trained.
        learning_rate: step size.
        weight_decay: share of a weight that an update takes away, in units of the learning rate and apart from the
            gradient; with Muon only of the matrices. Without it 0 for Adam and 0.1 for Muon.
        stacked: whether the first axis of every parameter counts members of an ensemble.

    Raises:
        ValueError: when Muon is asked for stacked parameters: it treats whole matrices, and these hold several.
    """
    decay = _WEIGHT_DECAY[name] if weight_decay is None else weight_decay
    if name == "adam":
        return [torch.optim.Adam(parameters, lr=learning_rate, weight_decay=decay, decoupled_weight_decay=True)]
    if stacked:
        fix = "Train the members in turn, or take Adam."
        raise ValueError(explain(expected="Adam for weights that are stacked", got=name, fix=fix))
    matrices = [parameter for parameter in parameters if parameter.dim() == 2]
    others = [parameter for parameter in parameters if parameter.dim() != 2]
    optimizers: list[Optimizer] = []
    if matrices:
        muon = torch.optim.Muon(matrices, lr=learning_rate, weight_decay=decay, adjust_lr_fn="match_rms_adamw")
        optimizers.append(muon)
    if others:
        optimizers.append(torch.optim.Adam(others, lr=learning_rate))
    return optimizers
