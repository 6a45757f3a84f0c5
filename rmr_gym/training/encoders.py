"""Natural stage of many arms and seeds of one game at once."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from torch import Tensor, nn

from rmr_gym.data import TransitionDataset
from rmr_gym.errors import explain
from rmr_gym.models import NaturalModel, Processor, fingerprint
from rmr_gym.objectives import LossTerms, NaturalBatch, Objective
from rmr_gym.training.arms import ARMS
from rmr_gym.training.ensemble import Execution, Trainee, check_execution, train_side_by_side
from rmr_gym.training.loop import LoopConfig, OnStep
from rmr_gym.training.natural import (
    NaturalConfig,
    batch_order,
    build_natural_model,
    build_objective,
    calibrate,
    check_frames,
)
from rmr_gym.training.seed_batches import Frames, SeedBatches, check_frame_place, transition_reader
from rmr_gym.training.sinks import MemorySink, Sink

ENSEMBLE_FOLDER = "ensemble"
"""Folder of the states to resume from, inside of the one that is passed."""


class Member(NamedTuple):
    """One training of the natural stage."""

    arm: str
    """Name in `ARMS`."""

    seed: int
    """Seed of weights, batches and negatives."""

    def __str__(self) -> str:
        return f"{self.arm}, seed {self.seed}"


class NaturalLoss(nn.Module):
    """Model and objective as one module, so that both are stacked.

    Args:
        model: the pipeline.
        objective: its loss.
    """

    def __init__(self, model: NaturalModel, objective: Objective) -> None:
        super().__init__()
        self.model = model
        self.objective = objective

    def forward(self, *batch: Tensor) -> LossTerms:
        """Compute the loss of the parts of a `NaturalBatch`."""
        terms: LossTerms = self.objective(self.model, NaturalBatch(*batch))
        return terms


def train_encoders(
    members: Sequence[Member],
    dataset: TransitionDataset,
    config: NaturalConfig,
    processors: Processor | Mapping[int, Processor],
    *,
    device: str = "cpu",
    execution: Execution = "auto",
    members_per_group: int | None = None,
    frames: Frames = "auto",
    sinks: Mapping[Member, Sink] | None = None,
    on_step: OnStep | None = None,
    state_folder: Path | None = None,
    keep_state: bool = False,
) -> dict[Member, NaturalModel]:
    """Train the encoders of several arms and seeds side by side, each to what `train_encoder` makes of it.

    Initial weights, calibration, batches and permutations of a member are those of its training alone, so that what
    differs is rounding: none at all with `in_turn` on one machine. What arms of a seed share is done once: the initial
    encodings of the calibration, and every batch. Arms with the same optimisation are trained together, those with one
    of their own (`supervised`) after them.

    Args:
        members: arms and seeds, each once.
        dataset: the training split, with gray frames of the encoder's size.
        config: model, objectives and optimisation.
        processors: the pre-trained processor of all seeds, or of each seed.
        device: where to train.
        execution: whether members are computed in one pass or in turns.
        members_per_group: most members in one pass. On top of the weights a pass at 210x160, batch 50, float32, takes
            0.15 GB for each of its members, 0.33 GB if `unfolded`.
        frames: whether frames are decoded for every batch, or once.
        sinks: take the records of the loss; those of members without one are dropped.
        on_step: told of progress, in updates of the whole ensemble.
        state_folder: where to keep the states to resume from; the same call continues there, also with more
            `gradient_steps`.
        keep_state: whether the last states stay there, so that a repeated call finds everything done.

    Returns:
        The trained models, on `device`, in evaluation mode.

    Raises:
        ValueError: when there are no members, or one twice, `execution` or `frames` is unknown, the bound is below 1,
            the frames of the data set do not fit the encoder, or the states are those of another training.
        NonFiniteLossError: before the update that would have spoiled the weights; names the members.
    """
    _check_members(members)
    check_execution(execution, members_per_group)
    check_frame_place(frames)
    by_seed = {seed: processors if isinstance(processors, Processor) else processors[seed] for _, seed in members}
    models = _initial_models(members, dataset, config, by_seed, device)
    by_loop: dict[LoopConfig, list[Member]] = {}
    for member in members:
        if ARMS[member.arm].learns_from != "nothing":
            by_loop.setdefault(config.loop_of(member.arm), []).append(member)
    states = state_folder and state_folder / ENSEMBLE_FOLDER
    read = transition_reader(dataset, frames, device) if by_loop else None
    all_steps, done = sum(loop.gradient_steps for loop in by_loop), 0
    for loop, together in by_loop.items():
        assert read is not None
        orders = {member.seed: batch_order(dataset, loop, member.seed) for member in together}
        with SeedBatches(read, orders, device) as batches:
            trainees = [
                _trainee(member, models[member], dataset, config, batches, (sinks or {}).get(member))
                for member in together
            ]
            if states:  # without any, nobody asks
                trainees = [
                    replace(trainee, origin=_origin(dataset, config, by_seed[member.seed]))
                    for member, trainee in zip(together, trainees, strict=True)
                ]
            train_side_by_side(
                trainees,
                loop,
                execution=execution,
                members_per_group=members_per_group,
                on_step=on_step and _shifted(on_step, done, all_steps),
                state_folder=states,
                keep_state=True,  # of what is done until all is done
            )
        done += loop.gradient_steps
    if states and not keep_state:
        shutil.rmtree(states, ignore_errors=True)
    return {member: model.eval() for member, model in models.items()}


def _check_members(members: Sequence[Member]) -> None:
    if not members or len(set(members)) < len(members):
        got = ", ".join(f"({member})" for member in members) or "none"
        raise ValueError(explain(expected="at least one member, and none twice", got=got, fix="Leave doubles out."))


def _initial_models(
    members: Sequence[Member],
    dataset: TransitionDataset,
    config: NaturalConfig,
    processors: Mapping[int, Processor],
    device: str,
) -> dict[Member, NaturalModel]:
    """Build all models; the encoder of a seed, which its arms share at first, is calibrated once."""
    models: dict[Member, NaturalModel] = {}
    calibrated: dict[int, NaturalModel] = {}
    for member in members:
        processor, num_slots = processors[member.seed], dataset.ram.shape[1]
        model = build_natural_model(member.arm, config, processor, num_slots=num_slots, seed=member.seed).to(device)
        if not calibrated:
            check_frames(model, dataset)
        if member.seed in calibrated:
            model.encoder = copy.deepcopy(calibrated[member.seed].encoder)
        else:
            calibrate(model, dataset, member.seed)
            calibrated[member.seed] = model
        models[member] = model
    return models


def _trainee(
    member: Member,
    model: NaturalModel,
    dataset: TransitionDataset,
    config: NaturalConfig,
    batches: SeedBatches,
    sink: Sink | None,
) -> Trainee:
    arm, device = ARMS[member.arm], next(model.parameters()).device
    objective = build_objective(member.arm, dataset, config, model, member.seed).to(device)
    return Trainee(
        name=str(member),
        loss=NaturalLoss(model, objective),
        batch=lambda step: batches.batch(step, member.seed),
        seed=member.seed,
        sink=sink or MemorySink(),
        structure=(arm.frozen, arm.learns_from, arm.misrouted, arm.anchor, repr(model.processor.config)),
    )


def _origin(dataset: TransitionDataset, config: NaturalConfig, processor: Processor) -> str:
    """Name what the weights of a member come from, beside its name and the optimisation.

    Not by the weights that it begins with: their calibration is rounded otherwise on another machine.
    """
    model = replace(config, loop=LoopConfig(), supervised=LoopConfig())
    return f"{dataset.fingerprint} {model} {fingerprint(processor)}"


def _shifted(on_step: OnStep, done: int, all_steps: int) -> OnStep:
    """Count the steps of one loop as a part of several."""
    return lambda step, _: on_step(done + step, all_steps)
