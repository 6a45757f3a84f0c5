"""The subcommands of `rmr-gym`: tyro makes the options out of these dataclasses, and `execute` is one call each."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_type_hints

import tyro

from rmr_gym.models.processors import PROCESSORS
from rmr_gym.objectives import OBJECTIVES
from rmr_gym.pipeline.commands.collect import Collect
from rmr_gym.pipeline.commands.options import OBJECTIVE_FLAG, PROCESSOR_FLAG, Compute, Start, config_from_file
from rmr_gym.pipeline.commands.pretrain import Pretrain
from rmr_gym.pipeline.commands.probe import Probe
from rmr_gym.pipeline.commands.run import Run
from rmr_gym.pipeline.commands.train import Train
from rmr_gym.pipeline.config import RunConfig
from rmr_gym.pipeline.profiles import DEFAULT_PROFILE, PROFILES
from rmr_gym.registry import Registry

__all__ = ["COMMANDS", "Collect", "Command", "Pretrain", "Probe", "Run", "Train", "parse"]

Command = Collect | Pretrain | Train | Probe | Run

COMMANDS: Registry[type[Command]] = Registry(
    "command",
    ("collect", Collect),
    ("pretrain", Pretrain),
    ("train", Train),
    ("probe", Probe),
    ("run", Run),
)
"""Subcommands by name, in the order of the chain."""


def parse(name: str, arguments: Sequence[str]) -> Command:
    """Turn the arguments of a subcommand into its dataclass.

    Profile, config file and the choice between processors or objectives are looked at first, because they decide which
    options there are and what their defaults are.

    Args:
        name: name in `COMMANDS`.
        arguments: what follows it on the command line.

    Raises:
        ValueError: when a setting is out of range or the config file cannot be used.
        SystemExit: after `--help` (status 0) and on options that do not exist (status 2).
    """
    early = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    early.add_argument("--profile")
    early.add_argument("--config", type=Path)
    early.add_argument(f"--{PROCESSOR_FLAG}", dest="processor")
    early.add_argument(f"--{OBJECTIVE_FLAG}", dest="objective")
    known, _ = early.parse_known_args(list(arguments))
    # Unknown names are left to tyro, which lists the known ones.
    profile = known.profile if known.profile in PROFILES else DEFAULT_PROFILE
    base = PROFILES[profile]() if known.config is None else config_from_file(RunConfig, known.config, known.profile)
    if known.processor in PROCESSORS:
        base = _choose(base, "abstract", "processor", PROCESSORS[known.processor])
    if known.objective in OBJECTIVES:
        base = _choose(base, "natural", "objective", OBJECTIVES[known.objective])
    command_class = COMMANDS[name]
    start = Start(profile=profile, config_file=known.config)
    command: Command = tyro.cli(
        _with_defaults(command_class, command_class.defaults(base) | {"start": start, "compute": Compute()}),
        args=list(arguments),
        prog=f"rmr-gym {name}",
        config=(tyro.conf.AvoidSubcommands,),
    )
    return command


def _choose(base: RunConfig, stage: str, part: str, config_class: type[Any]) -> RunConfig:
    """Put the defaults of the chosen class in the place of a part of another class."""
    before = getattr(base, stage)
    if type(getattr(before, part)) is config_class:
        return base
    return dataclasses.replace(base, **{stage: dataclasses.replace(before, **{part: config_class()})})


def _with_defaults(command_class: type[Command], defaults: Mapping[str, Any]) -> type[Command]:
    """Derive a class whose fields have the defaults of a profile; the required ones stay without."""
    hints = get_type_hints(command_class, include_extras=True)
    fields = [
        (name, hints[name], dataclasses.field(default=value)) for name, value in defaults.items() if name in hints
    ]
    derived: type[Command] = dataclasses.make_dataclass(
        command_class.__name__,
        fields,
        bases=(command_class,),
        namespace={"__doc__": command_class.__doc__},
        frozen=True,
        kw_only=True,
        slots=True,
    )
    return derived
