"""What decides the numbers of a run on bouncing balls."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Annotated

import tyro

from rmr_gym.data.split import num_held_out
from rmr_gym.envs.balls_config import BallsConfig
from rmr_gym.errors import explain
from rmr_gym.models.processors import BallProcessorConfig, InteractionNetworkConfig
from rmr_gym.pipeline.config import check_once
from rmr_gym.training import BALL_ARMS, TrajectoryConfig, VideoConfig

BallArmNames = Annotated[tuple[str, ...], tyro.conf.arg(metavar=f"{{{','.join(BALL_ARMS)}}} ...")]

HISTORY = 3
"""States or pictures that a prediction is made from (paper, section 4)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BallsDataConfig:
    """What is recorded: many trajectories without pictures, fewer with, from different seeds."""

    num_trajectories: int = 5_000
    """Trajectories of positions for the abstract stage. ours: the paper gives none."""

    num_videos: int = 1_000
    """Trajectories with pictures for the natural stage. ours: the paper gives none."""

    num_steps: int = 100
    """Frames of each after the first. ours, as in other sets of bouncing balls."""

    validation_fraction: float = 0.1
    """Share of both that nothing is trained on."""

    def __post_init__(self) -> None:
        if min(self.num_trajectories, self.num_videos) < 2 or not 0 < self.validation_fraction < 1:
            expected = "at least 2 trajectories and videos, and a validation_fraction between 0 and 1"
            raise ValueError(explain(expected=expected, got=self, fix="Both halves of a split need one."))
        if self.num_steps <= HISTORY:
            raise ValueError(explain(expected=f"num_steps above {HISTORY}", got=self.num_steps, fix="Raise it."))


@dataclass(frozen=True, kw_only=True, slots=True)
class BallsScoringConfig:
    """What models are scored on; the same windows for all of them."""

    MEANT_BEFORE = MappingProxyType({"symmetric": False})
    """What it means that a field is absent from a document that was written before the field existed."""

    num_windows: int = 5_000
    """Held-out windows of positions."""

    num_pictures: int = 1_000
    """Held-out windows of pictures."""

    horizon: int = 10
    """Steps of a rollout (paper, section 4)."""

    symmetric: bool = False
    """Score the predictions of positions averaged over the symmetries of the box, too, which are better and take eight
    times as long (two under gravity)."""

    def __post_init__(self) -> None:
        if self.num_windows < 1 or self.num_pictures < 4 or self.horizon < 1:
            expected = "num_windows >= 1, num_pictures >= 4 and horizon >= 1"
            raise ValueError(explain(expected=expected, got=self, fix="Raise the numbers."))


@dataclass(frozen=True, kw_only=True, slots=True)
class BallsRunConfig:
    """The whole chain, from the simulator to the table."""

    seed: int = 0
    """Seed of the data and the processor, and of the first model of each arm; the others count up from it."""

    num_seeds: int = 3
    """Models per arm (paper, appendix A: 3)."""

    arms: BallArmNames = tuple(BALL_ARMS)
    """Compared variants; the first is drawn in rollout.png."""

    world: BallsConfig = field(default_factory=BallsConfig)
    """The world."""

    data: BallsDataConfig = field(default_factory=BallsDataConfig)
    """What is recorded."""

    abstract: TrajectoryConfig = field(default_factory=TrajectoryConfig)
    """How the processor is pre-trained on positions."""

    natural: VideoConfig = field(default_factory=VideoConfig)
    """How models are trained on pictures."""

    scoring: BallsScoringConfig = field(default_factory=BallsScoringConfig)
    """What they are scored on."""

    def __post_init__(self) -> None:
        if self.num_seeds < 1 or not self.arms:
            got, fix = f"num_seeds={self.num_seeds} and {len(self.arms)} arms", "Leave them out for the usual ones."
            raise ValueError(explain(expected="at least one seed and one arm", got=got, fix=fix))
        for name in self.arms:
            _ = BALL_ARMS[name]
        check_once("arm", self.arms)
        for what, ahead in (("a rollout", self.scoring.horizon), ("what is unrolled", self.abstract.unroll_steps)):
            if HISTORY + ahead > self.data.num_steps + 1:
                got = f"{self.data.num_steps + 1} frames and a horizon of {ahead}"
                fix = "Raise num_steps."
                raise ValueError(explain(expected=f"trajectories longer than {what}", got=got, fix=fix))
        self._check_widths()
        self._check_batches()

    @property
    def seeds(self) -> tuple[int, ...]:
        """Seeds of the models."""
        return tuple(range(self.seed, self.seed + self.num_seeds))

    def with_processor(self, processor: BallProcessorConfig) -> BallsRunConfig:
        """Return the same run with another processor in both stages; the encoder gets slots of its width."""
        encoder = dataclasses.replace(self.natural.encoder, slot_dim=processor.slot_dim)
        return dataclasses.replace(
            self,
            abstract=dataclasses.replace(self.abstract, processor=processor),
            natural=dataclasses.replace(self.natural, encoder=encoder),
        )

    def _check_widths(self) -> None:
        """Refuse parts that cannot be put together, before any work starts."""
        encoder, processor = self.natural.encoder, self.abstract.processor
        size = (self.world.picture_size,) * 2
        wanted: tuple[tuple[str, object, object, str], ...] = (
            ("natural.encoder.slot_dim", encoder.slot_dim, processor.slot_dim, "the processor"),
            ("natural.encoder.history", encoder.history, HISTORY, "the windows"),
            ("natural.encoder.size", encoder.size, size, "the world's pictures"),
            ("natural.decoder.size", self.natural.decoder.size, size, "the world's pictures"),
        )
        if isinstance(processor, InteractionNetworkConfig):
            wanted += (("abstract.processor.history", processor.history, HISTORY, "the windows"),)
        for name, got, expected, whose in wanted:
            if got != expected:
                raise ValueError(explain(expected=f"{name} {expected}, as {whose}", got=got, fix=f"Set {name}."))
        if encoder.num_slots < self.world.num_balls:
            got = f"{encoder.num_slots} slots for {self.world.num_balls} balls"
            raise ValueError(explain(expected="a slot for every ball", got=got, fix="Raise natural.encoder.num_slots."))

    def _check_batches(self) -> None:
        """Refuse batches larger than what is recorded for training, before it is recorded."""
        stages = (
            ("abstract.loop", self.abstract.loop, self.data.num_trajectories, self.abstract.unroll_steps),
            ("natural.loop", self.natural.loop, self.data.num_videos, 1),
        )
        for name, loop, count, ahead in stages:
            held_out = num_held_out(count, self.data.validation_fraction)
            windows = (count - held_out) * (self.data.num_steps + 2 - HISTORY - ahead)
            if windows < loop.batch_size:
                expected = f"{name}.batch_size of at most the {windows} windows that are recorded for training"
                raise ValueError(explain(expected=expected, got=loop.batch_size, fix="Lower it, or record more."))
