"""The one training loop of all stages, for one model and for several side by side."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from rmr_gym.errors import NonFiniteLossError, explain
from rmr_gym.models import trainable_parameters
from rmr_gym.models.blocks import seeded_draws
from rmr_gym.objectives import LazyTerms, LossTerms
from rmr_gym.seeding import derive
from rmr_gym.training.optimizers import OptimizerName, make_optimizers
from rmr_gym.training.resume import RunState
from rmr_gym.training.sinks import Record, Sink

OnStep = Callable[[int, int], None]
"""Told `(finished steps, all steps)` after every step; for progress bars."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LoopConfig:
    """Optimisation of one stage."""

    MEANT_BEFORE = MappingProxyType({"optimizer": "adam", "weight_decay": None})
    """What it means that a field is absent from a document that was written before the field existed."""

    gradient_steps: int = 1_000
    """Number of updates."""

    batch_size: int = 50
    """Transitions per update (paper, appendix B)."""

    optimizer: OptimizerName = "adam"
    """What turns gradients into updates: "adam" (paper), or "muon" for the matrices and Adam for the rest."""

    learning_rate: float = 1e-3
    """Step size of the optimizer (paper, appendix B)."""

    weight_decay: float | None = None
    """Share of a weight that an update takes away, in units of the step size (paper: none). ours: None, 0.1 for the
    matrices of Muon, which else grow in directions that the data never use, and 0 for Adam."""

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
        if self.weight_decay is not None and not 0 <= self.weight_decay < math.inf:
            got, fix = self.weight_decay, "Leave it out."
            raise ValueError(explain(expected="a finite weight_decay >= 0, or None", got=got, fix=fix))
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


@dataclass(frozen=True, slots=True)
class GroupTerms:
    """Loss terms of the members of a group."""

    total: Float[Tensor, " ensemble"]
    """What each member minimises."""

    logged: Mapping[str, Float[Tensor, " ensemble"]] = field(default_factory=dict)
    """Parts and monitors, detached, by name; read only on updates that are logged, and for errors."""

    @classmethod
    def of_one(cls, terms: LossTerms) -> GroupTerms:
        """Make a group of the terms of one model; what is logged is not looked at before it is read."""
        logged = LazyTerms(lambda: {name: term.unsqueeze(0) for name, term in terms.logged.items()})
        return cls(terms.total.unsqueeze(0), logged)

    def records(self) -> list[Record]:
        """Return the numbers of each member, with its `loss`."""
        columns = {name: values.tolist() for name, values in {"loss": self.total, **self.logged}.items()}
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """Members whose losses are computed in one pass: a single model, or several with stacked parameters."""

    loss: Callable[[int], GroupTerms]
    """Maps the number of an update to the terms."""

    modules: Sequence[nn.Module]
    """Hold the parameters; frozen ones are left out of the optimizer."""

    sinks: Sequence[Sink]
    """Take the terms of every `log_every`-th update, one for each member."""

    names: Sequence[str] = ("",)
    """What an error calls each member; empty for a model that is alone."""

    stacked: bool = False
    """Whether the first axis of every trainable parameter counts the members."""


def drawing_its_own(loss: Callable[[int], LossTerms], seed: int, device: torch.device) -> Callable[[int], GroupTerms]:
    """Let a loss that draws random numbers by itself, by dropout for instance, draw them from its seed and the update.

    So a training is repeated and resumed exactly, and trainings of one seed are paired, with modules that draw, too.

    Args:
        loss: maps the number of an update to its terms.
        seed: of the training.
        device: where the modules are.
    """

    def terms(step: int) -> GroupTerms:
        with seeded_draws(derive(seed, "forward", step), device):
            return GroupTerms.of_one(loss(step))

    return terms


def train(
    loss: Callable[[int], LossTerms],
    modules: Sequence[nn.Module],
    config: LoopConfig,
    *,
    seed: int,
    sink: Sink,
    on_step: OnStep | None = None,
    state_folder: Path | None = None,
    keep_state: bool = False,
) -> None:
    """Minimise a loss over the trainable parameters of some modules.

    Everything random must depend on the step number alone, not on how often `loss` was called: a run that was killed
    and resumed from `state_folder` then ends with the same weights as one that was not.

    Args:
        loss: maps the number of an update to its terms.
        modules: hold the parameters; frozen ones are left out of the optimizer.
        config: optimisation.
        seed: of what modules draw from PyTorch's global generators, such as dropout; the others are left alone.
        sink: takes the terms of every `log_every`-th update.
        on_step: told of progress.
        state_folder: where to keep the state to resume from; none is kept without it.
        keep_state: whether the last state stays there, so that a repeated call finds everything done.

    Raises:
        ValueError: when there is a state of a longer training.
        NonFiniteLossError: before the update that would have spoiled the weights.
    """
    device = next(parameter.device for module in modules for parameter in module.parameters())
    group = Group(loss=drawing_its_own(loss, seed, device), modules=modules, sinks=[sink])
    train_groups([group], config, on_step=on_step, state_folder=state_folder, keep_state=keep_state)


