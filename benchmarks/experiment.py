"""An experiment: what is trained and scored, named by its place in the benchmark and by the hash of its settings."""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import json
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from benchmarks.result import RESULT_FILE, Kind
from rmr_gym.models.processors import ProcessorConfig
from rmr_gym.pipeline.config import GRADED, DataConfig, ProbingConfig
from rmr_gym.pipeline.config_json import to_json, to_key_json
from rmr_gym.training import ARMS, AbstractConfig, NaturalConfig

USUAL_WIDTH = 64
"""Width of the slots that names leave out (paper, section 5)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DataSettings:
    """A data set, shared by all experiments on it."""

    game: str
    """Rom id."""

    seed: int
    """Of everything random in it."""

    config: DataConfig
    """What is recorded, and how it is split."""

    players: tuple[str, ...] = (GRADED,)
    """Who plays, see `rmr_gym.pipeline.players.named_players`."""

    @property
    def name(self) -> str:
        """Name that contains the hash of the settings."""
        return f"data/{self.game}-{key_of(_part_to_json(self))}"


@dataclass(frozen=True, kw_only=True, slots=True)
class ProcessorSettings:
    """All that decides the outcome of an abstract experiment."""

    data: DataSettings
    """What is trained and scored on."""

    abstract: AbstractConfig
    """Processor, objective and optimisation."""

    entropy_threshold: float
    """Bytes with more entropy than this, in nats, are scored."""

    seed: int
    """Of weights and batches."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EncoderSettings:
    """All that decides the outcome of a natural experiment."""

    data: DataSettings
    """What is trained and scored on."""

    trained_as: str
    """Name of the arm in `rmr_gym.training.ARMS`."""

    processor: ProcessorSettings | ProcessorConfig
    """The training of the processor that goes in; the bare processor for arms that only take its shape."""

    natural: NaturalConfig
    """Model, objective and optimisation."""

    probe: ProbingConfig
    """How the encoder is read out."""

    probe_seed: int
    """Of the choice of frames and of the probes; equal for all arms and seeds."""

    seed: int
    """Of weights, batches and negatives."""


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """One training together with its scores."""

    kind: Kind
    """Stage of the method."""

    game: str
    """Rom id of the game that is learned and scored on."""

    donor: str
    """Rom id of the game whose processor is used."""

    arm: str
    """Name in `benchmarks.arms`."""

    seed: int
    """Of weights, batches and negatives."""

    profile: str
    """Profile that the settings started from; decides nothing."""

    settings: ProcessorSettings | EncoderSettings
    """What decides the numbers."""

    @property
    def slot_dim(self) -> int:
        """Width of a slot."""
        return self._abstract.slot_dim

    @property
    def id(self) -> str:
        """Readable name, such as `natural/pong/rmr/from-boxing/width-8/seed-3`."""
        donor = [f"from-{self.donor}"] if self.donor != self.game else []
        width = [f"width-{self.slot_dim}"] if self.slot_dim != USUAL_WIDTH else []
        return "/".join([self.kind, self.game, self.arm, *donor, *width, f"seed-{self.seed}"])

    @property
    def config(self) -> dict[str, Any]:
        """The settings as JSON values, with what the arm stands for."""
        return copy.deepcopy(self._document)

    @cached_property
    def _document(self) -> dict[str, Any]:
        document = {
            field.name: _part_to_json(getattr(self.settings, field.name)) for field in dataclasses.fields(self.settings)
        }
        if isinstance(self.settings, EncoderSettings):
            meaning = _part_to_json(ARMS[self.settings.trained_as])
            document["arm"] = {name: value for name, value in meaning.items() if name != "summary"}
        return document

    @cached_property
    def key(self) -> str:
        """Hash of the settings: equal experiments have equal keys on every machine."""
        return key_of(self._document)

    @property
    def folder(self) -> str:
        """Where its result lies in a storage: other settings, another folder."""
        return f"{self.id}-{self.key}"

    @property
    def result_name(self) -> str:
        """Name of its result in a storage."""
        return f"{self.folder}/{RESULT_FILE}"

    @property
    def needs(self) -> Experiment | None:
        """The experiment whose processor goes in; None where there is none."""
        if isinstance(self.settings, ProcessorSettings) or not isinstance(self.settings.processor, ProcessorSettings):
            return None
        return _processor_experiment(self.settings.processor, self.profile)

    @property
    def _abstract(self) -> ProcessorConfig:
        if isinstance(self.settings, ProcessorSettings):
            return self.settings.abstract.processor
        inner = self.settings.processor
        return inner.abstract.processor if isinstance(inner, ProcessorSettings) else inner


@lru_cache(maxsize=1_000)
def _part_to_json(part: Any) -> Any:
    """Write a part of the settings as JSON values; thousands of experiments share their parts. Not to be changed."""
    return to_key_json(part)


def key_of(document: object) -> str:
    """Hash JSON values.

    Returns:
        12 hexadecimal digits: among a million documents two of them agree with a probability of 0.2 %.

    Example:
        >>> key_of({"a": 1, "b": [2.0]}) == key_of({"b": [2.0], "a": 1})
        True
    """
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


@lru_cache(maxsize=1_000)
def _processor_experiment(settings: ProcessorSettings, profile: str) -> Experiment:
    return Experiment(
        kind="abstract",
        game=settings.data.game,
        donor=settings.data.game,
        arm=to_json(settings.abstract.processor)["type"],
        seed=settings.seed,
        profile=profile,
        settings=settings,
    )
