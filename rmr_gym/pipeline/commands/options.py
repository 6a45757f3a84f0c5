"""Options that several subcommands share."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias, TypeVar

import torch
import tyro

from rmr_gym.errors import explain
from rmr_gym.models.processors import PROCESSORS
from rmr_gym.objectives import OBJECTIVES
from rmr_gym.pipeline.config_json import from_json, read_json
from rmr_gym.pipeline.profiles import DEFAULT_PROFILE, PROFILES
from rmr_gym.registry import Registry
from rmr_gym.training import ARMS

if TYPE_CHECKING:
    ArmName: TypeAlias = str
    ObjectiveName: TypeAlias = str
    ProcessorName: TypeAlias = str
    ProfileName: TypeAlias = str
else:  # the choices of the command line are the names in the registries
    ArmName, ObjectiveName = Literal[tuple(ARMS)], Literal[tuple(OBJECTIVES)]
    ProcessorName, ProfileName = Literal[tuple(PROCESSORS)], Literal[tuple(PROFILES)]

Config = TypeVar("Config")

PROCESSOR_FLAG, OBJECTIVE_FLAG = "abstract.processor", "natural.objective"
ProcessorChoice = Annotated[ProcessorName, tyro.conf.arg(name=PROCESSOR_FLAG)]
ObjectiveChoice = Annotated[ObjectiveName, tyro.conf.arg(name=OBJECTIVE_FLAG)]

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


def early_options(arguments: Sequence[str], **flags: str) -> argparse.Namespace:
    """Look at the options that decide which others there are; what is wrong with them is left to tyro to say.

    Args:
        arguments: all of them.
        **flags: further names, and the options that they stand for, beside `profile` and `config`.
    """
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--profile", nargs="?")
    parser.add_argument("--config", nargs="?", type=Path)
    for name, flag in flags.items():
        parser.add_argument(f"--{flag}", dest=name, nargs="?")
    return parser.parse_known_args(list(arguments))[0]


def name_of(config: object, registry: Registry[Any]) -> str:
    """Return the name of a config's class in a registry."""
    return next(name for name, config_class in registry.items() if type(config) is config_class)


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
