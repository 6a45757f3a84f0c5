"""Settings to start from: each profile is a function that returns the config of a run on bouncing balls."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from rmr_gym.envs.balls_config import BallsConfig
from rmr_gym.models.decoders import BroadcastDecoderConfig, DiscDecoderConfig
from rmr_gym.models.encoders import KeypointsConfig, SlotAttentionConfig
from rmr_gym.models.processors import MpnnConfig
from rmr_gym.pipeline.balls.config import BallsDataConfig, BallsRunConfig, BallsScoringConfig
from rmr_gym.registry import Registry
from rmr_gym.training import LoopConfig, TrajectoryConfig, VideoConfig

DEFAULT_BALLS_PROFILE = "standard"

_CHEAP_STRIDES = (1, 1, 2, 2, 2)


def smoke() -> BallsRunConfig:
    """Whole chain in under a minute on 2 cores; its numbers mean nothing."""
    return BallsRunConfig(
        num_seeds=1,
        data=BallsDataConfig(num_trajectories=12, num_videos=6, num_steps=20, validation_fraction=0.34),
        abstract=TrajectoryConfig(
            processor=MpnnConfig(slot_dim=16, num_passes=2, reduction="sum"),
            loop=LoopConfig(gradient_steps=20, batch_size=16, log_every=5, checkpoint_every=10),
        ),
        natural=VideoConfig(
            encoder=SlotAttentionConfig(slot_dim=16, channels=8, downsample=4, slot_size=16, hidden_dim=16),
            decoder=BroadcastDecoderConfig(channels=8, strides=_CHEAP_STRIDES),
            loop=LoopConfig(gradient_steps=4, batch_size=2, log_every=1, checkpoint_every=2),
        ),
        scoring=BallsScoringConfig(num_windows=50, num_pictures=16, horizon=5),
    )


def control() -> BallsRunConfig:
    """Encoders for agents, in the world of `quick`: all are found in minutes, by parts that are not the paper's."""
    return dataclasses.replace(
        quick(),
        num_seeds=3,
        natural=VideoConfig(
            encoder=KeypointsConfig(num_slots=12),
            decoder=DiscDecoderConfig(),
            loop=_natural_loop(gradient_steps=800, learning_rate=5e-3),
        ),
    )


def quick() -> BallsRunConfig:
    """Four larger balls and one seed, about a quarter of an hour on 2 cores: enough to find some of the balls."""
    return BallsRunConfig(
        num_seeds=1,
        world=BallsConfig(num_balls=4, radius=0.1),
        data=BallsDataConfig(num_trajectories=2_000, num_videos=400),
        abstract=TrajectoryConfig(predicts="acceleration", loop=_abstract_loop(gradient_steps=6_000)),
        natural=VideoConfig(
            encoder=_short_encoder(num_slots=5),
            decoder=_short_decoder(),
            precision="bfloat16",
            loop=_natural_loop(gradient_steps=2_000),
        ),
        scoring=BallsScoringConfig(num_windows=2_000, num_pictures=512),
    )


def standard() -> BallsRunConfig:
    """The default: the paper's ten balls and 3 seeds at what 2 cores can train in half a day."""
    return BallsRunConfig(
        data=BallsDataConfig(num_trajectories=5_000, num_videos=600),
        abstract=TrajectoryConfig(predicts="acceleration", loop=_abstract_loop(gradient_steps=12_000)),
        natural=VideoConfig(
            encoder=_short_encoder(num_slots=11),
            decoder=_short_decoder(),
            precision="bfloat16",
            loop=_natural_loop(gradient_steps=15_000),
        ),
        scoring=BallsScoringConfig(num_pictures=512),
    )


def rollouts() -> BallsRunConfig:
    """As `standard`, with a processor that sees much farther ahead: for `balls pretrain`, an hour of one core.

    Behind encoders of pictures such a processor was harder to learn with, see docs/balls.md.
    """
    loop = dataclasses.replace(_abstract_loop(gradient_steps=30_000), optimizer="muon", learning_rate=7e-3)
    abstract = TrajectoryConfig(predicts="acceleration", standardise=True, unroll_steps=4, loop=loop)
    return dataclasses.replace(standard(), abstract=abstract)


def paper() -> BallsRunConfig:
    """The paper's setting as far as it is known; meant for a GPU."""
    return BallsRunConfig(natural=VideoConfig(encoder=SlotAttentionConfig(channels=64)))


def _short_encoder(*, num_slots: int) -> SlotAttentionConfig:
    """Return what leaves the black picture soonest; one slot more than balls paints the background."""
    return SlotAttentionConfig(
        channels=32, downsample=2, initialisation="learned", attention_gain=5.0, num_slots=num_slots
    )


def _short_decoder() -> BroadcastDecoderConfig:
    return BroadcastDecoderConfig(channels=32, strides=_CHEAP_STRIDES, bounded_colors=True)


def _abstract_loop(*, gradient_steps: int) -> LoopConfig:
    return LoopConfig(
        gradient_steps=gradient_steps,
        batch_size=128,
        learning_rate=1e-3,
        warmup_steps=200,
        final_learning_rate_fraction=0.0,
        log_every=100,
        checkpoint_every=1_000,
    )


def _natural_loop(*, gradient_steps: int, learning_rate: float = 5e-4) -> LoopConfig:
    return LoopConfig(
        gradient_steps=gradient_steps,
        batch_size=8,
        learning_rate=learning_rate,
        warmup_steps=100,
        final_learning_rate_fraction=0.0,
        log_every=100,
        checkpoint_every=500,
    )


BALL_PROFILES: Registry[Callable[[], BallsRunConfig]] = Registry(
    "profile of bouncing balls",
    ("smoke", smoke),
    ("control", control),
    ("quick", quick),
    ("standard", standard),
    ("rollouts", rollouts),
    ("paper", paper),
)
"""Functions that return the config of a run, by name."""
