"""`rmr-gym balls`: bouncing balls, with actions of its own."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

import tyro
from rich.console import Console

from rmr_gym.models.decoders import VIDEO_DECODERS
from rmr_gym.models.encoders import VIDEO_ENCODERS
from rmr_gym.models.processors import BALL_PROCESSORS, BallProcessorConfig, InteractionNetworkConfig
from rmr_gym.pipeline.balls.bottleneck import DEFAULT_WIDTHS, run_bottleneck
from rmr_gym.pipeline.balls.config import HISTORY, BallsRunConfig
from rmr_gym.pipeline.balls.profiles import BALL_PROFILES, DEFAULT_BALLS_PROFILE
from rmr_gym.pipeline.balls.run import pretrain_balls, run_balls
from rmr_gym.pipeline.balls.tables import abstract_table, bottleneck_table, render
from rmr_gym.pipeline.commands.options import (
    UNPREFIXED,
    Compute,
    Part,
    config_from_file,
    early_options,
    names_of,
    with_parts,
)
from rmr_gym.pipeline.progress import Reporter
from rmr_gym.registry import Registry

if TYPE_CHECKING:
    BallProcessorName: TypeAlias = str
    BallsProfileName: TypeAlias = str
    VideoDecoderName: TypeAlias = str
    VideoEncoderName: TypeAlias = str
else:  # the choices of the command line are the names in the registries
    BallProcessorName, BallsProfileName = Literal[tuple(BALL_PROCESSORS)], Literal[tuple(BALL_PROFILES)]
    VideoDecoderName, VideoEncoderName = Literal[tuple(VIDEO_DECODERS)], Literal[tuple(VIDEO_ENCODERS)]

_PROCESSOR = Part("abstract.processor", BALL_PROCESSORS)
_PICTURE_PARTS = MappingProxyType(
    {"encoder": Part("natural.encoder", VIDEO_ENCODERS), "decoder": Part("natural.decoder", VIDEO_DECODERS)}
)
EncoderChoice = Annotated[VideoEncoderName, tyro.conf.arg(name=_PICTURE_PARTS["encoder"].flag)]
DecoderChoice = Annotated[VideoDecoderName, tyro.conf.arg(name=_PICTURE_PARTS["decoder"].flag)]


@dataclass(frozen=True, kw_only=True, slots=True)
class BallsStart:
    """Where the settings come from."""

    profile: BallsProfileName = DEFAULT_BALLS_PROFILE
    """Settings to start from; the other options override single ones."""

    config_file: Annotated[Path | None, tyro.conf.arg(name="config")] = None
    """Start from a config.json or result.json of an earlier run instead of a profile."""

    @property
    def name(self) -> str:
        """What a folder is called after."""
        return self.profile if self.config_file is None else self.config_file.stem


@dataclass(frozen=True, kw_only=True, slots=True)
class _OneRun:
    """What the actions share that work in the folder of a run, the one on what the other left there."""

    config: Annotated[BallsRunConfig, UNPREFIXED]
    out: Path | None = None
    """Output folder; without it runs/balls-<profile>."""

    processor: Annotated[BallProcessorName, tyro.conf.arg(name=_PROCESSOR.flag)]
    """Latent transition model; its own options are shown when it is chosen."""

    encoder: EncoderChoice
    """Windows of pictures to slots; its own options are shown when it is chosen."""

    decoder: DecoderChoice
    """Slots to a picture; its own options are shown when it is chosen."""

    start: Annotated[BallsStart, UNPREFIXED]
    compute: Annotated[Compute, UNPREFIXED]

    @property
    def folder(self) -> Path:
        """Where everything is written."""
        return Path("runs", f"balls-{self.start.name}") if self.out is None else self.out


@dataclass(frozen=True, kw_only=True, slots=True)
class RunBalls(_OneRun):
    """Do the whole chain on bouncing balls: record, pre-train on positions, train all arms on pictures, compare them.

    Prints a table and writes result.json, table.txt, curves.png, rollout.png and rollout.gif into the output folder.
    Repeat a run that was interrupted and it continues; what is finished is not done again.
    Example: rmr-gym balls run --profile quick
    """

    def execute(self, console: Console) -> None:
        """Do the whole chain."""
        command_line = ["rmr-gym", *sys.argv[1:]]  # without the path of the program, which is private
        device, reporter = self.compute.apply(), Reporter(console)
        result = run_balls(self.config, self.folder, device=device, command_line=command_line, reporter=reporter)
        console.print(render(result))
        console.print(f"Everything is in {self.folder}", highlight=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class PretrainBalls(_OneRun):
    """Do the first half of the chain: record trajectories and pre-train a processor on positions; no pictures.

    Prints a table and writes pretrained.json and the folder processor into the output folder. Repeat a call that was
    interrupted and it continues; `rmr-gym balls run` with the same output folder goes on from there.
    Example: rmr-gym balls pretrain --profile quick
    """

    def execute(self, console: Console) -> None:
        """Record and pre-train."""
        command_line = ["rmr-gym", *sys.argv[1:]]
        device, reporter = self.compute.apply(), Reporter(console)
        result = pretrain_balls(self.config, self.folder, device=device, command_line=command_line, reporter=reporter)
        console.print(abstract_table(result["abstract"]))
        console.print(f"Everything is in {self.folder}", highlight=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Bottleneck:
    """Measure what narrow latents cost: the chain with slots of several widths, and with an Interaction Network.

    Everything but the width, of slots and of the layers between them, is that of the settings (paper, appendix C); the
    arm is always rmr, whatever --arms says.
    Writes bottleneck.json and bottleneck.png.
    Example: rmr-gym balls bottleneck --profile quick --widths 2 16 128
    """

    config: Annotated[BallsRunConfig, UNPREFIXED]
    out: Path | None = None
    """Output folder; without it runs/balls-bottleneck-<profile>."""

    widths: tuple[int, ...] = DEFAULT_WIDTHS
    """Numbers per ball in the latent space."""

    interaction_network: bool = True
    """Whether to run the Interaction Network, whose latents are positions, too."""

    encoder: EncoderChoice
    """Windows of pictures to slots; its own options are shown when it is chosen."""

    decoder: DecoderChoice
    """Slots to a picture; its own options are shown when it is chosen."""

    start: Annotated[BallsStart, UNPREFIXED]
    compute: Annotated[Compute, UNPREFIXED]

    def execute(self, console: Console) -> None:
        """Run all widths."""
        out = Path("runs", f"balls-bottleneck-{self.start.name}") if self.out is None else self.out
        result = run_bottleneck(
            self.config,
            out,
            widths=self.widths,
            interaction_network=self.interaction_network,
            device=self.compute.apply(),
            command_line=["rmr-gym", *sys.argv[1:]],
            reporter=Reporter(console),
        )
        console.print(bottleneck_table(result))
        console.print(f"Everything is in {out}", highlight=False)


BallsAction = RunBalls | PretrainBalls | Bottleneck

BALL_ACTIONS: Registry[type[BallsAction]] = Registry(
    "action of rmr-gym balls", ("run", RunBalls), ("pretrain", PretrainBalls), ("bottleneck", Bottleneck)
)
"""What follows `rmr-gym balls`, by name."""

SUMMARIES = {
    "run": "the whole chain: record, pre-train on positions, train all arms on pictures, compare them",
    "pretrain": "the first half of the chain: record trajectories and pre-train a processor on positions",
    "bottleneck": "the chain with latents of several widths, and with an Interaction Network",
}
"""One line for each action."""


def parse_balls(arguments: Sequence[str]) -> BallsAction:
    """Turn what follows `rmr-gym balls` into the dataclass of its action.

    Args:
        arguments: name of the action and its options.

    Raises:
        ValueError: when a setting is out of range or the config file cannot be used.
        SystemExit: after `--help` (status 0) and on actions or options that do not exist (status 2).
    """
    parser = argparse.ArgumentParser(prog="rmr-gym balls", description="Bouncing balls (paper, section 4).")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name in BALL_ACTIONS:
        actions.add_parser(name, help=SUMMARIES[name], add_help=False)
    chosen = parser.parse_args(list(arguments[:1])).action
    options = list(arguments[1:])
    known = early_options(options, {"processor": _PROCESSOR, **_PICTURE_PARTS})
    profile = known.profile if known.profile in BALL_PROFILES else DEFAULT_BALLS_PROFILE  # tyro lists the known ones
    base = (
        BALL_PROFILES[profile]()
        if known.config is None
        else config_from_file(BallsRunConfig, known.config, known.profile)
    )
    action_class = BALL_ACTIONS[chosen]
    base = with_parts(base, known, _PICTURE_PARTS)
    values: dict[str, Any] = names_of(base, *_PICTURE_PARTS, parts=_PICTURE_PARTS)
    values |= {"start": BallsStart(profile=profile, config_file=known.config), "compute": Compute()}
    if action_class in (RunBalls, PretrainBalls):
        if known.processor in BALL_PROCESSORS:
            base = _with_processor(base, BALL_PROCESSORS[known.processor])
        values |= names_of(base, "processor", parts={"processor": _PROCESSOR})
    defaults: Any = action_class(config=base, **values)
    action: BallsAction = tyro.cli(
        action_class,
        args=options,
        prog=f"rmr-gym balls {chosen}",
        default=defaults,
        config=(tyro.conf.AvoidSubcommands,),
    )
    return action


def _with_processor(base: BallsRunConfig, config_class: type[BallProcessorConfig]) -> BallsRunConfig:
    """Put the defaults of the chosen class in the place of another one; the slots keep their width if they can."""
    before = base.abstract.processor
    if type(before) is config_class:
        return base
    if issubclass(config_class, InteractionNetworkConfig):
        return base.with_processor(config_class(history=HISTORY))
    return base.with_processor(config_class(slot_dim=base.natural.encoder.slot_dim))
