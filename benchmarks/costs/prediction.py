"""How long experiments take and how much they leave: counts of what they do, times unit costs."""

from __future__ import annotations

import math
from collections.abc import Mapping

from benchmarks.costs.units import UnitCosts, at_width
from benchmarks.experiment import USUAL_WIDTH, DataSettings, EncoderSettings, Experiment, ProcessorSettings
from rmr_gym.envs.games import NUM_RAM_BYTES
from rmr_gym.evaluation.probes import LinearProbeConfig
from rmr_gym.evaluation.readouts import READOUTS
from rmr_gym.models.processors import ProcessorConfig
from rmr_gym.pipeline.config import ProbingConfig
from rmr_gym.pipeline.config_json import to_json
from rmr_gym.pipeline.players import unpinned
from rmr_gym.training import ARMS

KEPT_SLOTS = 56
"""Bytes that are scored in a game, on average over the 24 (between 18 and 95, measured on random play)."""

BYTES_PER_RESULT = 5_000
"""Of a result without its curve (3,000 of processors and 5,000 of encoders, on average over those in `results/`)."""

BYTES_PER_RECORD = 200
"""Of a record of the curve; ours: a round number."""

BYTES_PER_WEIGHT = 4

_PASSES = 50  # over all frames, of the solver of the regularised probe; ours: a guess


def seconds_of(one: DataSettings | Experiment, costs: UnitCosts) -> float:
    """Predict the time of one core, or of a GPU.

    Episodes are counted in full length, but games that are over early take less.

    Args:
        one: a data set or an experiment.
        costs: of the device.
    """
    if isinstance(one, DataSettings):
        # The players of several sources take turns.
        steps = [_known(costs.step, unpinned(source)) for source in one.players]
        return one.config.num_episodes * one.config.max_steps * sum(steps) / len(steps)
    settings = one.settings
    if isinstance(settings, ProcessorSettings):
        return costs.begun + _pretraining(settings, costs)
    return costs.begun + _training(settings, one.slot_dim, costs) + _reading(settings, one.slot_dim, costs)


def bytes_of(one: DataSettings | Experiment, costs: UnitCosts, *, keep_encoders: bool = False) -> float:
    """Predict what a data set or an experiment leaves on the disk; arguments as of `seconds_of`."""
    if isinstance(one, DataSettings):
        return one.config.num_episodes * (one.config.max_steps + 1) * costs.bytes_per_frame
    settings, weights = one.settings, 0
    if isinstance(settings, ProcessorSettings):
        if settings.seed == settings.data.seed:
            built = settings.abstract.processor.build(NUM_RAM_BYTES)
            weights = sum(parameter.numel() for parameter in built.parameters())
    elif keep_encoders:
        weights = sum(parameter.numel() for parameter in settings.natural.encoder.build().parameters())
    return BYTES_PER_RESULT + BYTES_PER_RECORD * _num_records(settings) + BYTES_PER_WEIGHT * weights


def _num_records(settings: ProcessorSettings | EncoderSettings) -> int:
    """Count the updates whose terms are kept: every `log_every`-th, and the last."""
    if isinstance(settings, ProcessorSettings):
        loop = settings.abstract.loop
    elif ARMS[settings.trained_as].learns_from == "nothing":
        return 0
    else:
        loop = settings.natural.loop_of(settings.trained_as)
    last = loop.gradient_steps - 1
    return last // loop.log_every + 1 + (last % loop.log_every > 0)


def _pretraining(settings: ProcessorSettings, costs: UnitCosts) -> float:
    processor, loop = settings.abstract.processor, settings.abstract.loop
    config = settings.data.config
    scored = config.num_episodes * config.max_steps * config.validation_fraction
    trained = loop.gradient_steps * loop.batch_size * _pretrained_once(processor, processor.slot_dim, costs)
    return trained + scored * _known(costs.predicted, _name(processor)) * processor.slot_dim / USUAL_WIDTH


def _training(settings: EncoderSettings, width: int, costs: UnitCosts) -> float:
    arm, natural = ARMS[settings.trained_as], settings.natural
    if arm.learns_from == "nothing":
        return 0.0
    loop, resolution = natural.loop_of(settings.trained_as), _resolution(settings, costs)
    if arm.learns_from == "ram":
        return loop.gradient_steps * loop.batch_size * costs.supervised[resolution]
    processor = settings.processor
    config = processor.abstract.processor if isinstance(processor, ProcessorSettings) else processor
    of_mpnn, of_this = at_width(costs.pretrained["mpnn"], width), _pretrained_once(config, width, costs)
    one = at_width(costs.encoded_in_training[resolution], width) + of_this - of_mpnn
    if not arm.frozen:
        one += costs.processor_trained_too * width / USUAL_WIDTH
    return loop.gradient_steps * loop.batch_size * max(0.0, one)


def _reading(settings: EncoderSettings, width: int, costs: UnitCosts) -> float:
    probe, data = settings.probe, settings.data.config
    recorded = data.num_episodes * data.max_steps
    train = min(probe.num_train_frames, recorded * (1 - data.validation_fraction))
    held = min(probe.num_validation_frames, recorded * data.validation_fraction)
    seconds = (train + held) * costs.encoded[_resolution(settings, costs)]
    features = NUM_RAM_BYTES * width
    for name in probe.readouts:
        readout = READOUTS[name]
        frames = min(train, readout.num_labelled_frames or train)
        seen = min(features, readout.num_components or features)
        if readout.num_components is not None:
            seconds += train * features * costs.projected
        seconds += _fitting(frames, seen, name, probe, costs)
    return seconds


def _fitting(frames: float, features: int, readout: str, probe: ProbingConfig, costs: UnitCosts) -> float:
    """Predict the time of a probe that is not stopped early."""
    config, weights = probe.linear_for(readout), features * KEPT_SLOTS * 8
    if not isinstance(config, LinearProbeConfig):  # those that are added are taken for solvers, too
        return _PASSES * frames * weights * costs.fitted_sample
    updates = config.max_epochs * frames * (1 - config.held_out_fraction) / config.batch_size
    samples = config.max_epochs * frames
    return updates * costs.fitted_step + weights * (updates * costs.fitted_update + samples * costs.fitted_sample)


def _pretrained_once(processor: ProcessorConfig, width: int, costs: UnitCosts) -> float:
    """Return what it takes to train a processor on one transition."""
    return _known({name: at_width(by_width, width) for name, by_width in costs.pretrained.items()}, _name(processor))


def _resolution(settings: EncoderSettings, costs: UnitCosts) -> str:
    """Name the measured resolution of the pictures, or of an encoder for others the next larger one there is."""
    height, width = settings.natural.encoder.size
    by_size = sorted((math.prod(map(int, name.split("x"))), name) for name in costs.encoded)
    return next((name for cells, name in by_size if cells >= height * width), by_size[-1][1])


def _name(config: object) -> str:
    return str(to_json(config).get("type"))


def _known(costs: Mapping[str, float], name: str) -> float:
    """Return the cost of a part, the highest of all for one that was added and never measured."""
    return costs.get(name, max(costs.values()))
