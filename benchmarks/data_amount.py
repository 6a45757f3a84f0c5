"""Do encoders gain from more recorded play?

The encoder of `rmr` is trained on growing parts of one data set, each inside the next, with the same processor, seeds
and number of updates, and is read out on the same frames of held-out episodes. Beside it stands the encoder that was
never trained. What is finished is kept in the folder --work, so that a call that was killed goes on.

    python -m benchmarks.data_amount --out benchmarks/results/data_amount.json
"""

from __future__ import annotations

import dataclasses
import shutil
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.executors.choosing import EXECUTORS, Resources
from benchmarks.executors.interface import Job
from benchmarks.measurement import run_measurement
from benchmarks.runner import Event, run_jobs
from rmr_gym.data import TransitionDataset
from rmr_gym.documents import exclusive
from rmr_gym.errors import explain
from rmr_gym.evaluation.statistics import compare_paired
from rmr_gym.models import fingerprint, load_processor
from rmr_gym.pipeline.config import RunConfig
from rmr_gym.pipeline.config_json import to_json
from rmr_gym.pipeline.datasets import open_dataset
from rmr_gym.pipeline.machine import hardware, versions
from rmr_gym.pipeline.probing import probe_encoder
from rmr_gym.pipeline.profiles import PROFILES
from rmr_gym.pipeline.stage import JsonObject, Stage
from rmr_gym.pipeline.stages import collect, pretrain
from rmr_gym.seeding import numpy_generator
from rmr_gym.training import LoopConfig, train_encoder

TRAINED, REFERENCE = "rmr", "untrained"


@dataclass(frozen=True, kw_only=True, slots=True)
class DataAmountConfig:
    """Settings of the measurement."""

    game: str = "pong"
    """Game, by any of its names."""

    num_episodes: tuple[int, ...] = (2, 9, 36, 144)
    """Episodes that the encoder is trained on."""

    num_held_out: int = 12
    """Episodes that it is scored on."""

    gradient_steps: int = 200
    """Updates, whatever the number of episodes."""

    num_seeds: int = 3
    """Encoders for each number of episodes."""

    profile: str = "standard"
    """Everything else: length of episodes, sort of processor, objective, probe."""

    pretraining: LoopConfig = field(
        default_factory=lambda: LoopConfig(
            gradient_steps=600, learning_rate=1e-2, warmup_steps=50, final_learning_rate_fraction=0.0
        )
    )
    """Optimisation of the processor, on all episodes that are not held out; by default that of our tables 1 and 2."""

    work: Path = Path("runs/data-amount")
    """Folder of the data set, the processor and the scores."""

    workers: int | None = None
    """Trainings at a time, of one thread each; None takes one per core."""

    out: Path | None = None
    """JSON file for the result; None prints it only."""

    seed: int = 0
    """Seed of the data, of their parts and of the processor, and of the first encoder; the others count up from it."""

    def __post_init__(self) -> None:
        """Refuse what leaves nothing to measure."""
        counts = (self.num_held_out, self.gradient_steps, self.num_seeds, *self.num_episodes)
        if not self.num_episodes or min(counts) < 1 or len(set(self.num_episodes)) < len(self.num_episodes):
            expected = "different num_episodes, and num_held_out, gradient_steps and num_seeds of at least 1"
            raise ValueError(explain(expected=expected, got=counts, fix="Leave them at their defaults."))

    @property
    def seeds(self) -> range:
        """Seeds of the encoders."""
        return range(self.seed, self.seed + self.num_seeds)

    @property
    def base(self) -> RunConfig:
        """The profile, with all that is recorded and the number of updates."""
        base = PROFILES[self.profile]()
        total = max(self.num_episodes) + self.num_held_out
        data = dataclasses.replace(base.data, num_episodes=total, validation_fraction=self.num_held_out / total)
        loop = dataclasses.replace(base.natural.loop, gradient_steps=self.gradient_steps)
        natural = dataclasses.replace(base.natural, loop=loop)
        abstract = dataclasses.replace(base.abstract, loop=self.pretraining)
        return dataclasses.replace(base, game=self.game, data=data, abstract=abstract, natural=natural, seed=self.seed)


class Encoder(NamedTuple):
    """One that is trained and read out."""

    arm: str
    num_episodes: int
    seed: int

    @property
    def name(self) -> str:
        """Its folder in the folder of the number of updates."""
        return f"{self.arm}/episodes-{self.num_episodes}/seed-{self.seed}"


