"""Arms and seeds of one game as one ensemble beside the same trainings one after another.

Both sides make whole trainings through the public functions, building the models included, on generated pictures that
lie in memory: nothing is read or decoded, of which the ensemble would save a part.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from benchmarks.performance.harness import Comparison, Work, speed_ratio, take_turns
from benchmarks.performance.settings import Settings
from rmr_gym.data import FrameBatch, TransitionBatch, TransitionDataset
from rmr_gym.models import Processor
from rmr_gym.models.blocks import initial_weights
from rmr_gym.models.encoders import NatureCnnConfig
from rmr_gym.models.processors import MpnnConfig
from rmr_gym.objectives import HingeConfig
from rmr_gym.seeding import numpy_generator
from rmr_gym.training import Execution, LoopConfig, Member, NaturalConfig, train_encoder, train_encoders

NUM_SLOTS = 128
ARMS = ("rmr", "c_swm")
ONE_AFTER_ANOTHER = "rmr_gym.training.train_encoder, one after another"


@dataclass(frozen=True, kw_only=True, slots=True)
class Sizes:
    """How much is trained in a turn."""

    encoder: NatureCnnConfig
    """Pictures to slots; its size is that of the frames."""

    batch_size: int = 50
    """Transitions per update."""

    gradient_steps: int = 3
    """Updates of every member in a turn."""

    num_seeds: int = 4
    """Seeds of each arm in the ensemble."""

    num_seeds_alone: int = 4
    """Seeds that are trained one after another in a turn; their seconds are extrapolated to all."""

    num_frames: int = 1_000
    """Generated frames."""

    @classmethod
    def of(cls, settings: Settings) -> Sizes:
        """Return sizes that take seconds on the device."""
        if settings.quick:
            encoder = NatureCnnConfig(resolution="84x84", slot_dim=8, maps_per_slot=1)
            return cls(encoder=encoder, batch_size=8, gradient_steps=2, num_seeds=2, num_seeds_alone=2, num_frames=40)
        if settings.device.startswith("cuda"):
            return cls(encoder=NatureCnnConfig(), gradient_steps=100, num_seeds=20, num_seeds_alone=2)
        return cls(encoder=NatureCnnConfig(resolution="84x84"))


class GeneratedTransitions(TransitionDataset):
    """Random pictures in one long episode, held in memory and read by copying.

    Args:
        num_frames: frames of the episode.
        size: height and width of the pictures.
    """

    def __init__(self, num_frames: int, size: tuple[int, int]) -> None:
        generator = numpy_generator(0, "generated transitions")
        self._pictures = generator.integers(0, 256, (num_frames, 1, *size), dtype=np.uint8)
        self._memory = generator.integers(0, 256, (num_frames, NUM_SLOTS), dtype=np.uint8)
        self._actions = generator.integers(0, 18, num_frames - 1)
        self.frame_episode = np.zeros(num_frames, np.int64)

    def __len__(self) -> int:
        return len(self._actions)

    @property
    def num_frames(self) -> int:
        """Number of frames."""
        return len(self._pictures)

    @property
    def ram(self) -> NDArray[np.uint8]:
        """Memory behind every frame."""
        return self._memory

    def batch(self, indices: ArrayLike, *, pixels: bool = True) -> TransitionBatch:
        """Copy transitions."""
        rows = np.asarray(indices)
        return TransitionBatch(
            pixels=self._pictures[rows] if pixels else None,
            ram=self._memory[rows],
            action=self._actions[rows],
            next_pixels=self._pictures[rows + 1] if pixels else None,
            next_ram=self._memory[rows + 1],
            terminated=np.zeros(len(rows), np.bool_),
        )

    def frames(self, indices: ArrayLike, *, pixels: bool = True) -> FrameBatch:
        """Copy frames."""
        rows = np.asarray(indices)
        pictures = self._pictures[rows] if pixels else None
        return FrameBatch(pixels=pictures, ram=self._memory[rows], episode=self.frame_episode[rows])

    def ram_transitions(self) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.uint8]]:
        """Return all transitions of memory."""
        return self._memory[:-1], self._actions.copy(), self._memory[1:]


def measure(settings: Settings) -> list[Comparison]:
    """Compare an ensemble of several seeds and two arms with its members one after another."""
    sizes = Sizes.of(settings)
    on_gpu = settings.device.startswith("cuda")
    executions: tuple[Execution, ...] = ("stacked", "unfolded") if on_gpu else ("in_turn",)
    works = {f"rmr_gym.training.train_encoders, {name}": _together(sizes, settings, name) for name in executions}
    seconds = take_turns(works | {ONE_AFTER_ANOTHER: _alone(sizes, settings)}, settings.repeats)
    encoder = sizes.encoder
    what = (
        f"{sizes.num_seeds} seeds x {len(ARMS)} arms, {sizes.gradient_steps} updates of each, batch {sizes.batch_size} "
        f"x 2 frames, {encoder.resolution}, float32"
    )
    extrapolated = f"{sizes.num_seeds_alone} seeds of each arm one after another, extrapolated; " if on_gpu else ""
    fastest = min(works, key=lambda name: min(seconds[name]))
    return [
        Comparison(
            what=what,
            ours=name,
            peer=ONE_AFTER_ANOTHER,
            figure=speed_ratio(
                seconds, ours=name, peer=ONE_AFTER_ANOTHER, work=sizes.num_seeds / sizes.num_seeds_alone
            ),
            bar=(8.0 if on_gpu else 1.0) if name == fastest else None,
            note=f"{extrapolated}whole trainings with building the models; generated pictures in memory",
        )
        for name in works
    ]


def _together(sizes: Sizes, settings: Settings, execution: Execution) -> Work:
    dataset, config, processor = _parts(sizes)
    members = [Member(arm, seed) for seed in range(sizes.num_seeds) for arm in ARMS]

    def work() -> None:
        train_encoders(members, dataset, config, processor, device=settings.device, execution=execution)
        _wait(settings.device)

    return work


def _alone(sizes: Sizes, settings: Settings) -> Work:
    dataset, config, processor = _parts(sizes)

    def work() -> None:
        for seed in range(sizes.num_seeds_alone):
            for arm in ARMS:
                train_encoder(arm, dataset, config, processor, seed=seed, device=settings.device)
        _wait(settings.device)

    return work


def _parts(sizes: Sizes) -> tuple[TransitionDataset, NaturalConfig, Processor]:
    loop = LoopConfig(gradient_steps=sizes.gradient_steps, batch_size=sizes.batch_size)
    config = NaturalConfig(encoder=sizes.encoder, objective=HingeConfig(), loop=loop)
    with initial_weights(0):
        processor = MpnnConfig(slot_dim=sizes.encoder.slot_dim).build(NUM_SLOTS)
    return GeneratedTransitions(sizes.num_frames, sizes.encoder.size), config, processor


def _wait(device: str) -> None:
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)
