"""Settings to start from: each profile is a function that returns the config of a run on bouncing balls."""

from __future__ import annotations

from collections.abc import Callable

from rmr_gym.models.decoders import BroadcastDecoderConfig
from rmr_gym.models.encoders import SlotAttentionConfig
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


def quick() -> BallsRunConfig:
    """All parts at a fraction of the training that they need: half an hour on 2 cores, to see that things move."""
    return BallsRunConfig(
        num_seeds=1,
        data=BallsDataConfig(num_trajectories=1_000, num_videos=200),
        abstract=TrajectoryConfig(predicts="acceleration", loop=_abstract_loop(gradient_steps=2_000)),
        natural=VideoConfig(
            encoder=SlotAttentionConfig(channels=32, downsample=2, initialisation="learned", attention_gain=3.0),
            decoder=BroadcastDecoderConfig(channels=32, strides=_CHEAP_STRIDES, bounded_colors=True),
            precision="bfloat16",
            loop=_natural_loop(gradient_steps=500),
        ),
        scoring=BallsScoringConfig(num_windows=2_000, num_pictures=256),
    )


def standard() -> BallsRunConfig:
    """The default: what 2 cores can train in a few hours, 3 seeds as in the paper."""
    return BallsRunConfig(
        data=BallsDataConfig(num_trajectories=5_000, num_videos=600),
        abstract=TrajectoryConfig(predicts="acceleration", loop=_abstract_loop(gradient_steps=12_000)),
        natural=VideoConfig(
            encoder=SlotAttentionConfig(channels=32, downsample=2, initialisation="learned", attention_gain=3.0),
            decoder=BroadcastDecoderConfig(channels=32, strides=_CHEAP_STRIDES, bounded_colors=True),
            precision="bfloat16",
            loop=_natural_loop(gradient_steps=2_000),
        ),
        scoring=BallsScoringConfig(num_pictures=512),
    )


def paper() -> BallsRunConfig:
    """The paper's setting as far as it is known; meant for a GPU."""
    return BallsRunConfig(natural=VideoConfig(encoder=SlotAttentionConfig(channels=64)))


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


def _natural_loop(*, gradient_steps: int) -> LoopConfig:
    return LoopConfig(
        gradient_steps=gradient_steps,
        batch_size=8,
        learning_rate=1e-3,
        warmup_steps=100,
        final_learning_rate_fraction=0.0,
        log_every=50,
        checkpoint_every=250,
    )


BALL_PROFILES: Registry[Callable[[], BallsRunConfig]] = Registry(
    "profile of bouncing balls",
    ("smoke", smoke),
    ("quick", quick),
    ("standard", standard),
    ("paper", paper),
)
"""Functions that return the config of a run, by name."""
