"""The subcommands of `rmr-gym`: tyro makes the options out of these dataclasses, and `execute` is one call each."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, get_type_hints, runtime_checkable

import tyro

from rmr_gym.pipeline.commands.collect import Collect
from rmr_gym.pipeline.commands.options import (
    PARTS,
    Compute,
    Start,
    config_from_file,
    early_options,
    with_parts,
)
from rmr_gym.pipeline.commands.pretrain import Pretrain
from rmr_gym.pipeline.commands.probe import Probe
from rmr_gym.pipeline.commands.run import Run
from rmr_gym.pipeline.commands.train import Train
from rmr_gym.pipeline.config import RunConfig
from rmr_gym.pipeline.profiles import DEFAULT_PROFILE, PROFILES
from rmr_gym.registry import Registry

__all__ = [
    "COMMANDS",
    "Collect",
    "Command",
    "Pretrain",
    "Probe",
    "Run",
    "StartsFromProfile",
    "Train",
    "parse",
    "parse_into",
]

Command = Collect | Pretrain | Train | Probe | Run


@runtime_checkable
class StartsFromProfile(Protocol):
    """A command whose defaults come from a profile."""

    @staticmethod
    def defaults(base: RunConfig) -> dict[str, Any]:
        """Return the options that are not required, with their values in a profile."""


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

    Args:
        name: name in `COMMANDS`.
        arguments: what follows it on the command line.

    Raises:
        ValueError: when a setting is out of range or the config file cannot be used.
        SystemExit: after `--help` (status 0) and on options that do not exist (status 2).
    """
    command: Command = parse_into(COMMANDS[name], arguments, program=f"rmr-gym {name}")
    return command


def parse_into(command_class: type[StartsFromProfile], arguments: Sequence[str], *, program: str) -> Any:
    """Turn arguments into a dataclass whose defaults are those of a profile.

    Profile, config file and the choice between processors, encoders, objectives or probes are looked at first, because
    they decide which options there are and what their defaults are.

    Args:
        command_class: a dataclass with options `start` and `compute`.
        arguments: what follows the name of the program.
        program: that name.

    Returns:
        An instance of the class.

    Raises:
        ValueError: when a setting is out of range or the config file cannot be used.
        SystemExit: after `--help` (status 0) and on options that do not exist (status 2).
    """
    known = early_options(arguments, PARTS)
    # Unknown names are left to tyro, which lists the known ones.
    profile = known.profile if known.profile in PROFILES else DEFAULT_PROFILE
    base = PROFILES[profile]() if known.config is None else config_from_file(RunConfig, known.config, known.profile)
    base = with_parts(base, known, PARTS)
    common = {"start": Start(profile=profile, config_file=known.config), "compute": Compute()}
    return tyro.cli(
        _with_defaults(command_class, command_class.defaults(base) | common),
        args=list(arguments),
        prog=program,
        config=(tyro.conf.AvoidSubcommands,),
    )


def _with_defaults(command_class: type[Any], defaults: Mapping[str, Any]) -> type[Any]:
    """Derive a class whose fields have the defaults of a profile; the required ones stay without."""
    hints = get_type_hints(command_class, include_extras=True)
    fields = [
        (name, hints[name], dataclasses.field(default=value)) for name, value in defaults.items() if name in hints
    ]
    derived: type[Any] = dataclasses.make_dataclass(
        command_class.__name__,
        fields,
        bases=(command_class,),
        namespace={"__doc__": command_class.__doc__},
        frozen=True,
        kw_only=True,
        slots=True,
    )
    return derived
