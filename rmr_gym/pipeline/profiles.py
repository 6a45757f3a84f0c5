"""Settings to start from: each profile is a function that returns the config of a run."""

from __future__ import annotations

from collections.abc import Callable

from rmr_gym.evaluation.probes import FAST_LINEAR_PROBE, LinearProbeConfig
from rmr_gym.models.encoders import NatureCnnConfig
from rmr_gym.objectives import AlignmentUniformityConfig, HingeConfig
from rmr_gym.pipeline.config import DataConfig, ProbingConfig, RunConfig
from rmr_gym.pipeline.players import PAPER
from rmr_gym.registry import Registry
from rmr_gym.training import AbstractConfig, LoopConfig, NaturalConfig

DEFAULT_PROFILE = "standard"

_BRIEF = LinearProbeConfig(max_epochs=3)


def smoke() -> RunConfig:
    """Whole chain in under a minute on 2 cores; its numbers mean nothing."""
    return RunConfig(
        num_seeds=1,
        data=DataConfig(num_episodes=4, max_steps=120, num_players=4),
        abstract=AbstractConfig(loop=LoopConfig(gradient_steps=10, batch_size=8, log_every=2, checkpoint_every=5)),
        natural=NaturalConfig(
            encoder=NatureCnnConfig(resolution="84x84"),
            loop=LoopConfig(gradient_steps=5, batch_size=8, log_every=1, checkpoint_every=5),
            supervised=LoopConfig(gradient_steps=5, batch_size=8, log_every=1),
        ),
        probe=ProbingConfig(num_train_frames=150, num_validation_frames=150, linear=_BRIEF, linear_on_few=_BRIEF),
    )


def quick() -> RunConfig:
    """All parts on real data in minutes on 2 cores; one seed, so no claim can be made from it."""
    return RunConfig(
        num_seeds=1,
        data=DataConfig(num_episodes=24, max_steps=500, validation_fraction=0.25),
        abstract=AbstractConfig(loop=LoopConfig(gradient_steps=300)),
        natural=NaturalConfig(
            encoder=NatureCnnConfig(resolution="84x84", output_std=0.4),
            decoder_initialisation="identity",
            objective=AlignmentUniformityConfig(),
            loop=LoopConfig(gradient_steps=80, learning_rate=1e-4, log_every=5, checkpoint_every=40),
            supervised=LoopConfig(gradient_steps=500, final_learning_rate_fraction=0.0),
        ),
        probe=ProbingConfig(
            num_train_frames=4_000,
            num_validation_frames=2_000,
            linear=LinearProbeConfig(max_epochs=30, patience=5),
            linear_on_few=LinearProbeConfig(max_epochs=20),
        ),
    )


def standard() -> RunConfig:
    """The default: paired over 5 seeds, an hour or two on 2 cores."""
    return RunConfig(
        num_seeds=5,
        data=DataConfig(num_episodes=48, max_steps=1_000, validation_fraction=0.25),
        abstract=AbstractConfig(
            loop=LoopConfig(
                gradient_steps=1_500, learning_rate=3e-3, warmup_steps=100, final_learning_rate_fraction=0.0
            )
        ),
        natural=NaturalConfig(
            encoder=NatureCnnConfig(resolution="84x84", output_std=0.4),
            decoder_initialisation="identity",
            objective=AlignmentUniformityConfig(),
            loop=LoopConfig(gradient_steps=200, learning_rate=1e-4, warmup_steps=50, final_learning_rate_fraction=0.0),
            supervised=LoopConfig(gradient_steps=3_000, final_learning_rate_fraction=0.0),
        ),
        probe=ProbingConfig(
            num_train_frames=10_000,
            num_validation_frames=5_000,
            linear=FAST_LINEAR_PROBE,
            linear_on_few=LinearProbeConfig(max_epochs=40),
        ),
    )


def paper() -> RunConfig:
    """The paper's setting as far as it is known; days on a CPU, meant for a GPU."""
    return RunConfig(
        num_seeds=20,
        players=(PAPER,),
        data=DataConfig(num_episodes=96, max_steps=1_500, num_players=32, validation_fraction=0.5),
        abstract=AbstractConfig(loop=LoopConfig(gradient_steps=50_000, batch_size=50, learning_rate=1e-3)),
        natural=NaturalConfig(
            encoder=NatureCnnConfig(resolution="210x160"),
            objective=HingeConfig(),
            loop=LoopConfig(gradient_steps=50_000, batch_size=50, learning_rate=1e-3),
            supervised=LoopConfig(gradient_steps=50_000, batch_size=50, learning_rate=1e-3),
        ),
        probe=ProbingConfig(num_train_frames=50_000, num_validation_frames=50_000),
    )


PROFILES: Registry[Callable[[], RunConfig]] = Registry(
    "profile",
    ("smoke", smoke),
    ("quick", quick),
    ("standard", standard),
    ("paper", paper),
)
"""Functions that return the config of a run, by name."""
