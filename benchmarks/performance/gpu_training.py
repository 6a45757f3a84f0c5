"""Whole trainings on a GPU: an ensemble beside its members one after another, and what Table 1 of the paper costs.

Pictures and memory are generated and lie on the device, as those of a real game do (`Frames`); the time of an update
does not depend on what they show. Paces leave out the building of models and the first updates.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import torch

from benchmarks.performance.ensembles import ARMS, GeneratedTransitions
from benchmarks.performance.gpu_machine import precision
from benchmarks.performance.harness import Spread
from rmr_gym.envs.games import GAMES
from rmr_gym.models import Precision
from rmr_gym.models.encoders import NatureCnnConfig
from rmr_gym.pipeline.profiles import PROFILES
from rmr_gym.training import (
    AbstractConfig,
    Execution,
    LoopConfig,
    Member,
    NaturalConfig,
    train_encoders,
    train_processors,
)
from rmr_gym.training.loop import OnStep

Train = Callable[[int, OnStep], object]
"""Trains for a number of updates and tells about each."""

_PARTS = 5
_EXECUTIONS: tuple[Execution, ...] = ("stacked", "unfolded")


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainingSizes:
    """What is trained, and for how long."""

    natural: NaturalConfig = field(default_factory=lambda: PROFILES["paper"]().natural)
    """Encoders of the paper's profile."""

    abstract: AbstractConfig = field(default_factory=lambda: PROFILES["paper"]().abstract)
    """Processor of the paper's profile."""

    num_seeds: int = 20
    """Seeds of each arm."""

    num_frames: int = 20_000
    """Generated frames; the paper's profile has up to 72,000 for training."""

    updates: int = 60
    """Updates whose pace is measured."""

    warm_up: int = 10
    """Updates before, in which memory is allocated and kernels are compiled."""

    @classmethod
    def of(cls, quick: bool) -> TrainingSizes:
        """Return the paper's sizes, or some that a CPU trains in a second."""
        if not quick:
            return cls()
        encoder = NatureCnnConfig(resolution="84x84", slot_dim=8, maps_per_slot=1)
        paper, loop = cls(), LoopConfig(batch_size=4)
        processor = replace(paper.abstract.processor, slot_dim=8)
        return cls(
            natural=replace(paper.natural, encoder=encoder, loop=loop, supervised=loop),
            abstract=replace(paper.abstract, processor=processor, loop=loop),
            num_seeds=2,
            num_frames=30,
            updates=5,
            warm_up=1,
        )

    def dataset(self) -> GeneratedTransitions:
        """Generate frames of the size that the encoder takes."""
        return GeneratedTransitions(self.num_frames, self.natural.encoder.size)

    def members(self) -> list[Member]:
        """Return the members of the ensemble of a game."""
        return [Member(arm, seed) for seed in range(self.num_seeds) for arm in ARMS]


def measure_ensemble(device: str, way: str, *, quick: bool) -> dict[str, Any]:
    """Measure the pace of the ensemble of a game, and of its members one after another.

    Args:
        device: where to train.
        way: one of `gpu_machine.PRECISIONS`.
        quick: tiny sizes.
    """
    sizes = TrainingSizes.of(quick)
    dataset, members = sizes.dataset(), sizes.members()
    with precision(way):
        together = {
            one: _try(_natural(sizes, dataset, members, device, way, one), sizes, device) for one in _EXECUTIONS
        }
        # Those of one seed stand for those of all: seeds differ in their numbers only.
        alone = [
            _pace(_natural(sizes, dataset, [member], device, way), sizes, device) for member in members[: len(ARMS)]
        ]
        abstract = _pace(_abstract(sizes, dataset, device), sizes, device)
    paces = {one: found for one, found in together.items() if isinstance(found, Spread)}
    fastest = min(paces, key=lambda one: paces[one].median)
    return {
        "precision": way,
        "num_members": len(members),
        "execution": fastest,
        "ensemble_seconds_per_update": asdict(paces[fastest]),
        "by_execution": {one: asdict(found) if isinstance(found, Spread) else found for one, found in together.items()},
        "alone_seconds_per_update": {arm: asdict(spread) for arm, spread in zip(ARMS, alone, strict=True)},
        "abstract_seconds_per_update": asdict(abstract),
        "ratio": sizes.num_seeds * sum(spread.median for spread in alone) / paces[fastest].median,
    }


