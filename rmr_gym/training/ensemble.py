"""Many trainings of equal structure in one process: on a GPU in one pass, on a CPU in turns."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from rmr_gym.errors import explain, require_choice
from rmr_gym.objectives import LossTerms
from rmr_gym.training.loop import Group, GroupTerms, LoopConfig, OnStep, drawing_its_own, is_logged, train_groups
from rmr_gym.training.optimizers import OptimizerName
from rmr_gym.training.sinks import Sink
from rmr_gym.training.stacking import Stack

Execution = Literal["auto", "stacked", "unfolded", "in_turn"]
"""How members are computed. `stacked`: in one pass over stacked weights. `unfolded`: likewise, with convolutions as
batched matrix products. `in_turn`: one after another in every update. `auto`: what is fastest on the device."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Trainee:
    """One member of an ensemble."""

    name: str
    """What errors call it."""

    loss: nn.Module
    """Maps the tensors of a batch to `LossTerms`; holds everything that is trained or frozen. On its device."""

    batch: Callable[[int], Sequence[Tensor]]
    """Returns the batch of an update; trainees of one seed may share the function and what it returns."""

    seed: int
    """Of what the loss draws by itself; see `train`."""

    sink: Sink
    """Takes the records of the loss."""

    structure: Hashable = None
    """Equal for members that differ in the values of their weights only; only those can be stacked."""

    origin: str = ""
    """What its weights come from beside `LoopConfig`, in any words; states of another origin are not continued."""


def train_side_by_side(
    trainees: Sequence[Trainee],
    config: LoopConfig,
    *,
    execution: Execution = "auto",
    members_per_group: int | None = None,
    on_step: OnStep | None = None,
    state_folder: Path | None = None,
    keep_state: bool = False,
) -> None:
    """Train members update by update; each ends with the weights that it would have reached alone, up to rounding.

    Args:
        trainees: at least one; their modules are trained in place.
        config: optimisation, the same for all.
        execution: how they are computed; moves rounding only.
        members_per_group: most members in one pass, which bounds the memory for activations; None for no bound.
        on_step: told of progress.
        state_folder: where to keep the state to resume from, in a folder that is named after members and execution, so
            that no other ensemble continues from it. More `gradient_steps` go on with it.
        keep_state: whether the last state stays there, so that a repeated call finds everything done.

    Raises:
        ValueError: when the execution is unknown, the bound is below 1, or there is a state of a longer training, or of
            one with another optimisation or origin.
        NonFiniteLossError: before the update that would have spoiled weights; names the members.
    """
    check_execution(execution, members_per_group)
    device = next(trainees[0].loss.parameters()).device
    chosen = chosen_execution(execution, device, config.optimizer)
    stacks: list[Stack] = []
    groups: list[Group] = []
    for members in _grouped(trainees, 1 if chosen == "in_turn" else members_per_group):
        if len(members) == 1:
            groups.append(_alone(members[0]))
        else:
            stacks.append(Stack([member.loss for member in members], unfold=chosen == "unfolded"))
            groups.append(_stacked(stacks[-1], members, config))
    names = "\n".join(" + ".join(group.names) for group in groups)
    folder = state_folder and state_folder / hashlib.sha256(f"{chosen}\n{names}".encode()).hexdigest()[:16]
    optimisation = replace(config, gradient_steps=1, log_every=1, checkpoint_every=1)  # these may change on the way
    origin = "\n".join([repr(optimisation), *(trainee.origin for trainee in trainees)])
    train_groups(groups, config, on_step=on_step, state_folder=folder, keep_state=keep_state, origin=origin)
    for stack in stacks:
        stack.write_back()


def check_execution(execution: str, members_per_group: int | None) -> None:
    """Refuse a way to compute members that there is not, whether or not it would matter on this device.

    Raises:
        ValueError: when the execution is unknown or the bound is below 1.
    """
    require_choice("execution", execution, get_args(Execution))
    if members_per_group is not None and members_per_group < 1:
        fix = "Leave it out for no bound."
        raise ValueError(explain(expected="members_per_group of at least 1", got=members_per_group, fix=fix))


def chosen_execution(execution: str, device: torch.device, optimizer: OptimizerName = "adam") -> str:
    """Return what `auto` means on a device, and every other execution as it is.

    Raises:
        ValueError: when the execution is unknown.
    """
    require_choice("execution", execution, get_args(Execution))
    if execution != "auto":
        return execution
    if optimizer != "adam":
        return "in_turn"  # others cannot train stacked weights, see `make_optimizers`
    # Two CPU cores, four `rmr` members at 84x84, batch 50: 0.55 s in turn, 0.59 s stacked, 0.70 s unfolded. One member
    # keeps a CPU busy already, whereas a GPU idles on the small products of one.
    return "stacked" if device.type == "cuda" else "in_turn"


def _grouped(trainees: Sequence[Trainee], limit: int | None) -> list[list[Trainee]]:
    """Put members of equal structure together, in their order, at most `limit` of them."""
    by_structure: dict[Hashable, list[Trainee]] = {}
    for trainee in trainees:
        by_structure.setdefault(trainee.structure, []).append(trainee)
    return [
        members[start : start + (limit or len(members))]
        for members in by_structure.values()
        for start in range(0, len(members), limit or len(members))
    ]


def _alone(member: Trainee) -> Group:
    def terms(step: int) -> LossTerms:
        found: LossTerms = member.loss(*member.batch(step))
        return found

    loss = drawing_its_own(terms, member.seed, next(member.loss.parameters()).device)
    return Group(loss=loss, modules=[member.loss], sinks=[member.sink], names=[member.name])


def _stacked(stack: Stack, members: Sequence[Trainee], config: LoopConfig) -> Group:
    def loss(step: int) -> GroupTerms:
        terms: GroupTerms = stack([member.batch(step) for member in members], with_logged=is_logged(config, step))
        return terms

    sinks, names = [member.sink for member in members], [member.name for member in members]
    return Group(loss=loss, modules=[stack], sinks=sinks, names=names, stacked=True)
