"""A learning rate of their own for some parameters of an optimizer that Stable-Baselines3 owns."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils.hooks import RemovableHandle

_ATTACHED: WeakKeyDictionary[Optimizer, tuple[RemovableHandle, ...]] = WeakKeyDictionary()
"""The hooks of each optimizer, which has at most one pair: two would multiply."""


class ScaledUpdates:
    """Scales what each step of an optimizer does to some parameters, as if they had another learning rate.

    A parameter group would be the usual way, but Stable-Baselines3 writes the learning rate of the policy into all
    groups before each update, and a saved optimizer with two groups does not fit into the one that `load` makes.

    The steps of SGD, RMSprop and Adam are proportional to the learning rate while their statistics do not depend on it,
    so that the scaled step is that of the other learning rate, up to float32 rounding.

    Args:
        parameters: which ones.
        learning_rate: asked before each step.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], learning_rate: Callable[[], float]) -> None:
        self._parameters = list(parameters)
        self._learning_rate = learning_rate
        self._before: list[Tensor] = []

    def attach(self, optimizer: Optimizer) -> None:
        """Scale the steps of an optimizer from now on, in the place of what was attached to it before."""
        detach(optimizer)
        before = optimizer.register_step_pre_hook(self._remember)
        _ATTACHED[optimizer] = (before, optimizer.register_step_post_hook(self._scale))

    def _remember(self, *_: Any) -> None:
        self._before = [parameter.detach().clone() for parameter in self._parameters]

    @torch.no_grad()
    def _scale(self, optimizer: Optimizer, *_: Any) -> None:
        usual = float(optimizer.param_groups[0]["lr"])
        factor = self._learning_rate() / usual if usual else 0.0  # without a rate nothing has moved
        for parameter, before in zip(self._parameters, self._before, strict=True):
            parameter.copy_(before + factor * (parameter - before))
        self._before = []


def detach(optimizer: Optimizer) -> None:
    """Remove what `ScaledUpdates` attached to an optimizer, if anything."""
    for handle in _ATTACHED.pop(optimizer, ()):
        handle.remove()
