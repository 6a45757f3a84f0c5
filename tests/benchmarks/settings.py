"""A benchmark in seconds: real Pong, and everything as small as it can be."""

from __future__ import annotations

from pathlib import Path

from benchmarks.arms import natural_experiment
from benchmarks.experiment import Experiment
from benchmarks.result import Result, read_result
from benchmarks.storage import open_storage
from benchmarks.suites import with_processors
from benchmarks.work import Places
from rmr_gym.evaluation.probes import LinearProbeConfig
from rmr_gym.models.encoders import NatureCnnConfig
from rmr_gym.models.processors import DeepSetsConfig
from rmr_gym.objectives import InfoNceConfig
from rmr_gym.pipeline.config import DataConfig, ProbingConfig, RunConfig
from rmr_gym.training import AbstractConfig, LoopConfig, NaturalConfig

TINY = RunConfig(
    num_seeds=1,
    data=DataConfig(num_episodes=3, max_steps=40, num_players=3, validation_fraction=0.4),
    abstract=AbstractConfig(
        processor=DeepSetsConfig(slot_dim=4),
        loop=LoopConfig(gradient_steps=6, batch_size=8, log_every=2, checkpoint_every=2),
    ),
    natural=NaturalConfig(
        encoder=NatureCnnConfig(resolution="84x84", slot_dim=4, maps_per_slot=1),
        objective=InfoNceConfig(),
        loop=LoopConfig(gradient_steps=4, batch_size=8, log_every=1, checkpoint_every=1),
        supervised=LoopConfig(gradient_steps=3, batch_size=8, log_every=1, checkpoint_every=1),
    ),
    probe=ProbingConfig(
        num_train_frames=60,
        num_validation_frames=30,
        entropy_threshold=0.3,
        linear=LinearProbeConfig(max_epochs=2),
        linear_on_few=LinearProbeConfig(max_epochs=1),
    ),
)


def natural(*arms: str, seeds: tuple[int, ...] = (0,), settings: RunConfig = TINY) -> list[Experiment]:
    """Experiments on Pong, with the processor that they take."""
    return with_processors(natural_experiment("pong", arm, seed, settings, "tiny") for seed in seeds for arm in arms)


def read(experiment: Experiment, places: Places) -> Result:
    """Read a result."""
    return read_result(open_storage(places.results).read(experiment.result_name))


def places(folder: Path, datasets: Path | None = None, **options: object) -> Places:
    """Everything in one folder, and perhaps the data in another one."""
    shared = None if datasets is None else str(datasets)
    return Places(results=str(folder / "out"), work=folder / "work", datasets=shared, **options)  # type: ignore[arg-type]
