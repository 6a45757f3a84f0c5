"""Options that several subcommands share."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, TypeAlias, TypeVar

import torch
import tyro

from rmr_gym.errors import explain
from rmr_gym.evaluation.probes import PROBES
from rmr_gym.models.encoders import ENCODERS
from rmr_gym.models.processors import PROCESSORS
from rmr_gym.objectives import OBJECTIVES
from rmr_gym.pipeline.config_json import from_json, read_json
from rmr_gym.pipeline.profiles import DEFAULT_PROFILE, PROFILES
from rmr_gym.registry import Registry
from rmr_gym.training import ARMS

if TYPE_CHECKING:
    ArmName: TypeAlias = str
    EncoderName: TypeAlias = str
    ObjectiveName: TypeAlias = str
    ProbeName: TypeAlias = str
    ProcessorName: TypeAlias = str
    ProfileName: TypeAlias = str
else:  # the choices of the command line are the names in the registries
    ArmName, ObjectiveName = Literal[tuple(ARMS)], Literal[tuple(OBJECTIVES)]
    EncoderName, ProbeName = Literal[tuple(ENCODERS)], Literal[tuple(PROBES)]
    ProcessorName, ProfileName = Literal[tuple(PROCESSORS)], Literal[tuple(PROFILES)]

Config = TypeVar("Config")


class Part(NamedTuple):
    """A part of the settings whose class is chosen by name."""

    flag: str
    """Option that takes the name: stage and field of the part."""

    registry: Registry[Any]
    """Config class of each name."""


PARTS: Mapping[str, Part] = MappingProxyType(
    {
        "processor": Part("abstract.processor", PROCESSORS),
        "encoder": Part("natural.encoder", ENCODERS),
        "objective": Part("natural.objective", OBJECTIVES),
        "linear": Part("probe.linear", PROBES),
        "linear_on_few": Part("probe.linear_on_few", PROBES),
    }
)
"""What can be chosen for games, by the field that commands have for it."""

ProcessorChoice = Annotated[ProcessorName, tyro.conf.arg(name=PARTS["processor"].flag)]
EncoderChoice = Annotated[EncoderName, tyro.conf.arg(name=PARTS["encoder"].flag)]
ObjectiveChoice = Annotated[ObjectiveName, tyro.conf.arg(name=PARTS["objective"].flag)]
ProbeChoice = Annotated[ProbeName, tyro.conf.arg(name=PARTS["linear"].flag)]
FewLabelsProbeChoice = Annotated[ProbeName, tyro.conf.arg(name=PARTS["linear_on_few"].flag)]

UNPREFIXED = tyro.conf.arg(name="")
"""Makes `--seed` of what would be `--config.seed`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Start:
    """Where the settings come from."""

    profile: ProfileName = DEFAULT_PROFILE
    """Settings to start from; the other options override single ones."""

    config_file: Annotated[Path | None, tyro.conf.arg(name="config")] = None
    """Start from a config.json or result.json of an earlier run instead of a profile."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Compute:
    """What the networks run on."""

    device: str = "cpu"
    """cpu, cuda or cuda:<index>."""

    threads: int | None = None
    """Threads of PyTorch; without it OMP_NUM_THREADS decides, else the number of cores."""

    def apply(self) -> str:
        """Set the number of threads, and return the device."""
        if self.threads is not None:
            if self.threads < 1:
                raise ValueError(explain(expected="--threads of at least 1", got=self.threads, fix="Leave it out."))
            torch.set_num_threads(self.threads)
        return self.device


def early_options(arguments: Sequence[str], parts: Mapping[str, Part]) -> argparse.Namespace:
    """Look at the options that decide which others there are; what is wrong with them is left to tyro to say.

    Args:
        arguments: all of them.
        parts: whose names are looked for, beside `profile` and `config`.
    """
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--profile", nargs="?")
    parser.add_argument("--config", nargs="?", type=Path)
    for name, part in parts.items():
        parser.add_argument(*{f"--{part.flag}", f"--{part.flag.replace('_', '-')}"}, dest=name, nargs="?")
    return parser.parse_known_args(list(arguments))[0]


def with_parts(base: Config, known: argparse.Namespace, parts: Mapping[str, Part]) -> Config:
    """Put the defaults of the chosen classes in the place of parts of other classes; slots keep their width.

    Args:
        base: settings of a whole run.
        known: what `early_options` found.
        parts: the same that it was given.
    """
    for name, part in parts.items():
        chosen = getattr(known, name)
        if chosen in part.registry:
            base = _with_part(base, part.flag, part.registry[chosen])
    return base


def _with_part(base: Config, flag: str, config_class: type[Any]) -> Config:
    stage, _, field = flag.partition(".")
    settings: Any = getattr(base, stage)
    before = getattr(settings, field)
    if type(before) is config_class:
        return base
    shared = {"slot_dim"} & {one.name for one in dataclasses.fields(config_class)}
    after = config_class(**{name: getattr(before, name) for name in shared if hasattr(before, name)})
    changed: Config = dataclasses.replace(base, **{stage: dataclasses.replace(settings, **{field: after})})  # type: ignore[type-var]
    return changed


def names_of(base: object, *names: str, parts: Mapping[str, Part] = PARTS) -> dict[str, str]:
    """Return the names of the classes that some parts of the settings have; `names` are those of the parts."""
    found = {}
    for name in names:
        stage, _, field = parts[name].flag.partition(".")
        chosen = type(getattr(getattr(base, stage), field))
        found[name] = next(known for known, config_class in parts[name].registry.items() if config_class is chosen)
    return found


def config_from_file(config_class: type[Config], config_file: Path, profile: str | None) -> Config:
    """Read a config.json, or the config in a result.json.

    Args:
        config_class: class of the config.
        config_file: the file.
        profile: what `--profile` said, if anything.

    Raises:
        ValueError: when a profile was named, too, or the file holds no such config.
    """
    if profile is not None:
        got = f"--profile {profile} --config {config_file}"
        raise ValueError(explain(expected="--profile or --config, not both", got=got, fix="Leave one out."))
    document = read_json(config_file)
    inner = document.get("config", document) if isinstance(document, dict) else document
    return from_json(config_class, inner, where=str(config_file))