def estimate_table(ensembles: list[dict[str, Any]], *, quick: bool) -> list[dict[str, Any]]:
    """Estimate the trainings of Table 1 from the paces of every precision.

    For each game one processor and the ensemble of encoders, with as many updates as the paper's profile has. Playing
    the games and probing the encoders are not in it.
    """
    sizes = TrainingSizes.of(quick)
    steps = {"abstract": sizes.abstract.loop.gradient_steps, "natural": sizes.natural.loop.gradient_steps}
    rows = []
    for found in ensembles:
        abstract = len(GAMES) * steps["abstract"] * found["abstract_seconds_per_update"]["median"]
        natural = len(GAMES) * steps["natural"] * found["ensemble_seconds_per_update"]["median"]
        minutes = {"abstract": abstract / 60, "natural": natural / 60, "all": (abstract + natural) / 60}
        rows.append({"precision": found["precision"], "games": len(GAMES), "updates": steps, "minutes": minutes})
    return rows


def trial(device: str, found: dict[str, Any], seconds: float, *, quick: bool) -> dict[str, Any]:
    """Train both stages of one game for as many updates as fit into the time, building the models included.

    Args:
        device: where to train.
        found: of `measure_ensemble`, for the precision and the pace.
        seconds: what is left.
        quick: tiny sizes.
    """
    sizes = TrainingSizes.of(quick)
    keys = ("ensemble_seconds_per_update", "abstract_seconds_per_update")
    pace = sum(found[key]["median"] for key in keys)
    whole = sizes.natural.loop.gradient_steps
    steps = sizes.updates if quick else min(whole, max(sizes.warm_up, int(0.7 * seconds / pace)))
    dataset = sizes.dataset()
    started = time.perf_counter()
    with precision(found["precision"]):
        _abstract(sizes, dataset, device)(steps, _ignore)
        _synchronize(device)
        first = time.perf_counter() - started
        _natural(sizes, dataset, sizes.members(), device, found["precision"], found["execution"])(steps, _ignore)
        _synchronize(device)
    taken = time.perf_counter() - started
    return {
        "precision": found["precision"],
        "updates_of_each_stage": steps,
        "share_of_all_updates": steps / whole,
        "seconds": {"abstract": first, "natural": taken - first, "all": taken},
        "minutes_of_table_at_this_pace": len(GAMES) * taken * whole / steps / 60,
    }


def _natural(
    sizes: TrainingSizes,
    dataset: GeneratedTransitions,
    members: list[Member],
    device: str,
    way: str,
    execution: Execution = "auto",
) -> Train:
    width = sizes.natural.encoder.slot_dim
    processor = replace(sizes.abstract.processor, slot_dim=width).build(dataset.ram.shape[1])
    kind: Precision = "bfloat16" if way == "bfloat16" else "float32"

    def train(steps: int, on_step: OnStep) -> object:
        loop = replace(sizes.natural.loop, gradient_steps=steps)
        config = replace(sizes.natural, loop=loop, precision=kind)
        return train_encoders(
            members, dataset, config, processor, device=device, execution=execution, frames="resident", on_step=on_step
        )

    return train


def _abstract(sizes: TrainingSizes, dataset: GeneratedTransitions, device: str) -> Train:
    def train(steps: int, on_step: OnStep) -> object:
        config = replace(sizes.abstract, loop=replace(sizes.abstract.loop, gradient_steps=steps))
        return train_processors([0], dataset, config, device=device, on_step=on_step)

    return train


def _pace(train: Train, sizes: TrainingSizes, device: str) -> Spread:
    """Return the seconds of an update, over several stretches of a training after its warm-up."""
    stretch = max(1, sizes.updates // _PARTS)
    stamps: list[float] = []

    def on_step(done: int, _: int) -> None:
        if done >= sizes.warm_up and (done - sizes.warm_up) % stretch == 0:
            _synchronize(device)
            stamps.append(time.perf_counter())

    train(sizes.warm_up + _PARTS * stretch, on_step)
    return Spread.of(tuple((end - start) / stretch for start, end in itertools.pairwise(stamps)))


def _try(train: Train, sizes: TrainingSizes, device: str) -> Spread | str:
    """Return the pace, or why there is none: one of the executions may need more memory than there is."""
    try:
        return _pace(train, sizes, device)
    except torch.OutOfMemoryError as error:
        torch.cuda.empty_cache()
        return str(error)[:300]


def _ignore(done: int, steps: int) -> None:
    del done, steps


def _synchronize(device: str) -> None:
    if torch.device(device).type == "cuda":
        torch.cuda.synchronize()
