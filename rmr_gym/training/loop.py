"""The one training loop of both stages."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from rmr_gym.errors import NonFiniteLossError, explain
from rmr_gym.models import trainable_parameters
from rmr_gym.objectives import LossTerms
from rmr_gym.training.resume import RunState
from rmr_gym.training.sinks import Sink

OnStep = Callable[[int, int], None]
"""Told `(finished steps, all steps)` after every step; for progress bars."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LoopConfig:
    """Optimisation of one stage."""

    gradient_steps: int = 1_000
    """Number of updates."""

    batch_size: int = 50
    """Transitions per update (paper, appendix B)."""

    learning_rate: float = 1e-3
    """Step size of Adam (paper, appendix B)."""

    warmup_steps: int = 0
    """Updates over which the step size rises linearly. ours: none."""

    final_learning_rate_fraction: float = 1.0
    """Step size at the end as a fraction of the full one, reached along a cosine. ours: 1, no decay."""

    max_gradient_norm: float | None = None
    """Norm over all parameters to which larger gradients are shortened. ours: None, no limit."""

    log_every: int = 25
    """Updates between two records of the loss."""

    checkpoint_every: int = 500
    """Updates between two states to resume from."""

    def __post_init__(self) -> None:
        counts = (self.gradient_steps, self.batch_size, self.log_every, self.checkpoint_every)
        if min(counts) < 1 or self.warmup_steps < 0:
            raise ValueError(explain(expected="positive numbers of steps and samples", got=self, fix="Raise them."))
        if not (self.learning_rate > 0 and 0 <= self.final_learning_rate_fraction <= 1):
            expected = "learning_rate > 0 and final_learning_rate_fraction in [0, 1]"
            raise ValueError(explain(expected=expected, got=self, fix="Correct the number."))
        if self.max_gradient_norm is not None and not self.max_gradient_norm > 0:
            got, fix = self.max_gradient_norm, "Leave it out."
            raise ValueError(explain(expected="max_gradient_norm > 0, or None", got=got, fix=fix))

    def learning_rate_at(self, step: int) -> float:
        """Return the step size of update `step`, counted from 0."""
        warm = min(1.0, (step + 1) / (self.warmup_steps + 1))
        progress = step / max(1, self.gradient_steps - 1)
        low = self.final_learning_rate_fraction
        return self.learning_rate * warm * (low + (1 - low) * 0.5 * (1 + math.cos(math.pi * progress)))


def is_logged(config: LoopConfig, step: int) -> bool:
    """Tell whether the terms of an update, counted from 0, are written to the sink."""
    return step % config.log_every == 0 or step + 1 == config.gradient_steps


def train(
    loss: Callable[[int], LossTerms],
    modules: Sequence[nn.Module],
    config: LoopConfig,
    *,
    sink: Sink,
    on_step: OnStep | None = None,
    state_folder: Path | None = None,
) -> None:
    """Minimise a loss over the trainable parameters of some modules.

    Everything random must depend on the step number alone, not on how often `loss` was called: a run that was killed
    and resumed from `state_folder` then ends with the same weights as one that was not.

    Args:
        loss: maps the number of an update to its terms.
        modules: hold the parameters; frozen ones are left out of the optimizer.
        config: optimisation.
        sink: takes the terms of every `log_every`-th update.
        on_step: told of progress.
        state_folder: where to keep the state to resume from; none is kept without it.

    Raises:
        NonFiniteLossError: before the update that would have spoiled the weights.
    """
    optimizer = torch.optim.Adam(trainable_parameters(*modules), lr=config.learning_rate)
    state = RunState(state_folder, modules, optimizer) if state_folder else None
    start = state.restore() if state else 0
    sink.rewind(start)
    for step in range(start, config.gradient_steps):
        terms = loss(step)
        if not torch.isfinite(terms.total):
            raise NonFiniteLossError(
                explain(
                    expected=f"a finite loss at step {step}",
                    got=str({name: float(value) for name, value in terms.logged.items()}),
                    fix="Lower the learning rate, or look at the last records of the log.",
                )
            )
        optimizer.zero_grad(set_to_none=True)
        terms.total.backward()  # type: ignore[no-untyped-call]
        if config.max_gradient_norm is not None:
            torch.nn.utils.clip_grad_norm_(trainable_parameters(*modules), config.max_gradient_norm)
        for group in optimizer.param_groups:
            group["lr"] = config.learning_rate_at(step)
        optimizer.step()
        if is_logged(config, step):
            sink.write(
                step,
                {"loss": float(terms.total.detach()), **{name: float(term) for name, term in terms.logged.items()}},
            )
        if state and (step + 1) % config.checkpoint_every == 0 and step + 1 < config.gradient_steps:
            state.save(step + 1)
        if on_step:
            on_step(step + 1, config.gradient_steps)
    if state:
        state.discard()
