"""What is compared: processors in the abstract stage, arms in the natural one. A new one is one function here."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from benchmarks.experiment import DataSettings, EncoderSettings, Experiment, ProcessorSettings
from rmr_gym.models.processors import PROCESSORS
from rmr_gym.pipeline.config import GRADED, RunConfig
from rmr_gym.pipeline.players import pinned
from rmr_gym.registry import Registry
from rmr_gym.training import ARMS, AbstractConfig, LoopConfig, NaturalConfig

Players = tuple[str, ...]
"""Names of who plays, see `rmr_gym.pipeline.players.named_players`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """How an arm of the natural stage comes about."""

    trained_as: str
    """Name in `rmr_gym.training.ARMS`: what is frozen, and what the encoder learns from."""

    abstract: AbstractConfig
    """Training of the processor that goes in; arms with a random processor take its shape."""

    natural: NaturalConfig
    """Model, objective and optimisation."""


def _processor(name: str, settings: RunConfig) -> AbstractConfig:
    """Train one of the processors with the settings of the profile."""
    config_class = PROCESSORS[name]
    given = settings.abstract.processor
    # What the profile says about a processor of this class holds; the others take their defaults at the same width.
    processor = given if isinstance(given, config_class) else config_class(slot_dim=given.slot_dim)
    return dataclasses.replace(settings.abstract, processor=processor)


def _as_trained(name: str, settings: RunConfig) -> Recipe:
    """Take an arm of `rmr-gym run` as it is."""
    return Recipe(trained_as=name, abstract=settings.abstract, natural=settings.natural)


PROCESSOR_ARMS: Registry[Callable[[RunConfig], AbstractConfig]] = Registry(
    "arm of the abstract stage", *((name, partial(_processor, name)) for name in PROCESSORS)
)
"""Trainings of processors by name, functions of the settings of a profile."""

ENCODER_ARMS: Registry[Callable[[RunConfig], Recipe]] = Registry(
    "arm of the natural stage", *((name, partial(_as_trained, name)) for name in ARMS)
)
"""Trainings of encoders by name, functions of the settings of a profile."""


def abstract_experiment(
    game: str, arm: str, seed: int, settings: RunConfig, profile: str, *, players: Players = (GRADED,)
) -> Experiment:
    """Build the experiment that trains a processor on the memory of a game.

    Args:
        game: rom id.
        arm: name in `PROCESSOR_ARMS`.
        seed: of weights and batches.
        settings: the other settings; its own game, arms and seeds are not looked at, but its first seed is that of
            the data.
        profile: where the settings come from.
        players: who plays for the data; `{game}` in a name stands for the game.

    Raises:
        ValueError: when the arm is unknown.
    """
    return Experiment(
        kind="abstract",
        game=game,
        donor=game,
        arm=arm,
        seed=seed,
        profile=profile,
        settings=_processor_settings(PROCESSOR_ARMS[arm](settings), seed, settings, _data(game, settings, players)),
    )


def natural_experiment(
    game: str,
    arm: str,
    seed: int,
    settings: RunConfig,
    profile: str,
    *,
    donor: str | None = None,
    players: Players = (GRADED,),
) -> Experiment:
    """Build the experiment that trains and probes an encoder.

    Data, the pre-trained processor and the frames of the probe are those of the first seed of the settings for all
    arms and seeds, as in `rmr-gym run`. Settings that an arm does not use take their defaults, so that a change of them
    leaves its experiments what they are.

    Args:
        game: rom id.
        arm: name in `ENCODER_ARMS`.
        seed: of weights, batches and negatives.
        settings: the other settings.
        profile: where they come from.
        donor: game whose processor is used, by default the same; makes no difference to arms without a pre-trained one.
        players: who plays for the data; `{game}` in a name stands for the game.

    Raises:
        ValueError: when the arm is unknown.
    """
    recipe = ENCODER_ARMS[arm](settings)
    pretrained = takes_processor(arm, settings)
    source = donor if donor is not None and pretrained else game
    trained = _processor_settings(recipe.abstract, settings.seed, settings, _data(source, settings, players))
    return Experiment(
        kind="natural",
        game=game,
        donor=source,
        arm=arm,
        seed=seed,
        profile=profile,
        settings=EncoderSettings(
            data=_data(game, settings, players),
            trained_as=recipe.trained_as,
            processor=trained if pretrained else recipe.abstract.processor,
            natural=_used(recipe.trained_as, recipe.natural),
            probe=settings.probe,
            probe_seed=settings.seed,
            seed=seed,
        ),
    )


def takes_processor(arm: str, settings: RunConfig) -> bool:
    """Tell whether an arm of the natural stage begins with a pre-trained processor, and so has a donor."""
    return ARMS[ENCODER_ARMS[arm](settings).trained_as].processor == "pretrained"


def with_width(settings: RunConfig, slot_dim: int) -> RunConfig:
    """Return settings with slots of another width, in processor and encoder."""
    abstract = dataclasses.replace(
        settings.abstract, processor=dataclasses.replace(settings.abstract.processor, slot_dim=slot_dim)
    )
    natural = dataclasses.replace(
        settings.natural, encoder=dataclasses.replace(settings.natural.encoder, slot_dim=slot_dim)
    )
    return dataclasses.replace(settings, abstract=abstract, natural=natural)


def _data(game: str, settings: RunConfig, players: Players) -> DataSettings:
    # Results of other players are other results: without the pin a later version would go on with them.
    named = tuple(pinned(player.replace("{game}", game), game) for player in players)
    return DataSettings(game=game, seed=settings.seed, config=settings.data, players=named)


def _processor_settings(
    abstract: AbstractConfig, seed: int, settings: RunConfig, data: DataSettings
) -> ProcessorSettings:
    return ProcessorSettings(
        data=data, abstract=abstract, entropy_threshold=settings.probe.entropy_threshold, seed=seed
    )


def _used(trained_as: str, natural: NaturalConfig) -> NaturalConfig:
    """Leave of the settings what an arm uses."""
    source = ARMS[trained_as].learns_from
    unused: dict[str, Any] = {}
    if source != "ram":
        unused["supervised"] = LoopConfig()
    if source != "pixels":
        unused |= {"loop": LoopConfig(), "objective": NaturalConfig().objective}
    return dataclasses.replace(natural, **unused)