def run(config: DataAmountConfig) -> dict[str, Any]:
    """Record, pre-train, train and read out, print a line for each, and return the result as JSON values."""
    resources = Resources(workers=config.workers)  # refuses what makes no sense before anything is recorded
    base, data = config.base, config.work / "data"
    collect(base.game, data, base.data, seed=config.seed)
    threshold = base.probe.entropy_threshold
    pretrain(data, config.work / "processor", base.abstract, entropy_threshold=threshold, seed=config.seed)
    for count in config.num_episodes:
        _copy_part(data, _part(config.work, count), count, config.seed)
    counts = [(REFERENCE, max(config.num_episodes)), *((TRAINED, count) for count in config.num_episodes)]
    encoders = [Encoder(arm, count, seed) for seed in config.seeds for arm, count in counts]
    jobs = [Job(name=encoder.name, function=measure, arguments=(config, encoder)) for encoder in encoders]
    with EXECUTORS["serial" if config.workers == 1 else "local"](resources) as executor:
        tally = run_jobs(jobs, executor, on_event=_say)
    if tally.failed:
        raise RuntimeError("; ".join(f"{name}: {error}" for name, error in tally.failed.items()))
    found = {encoder: measure(config, encoder) for encoder in encoders}
    differences = minus_untrained(config, {encoder: record["scores"] for encoder, record in found.items()})
    result = {
        "command": command(config),
        "config": asdict(config) | {"work": None, "out": None, "workers": None},
        "num_transitions": {
            str(count): len(TransitionDataset(_part(config.work, count), split="all")) for count in config.num_episodes
        },
        "encoders": {encoder.name: record["scores"] for encoder, record in found.items()},
        "minus_untrained": differences,
        "hardware": hardware(),
        "versions": versions(),
    }
    for episodes, by_readout in differences.items():
        shown = ", ".join(f"{name} {row['mean_difference']:+.4f}" for name, row in by_readout.items())
        print(f"{episodes:>4} episodes: {shown}", flush=True)
    return result


def command(config: DataAmountConfig) -> str:
    """Return the call with the options that decide the numbers, where they are not the default.

    Example:
        >>> command(DataAmountConfig(num_episodes=(2, 144), num_seeds=2))
        'python -m benchmarks.data_amount --num-episodes 2 144 --num-seeds 2'
    """
    words = ["python -m benchmarks.data_amount"]
    for name in ("game", "num_episodes", "num_held_out", "gradient_steps", "num_seeds", "profile", "seed"):
        value = getattr(config, name)
        if value != getattr(DataAmountConfig(), name):
            values = value if isinstance(value, tuple) else (value,)
            words += [f"--{name.replace('_', '-')}", *map(str, values)]
    return " ".join(words)


def measure(config: DataAmountConfig, encoder: Encoder) -> JsonObject:
    """Train one encoder and read it out, unless that has been done, and return the record."""
    base, data = config.base, config.work / "data"
    processor = load_processor(config.work / "processor")
    size = base.natural.encoder.size
    part = TransitionDataset(_part(config.work, encoder.num_episodes), split="all", size=size)
    train, held_out = (open_dataset(data, half, size) for half in ("train", "validation"))
    inputs = {
        "data": [part.fingerprint, train.fingerprint, held_out.fingerprint],
        "processor": fingerprint(processor),
        "natural": to_json(base.natural),
        "probe": to_json(base.probe),
        "encoder": encoder._asdict(),
        "seed": config.seed,
    }
    with exclusive(config.work / f"updates-{config.gradient_steps}" / encoder.name) as folder:
        stage = Stage(folder, inputs)
        if stage.finished:
            return stage.result
        model = train_encoder(
            encoder.arm, part, base.natural, processor, seed=encoder.seed, state_folder=folder / "state"
        )
        found = probe_encoder(model.encoder, train, held_out, base.probe, seed=config.seed)
        scores = {name: round(row["bit_f1"]["weighted"], 5) for name, row in found["readouts"].items()}
        return stage.finish({"scores": scores | {"effective_rank": round(found["collapse"]["effective_rank"], 1)}})


def _part(work: Path, count: int) -> Path:
    return work / f"episodes-{count}"


def _copy_part(data: Path, part: Path, count: int, seed: int) -> None:
    """Copy some episodes of the training half; fewer are always among more."""
    dataset = open_dataset(data, "train")
    chosen = numpy_generator(seed, "parts").permutation(dataset.episode_indices)[:count]
    part.mkdir(parents=True, exist_ok=True)
    for index in chosen:
        file = dataset.store.files[index].path
        if not (part / file.name).exists():
            shutil.copy(file, part / f"{file.name}.part")
            (part / f"{file.name}.part").rename(part / file.name)


def minus_untrained(
    config: DataAmountConfig, scores: Mapping[Encoder, Mapping[str, float]]
) -> dict[str, dict[str, dict[str, Any]]]:
    """Compare each number of episodes with no training at all, paired by seed.

    Returns:
        The fields of `PairedComparison` by number of episodes and readout.
    """
    untrained = [scores[Encoder(REFERENCE, max(config.num_episodes), seed)] for seed in config.seeds]
    compared = {}
    for count in config.num_episodes:
        trained = [scores[Encoder(TRAINED, count, seed)] for seed in config.seeds]
        compared[str(count)] = {
            name: asdict(compare_paired([row[name] for row in trained], [row[name] for row in untrained]))
            for name in config.base.probe.readouts
        }
    return compared


def _say(event: Event) -> None:
    told = event.outcome.error or event.outcome.value["scores"]
    print(f"{event.job.name}: {told} ({event.outcome.seconds:.0f} s)", flush=True)


if __name__ == "__main__":
    sys.exit(run_measurement("benchmarks.data_amount", DataAmountConfig, run, __doc__))
