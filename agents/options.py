"""The options of `agents.train`, made from the config of an agent."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

import tyro

from rmr_gym.errors import explain
from rmr_gym.models.checkpoint import read_encoder_document
from rmr_gym.sb3.training import (
    ALGORITHMS,
    BALLS_PUSH,
    FEATURES,
    AgentConfig,
    AnyAlgorithmConfig,
    AnyFeatures,
    EncoderFeatures,
    FineTunedFeatures,
    GameOptions,
    NatureCnnFeatures,
    StateFeatures,
)
from rmr_gym.sb3.training.networks import encoder_folder, has_encoder

if TYPE_CHECKING:
    AlgorithmName: TypeAlias = str
    FeaturesName: TypeAlias = str
else:  # the choices of the command line are the names in the registries
    AlgorithmName, FeaturesName = Literal[tuple(ALGORITHMS)], Literal[tuple(FEATURES)]

_BALLS_STACK, _GAME_STACK = 3, 4


@dataclass(frozen=True, kw_only=True, slots=True)
class Train:
    """Train an agent of Stable-Baselines3, from pictures or through an encoder that was trained here.

    Killed trainings continue at their last checkpoint when the command is repeated. TensorBoard shows them:
    tensorboard --logdir runs. Algorithms have the settings of RL Baselines3 Zoo for Atari; a million steps of PPO take
    hours on a few cores.

    From scratch: python -m agents.train --game pong --algo ppo --steps 1000000

    Through a frozen encoder: python -m agents.train --game pong --encoder runs/demo/encoders/rmr/seed-0

    Training it further: the same with --features fine_tuned

    Another algorithm: python -m agents.train --game breakout --algo dqn --algo.buffer-size 50000
    """

    config: Annotated[AgentConfig, tyro.conf.arg(name="")]

    algo: Annotated[AlgorithmName, tyro.conf.arg(name="algo")] = "ppo"
    """How it learns; decides which --algo options there are."""

    features: Annotated[FeaturesName, tyro.conf.arg(name="features")] = "nature_cnn"
    """What it sees: pictures through a network from scratch, a frozen encoder, one that is trained further, or the RAM
    (positions of balls). Decides which --features options there are. With --encoder the default is encoder."""

    encoder: str | None = None
    """Folder of an encoder, from `rmr-gym run`, `rmr-gym train` or `rmr-gym balls`."""

    out: Path | None = None
    """Folder of the training; without it runs/agents/<game>-<algo>-<features>-seed-<seed>."""

    device: str = "cpu"
    """cpu, cuda or cuda:<index>."""

    threads: int | None = None
    """Threads of PyTorch; without it OMP_NUM_THREADS decides, else the number of cores."""

    @property
    def folder(self) -> Path:
        """Folder of the training."""
        name = f"{self.config.task}-{self.algo}-{self.features}-seed-{self.config.seed}"
        return self.out or Path("runs", "agents", name)


def parse(arguments: Sequence[str]) -> Train:
    """Turn arguments into options.

    Game, algorithm and features are looked at first, because they decide which options there are and what their
    defaults are.

    Raises:
        ValueError: when a setting is out of range, or the features need an encoder.
        SystemExit: after `--help` (status 0) and on options that do not exist (status 2).
    """
    early = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    for name in ("game", "algo", "features", "encoder", "seed", "out"):
        early.add_argument(f"--{name}", nargs="?")  # without a value tyro says what is missing
    known, _ = early.parse_known_args(list(arguments))
    # Unknown names are left to tyro, which lists the known ones.
    algo = known.algo if known.algo in ALGORITHMS else "ppo"
    default_features = "nature_cnn" if known.encoder is None else "encoder"
    features = known.features if known.features in FEATURES else default_features
    algorithm = ALGORITHMS[algo]()
    config = AgentConfig(
        task=known.game or "pong",
        algorithm=algorithm,
        features=_features(features, known.encoder, algorithm),
        seed=_seed(known.seed),
        game=GameOptions(life_is_episode=not algorithm.recurrent),  # as RL Baselines3 Zoo has it
    )
    out = None if known.out is None else Path(known.out)
    default = Train(config=config, algo=algo, features=features, encoder=known.encoder, out=out)
    chosen: Train = tyro.cli(
        Train,
        args=list(arguments),
        default=replace(default, config=replace(config, stack=_stack(default))),
        prog="python -m agents.train",
        config=(tyro.conf.AvoidSubcommands,),
    )
    return chosen


def _features(name: str, encoder: str | None, algorithm: AnyAlgorithmConfig) -> AnyFeatures:
    """Return the default settings of what an agent sees."""
    chosen = FEATURES[name]
    if issubclass(chosen, NatureCnnFeatures | StateFeatures):
        if encoder is not None:
            got = f"--encoder {encoder} and --features {name}"
            raise ValueError(explain(expected="features that use an encoder", got=got, fix="Leave one of them out."))
        return chosen()
    if encoder is None:
        fix = "Pass --encoder FOLDER, as `rmr-gym train` wrote it."
        raise ValueError(explain(expected=f"an encoder for --features {name}", got="none", fix=fix))
    if chosen is FineTunedFeatures:
        return FineTunedFeatures(path=encoder)
    # Replay buffers hold pictures in bytes; thousands of features of each would not fit.
    return EncoderFeatures(path=encoder, through="extractor" if algorithm.off_policy else "wrapper")


def _seed(word: str | None) -> int:
    """Return the seed, or 0 where tyro will say what is wrong with it."""
    with suppress(ValueError):
        return int(word or 0)
    return 0


def _stack(options: Train) -> int:
    """Return how many pictures an observation has: the window of the encoder, if it has one."""
    encoder = options.encoder
    if encoder is not None:
        # Trainings go on with their copy when the encoder is gone.
        gone = not Path(encoder).is_dir() and has_encoder(options.folder)
        document = read_encoder_document(encoder_folder(options.folder) if gone else encoder)
        if document["kind"] == "video encoder":
            return int(document["config"]["history"])
    return _BALLS_STACK if options.config.task == BALLS_PUSH else _GAME_STACK