def train_groups(
    groups: Sequence[Group],
    config: LoopConfig,
    *,
    on_step: OnStep | None = None,
    state_folder: Path | None = None,
    keep_state: bool = False,
    origin: str | None = None,
) -> None:
    """Minimise the losses of all members of all groups update by update, each member as if it were alone.

    A loss depends on its own member only, optimizers treat every parameter by itself, and gradients are shortened
    member by member. Activations of one group at a time are held.

    Args:
        groups: what is trained; in every update their losses are computed one after another.
        config: optimisation, the same for all.
        on_step: told of progress.
        state_folder: where to keep the state to resume from; none is kept without it.
        keep_state: whether the last state stays there, so that a repeated call finds everything done.
        origin: see `RunState`.

    Raises:
        ValueError: when there is a state of a longer training, or of another origin, or the optimizer cannot train
            stacked members.
        NonFiniteLossError: before the update that would have spoiled the weights; names the members.
    """
    modules = [module for group in groups for module in group.modules]
    parameters = list(trainable_parameters(*modules))
    optimizers = make_optimizers(
        config.optimizer,
        parameters,
        learning_rate=config.learning_rate,
        weight_decay=config.weight_decay,
        stacked=any(group.stacked for group in groups),
    )
    state = RunState(state_folder, modules, optimizers, origin) if state_folder else None
    sinks = [sink for group in groups for sink in group.sinks]
    start = state.restore(lambda step: _rewind(sinks, config, step)) if state else 0
    if not start:
        _rewind(sinks, config, 0)
    for step in range(start, config.gradient_steps):
        for optimizer in optimizers:
            optimizer.zero_grad(set_to_none=True)
        terms = [_backward(group, step) for group in groups]
        _require_finite(groups, terms, parameters, step)
        if config.max_gradient_norm is not None:
            _shorten_gradients(groups, config.max_gradient_norm)
        for optimizer in optimizers:
            for parameter_group in optimizer.param_groups:
                parameter_group["lr"] = config.learning_rate_at(step)
            optimizer.step()
        if is_logged(config, step):
            for (_, sink), record in _by_member(groups, terms):
                sink.write(step, record)
        last = step + 1 == config.gradient_steps
        if state and (keep_state if last else (step + 1) % config.checkpoint_every == 0):
            state.save(step + 1)
        if on_step:
            on_step(step + 1, config.gradient_steps)
    if state and not keep_state:
        state.discard()


def _rewind(sinks: Sequence[Sink], config: LoopConfig, start: int) -> bool:
    """Let the logs forget what comes again, and say whether they hold all that comes before.

    They do not where a crash cost a log more than the state beside it, or where an encoder was trained alone for a
    while and then goes on in an ensemble: that is to start where its log does.
    """
    if start > config.gradient_steps:
        fix = "Remove the folder of the states, or pass another: they are those of a longer training."
        raise ValueError(explain(expected=f"states of at most {config.gradient_steps} updates", got=start, fix=fix))
    expected = sum(is_logged(config, step) for step in range(start))
    return all(left is None or left == expected for left in [sink.rewind(start) for sink in sinks])


def _backward(group: Group, step: int) -> GroupTerms:
    """Compute the gradients of a group, and return its terms without the graph behind them."""
    terms = group.loss(step)
    terms.total.sum().backward()  # type: ignore[no-untyped-call]
    return GroupTerms(terms.total.detach(), terms.logged)


def _by_member(groups: Sequence[Group], terms: Sequence[GroupTerms]) -> list[tuple[tuple[str, Sink], Record]]:
    """Return name, sink and numbers of every member; on a GPU this waits for it."""
    members = [member for group in groups for member in zip(group.names, group.sinks, strict=True)]
    return list(zip(members, (record for part in terms for record in part.records()), strict=True))


def _require_finite(
    groups: Sequence[Group], terms: Sequence[GroupTerms], parameters: Sequence[nn.Parameter], step: int
) -> None:
    """Refuse losses and gradients that would spoil weights; on a GPU this waits for it, once."""
    losses = torch.cat([part.total for part in terms])
    # Largest entries, since squares of finite gradients can overflow.
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    largest = torch.nn.utils.get_total_norm(gradients, torch.inf)
    if torch.cat([losses, largest.view(1)]).isfinite().all():
        return
    what, finite = "loss", losses.isfinite()
    if finite.all():
        what, finite = "gradient", torch.cat([_finite_gradients(group) for group in groups])
    members = zip(_by_member(groups, terms), finite.tolist(), strict=True)
    failed = [(name, record) for ((name, _), record), good in members if not good]
    names = "; ".join(name for name, _ in failed)
    raise NonFiniteLossError(
        explain(
            expected=f"a finite {what}{f' of {names},' if names else ''} at step {step}",
            got="; ".join(str(record) for _, record in failed),
            fix="Lower the learning rate, or look at the last records of the log.",
        )
    )


def _finite_gradients(group: Group) -> Bool[Tensor, " ensemble"]:
    """Tell of each member whether its whole gradient is finite."""
    gradients = [parameter.grad for parameter in trainable_parameters(*group.modules) if parameter.grad is not None]
    return torch.stack([part.isfinite().reshape(len(group.names), -1).all(dim=1) for part in gradients]).all(dim=0)


def _shorten_gradients(groups: Sequence[Group], limit: float) -> None:
    """Shorten the gradient of each member to the limit."""
    for group in groups:
        parameters = list(trainable_parameters(*group.modules))
        if not group.stacked:
            torch.nn.utils.clip_grad_norm_(parameters, limit)
            continue
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        rows = [gradient.reshape(len(gradient), -1) for gradient in gradients]
        per_tensor = torch.stack([torch.linalg.vector_norm(row, dim=1) for row in rows])
        factor = (limit / (torch.linalg.vector_norm(per_tensor, dim=0) + 1e-6)).clamp_max(1)  # 1e-6 as clip_grad_norm_
        for gradient in gradients:
            gradient.mul_(factor.view(-1, *[1] * (gradient.dim() - 1)))
