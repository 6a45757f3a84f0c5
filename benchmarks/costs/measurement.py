"""Unit costs, measured on this machine or counted for another: a few updates of every kind, some seconds of play."""

from __future__ import annotations

import dataclasses
import functools
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from benchmarks.costs.roofline import Device, RooflineClock
from benchmarks.costs.units import FORMAT
from benchmarks.experiment import USUAL_WIDTH
from rmr_gym.data import TransitionDataset
from rmr_gym.envs.console import ConsoleConfig
from rmr_gym.evaluation.encoding import encode_frames
from rmr_gym.evaluation.principal import fit_principal_components
from rmr_gym.evaluation.probes import LinearProbeConfig
from rmr_gym.models import Processor
from rmr_gym.models.blocks import initial_weights
from rmr_gym.models.encoders import NatureCnnConfig
from rmr_gym.models.processors import PROCESSORS, MpnnConfig
from rmr_gym.objectives import AlignmentUniformityConfig
from rmr_gym.pipeline import stages
from rmr_gym.pipeline.config import GRADED, DataConfig
from rmr_gym.pipeline.data_estimate import estimate
from rmr_gym.pipeline.machine import hardware, versions
from rmr_gym.pipeline.players import PAPER, named_players
from rmr_gym.training import (
    AbstractConfig,
    LoopConfig,
    Member,
    NaturalConfig,
    predict_ram,
    train_encoder,
    train_encoders,
    train_processor,
)

Now = Callable[[], float]
"""Tells the time in seconds."""

Resolution = Literal["84x84", "210x160"]

RESOLUTIONS: tuple[Resolution, ...] = ("84x84", "210x160")


@dataclass(frozen=True, kw_only=True, slots=True)
class Sizes:
    """How much is measured."""

    game: str = "pong"
    """Game that is played."""

    players: tuple[str, ...] = (PAPER,)
    """Players whose time is measured beside that of `graded`."""

    num_episodes: int = 4
    """Episodes of it."""

    max_steps: int = 400
    """Steps of each."""

    updates: int = 6
    """Of every training; the quickest but for the first counts."""

    batch_size: int = 50
    """Transitions in each (paper, appendix B)."""

    widths: tuple[int, ...] = (8, USUAL_WIDTH)
    """Of the slots; the last is the usual one."""

    probe_frames: int = 1_000
    """Rows of made-up features for the probes."""

    together: int = 1
    """Encoders in an ensemble; what is measured is the share of one."""


def measure(
    sizes: Sizes,
    *,
    device: str = "cpu",
    counted_for: Device | None = None,
    as_gpu: bool = True,
    command: str,
    say: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Measure all unit costs.

    Args:
        sizes: how much is measured; larger is more exact.
        device: where the networks run.
        counted_for: a device that is not at hand. The networks run on the CPU, and the time of their operations is
            worked out for it; playing games, and reading the frames of the probes, are measured. Left out are copies to
            the device and what numpy does between; frames of a training lie on the device.
        as_gpu: whether it is counted how a GPU computes messages and takes Adam's steps, see `RooflineClock`.
        command: kept as the source.
        say: prints a line.

    Returns:
        JSON values for `UnitCosts`, with their format.
    """
    with tempfile.TemporaryDirectory() as folder:
        clock = None if counted_for is None else functools.partial(RooflineClock, counted_for, as_gpu=as_gpu)
        facts = {} if counted_for is None else {"counted_for": dataclasses.asdict(counted_for)}
        return _Measurement(sizes, device, clock, Path(folder), say).all(command, facts)


class _Measurement:
    def __init__(
        self,
        sizes: Sizes,
        device: str,
        counting: Callable[..., RooflineClock] | None,
        folder: Path,
        say: Callable[[str], None],
    ) -> None:
        self._sizes, self._device, self._counting, self._folder, self._say = sizes, device, counting, folder, say
        self._loop = LoopConfig(gradient_steps=sizes.updates, batch_size=sizes.batch_size, log_every=sizes.updates)

    def all(self, command: str, facts: Mapping[str, Any]) -> dict[str, Any]:
        """Measure everything, cheap things first; the facts belong to the source."""
        found: dict[str, Any] = {"format": FORMAT, "source": self._source(command) | dict(facts)}
        found |= self._playing()
        found |= self._processors()
        found |= self._encoders()
        found |= self._probes()
        return found

    def _source(self, command: str) -> dict[str, Any]:
        facts = {"command": command, "machine": hardware(self._device), "versions": versions()}
        return facts | {"sizes": dataclasses.asdict(self._sizes)}

    def _timing(self, *, members: int = 1) -> AbstractContextManager[Now]:
        """Return what tells the time of work of the networks, of one member's share in an ensemble where it counts."""
        if self._counting is None:
            return nullcontext(lambda: _now(self._device))
        return self._counting(members=members)

    def _playing(self) -> dict[str, Any]:
        sizes = self._sizes
        config = DataConfig(num_episodes=sizes.num_episodes, max_steps=sizes.max_steps, validation_fraction=0.25)
        start = _now(self._device)
        record = stages.collect(sizes.game, self._folder, config, num_workers=1)
        seconds = _now(self._device) - start
        frames = sum(split["num_frames"] for split in record["splits"].values())
        step = {GRADED: seconds / frames}
        console = ConsoleConfig(game=sizes.game)
        for source in sizes.players:
            players = named_players([source], sizes.game, config)
            step[source] = estimate(console, players, num_episodes=1, max_steps=1_000).core_seconds / 1_000
        return self._told({"step": step, "bytes_per_frame": record["num_bytes"] / frames})

    def _processors(self) -> dict[str, Any]:
        dataset = self._dataset()
        trained: dict[str, dict[str, float]] = {}
        predicted: dict[str, float] = {}
        for name, config_class in PROCESSORS.items():
            trained[name] = {}
            for width in self._sizes.widths if name == "mpnn" else self._sizes.widths[-1:]:
                config = AbstractConfig(processor=config_class(slot_dim=width), loop=self._loop)
                with self._timing() as now:
                    clock = _Clock(now)
                    model = train_processor(dataset, config, device=self._device, on_step=clock)
                trained[name][str(width)] = clock.quickest() / self._sizes.batch_size
            ram, action, _ = dataset.ram_transitions()
            with self._timing() as now:
                start = now()
                predict_ram(model, ram, action)
                predicted[name] = (now() - start) / len(ram)
        return self._told({"pretrained": trained, "predicted": predicted})

    def _encoders(self) -> dict[str, Any]:
        usual = self._sizes.widths[-1]
        frozen = {
            resolution: {
                str(width): self._training("frozen_random", resolution, width)
                for width in (self._sizes.widths if resolution == RESOLUTIONS[0] else (usual,))
            }
            for resolution in RESOLUTIONS
        }
        small, large = (frozen[resolution][str(usual)] for resolution in RESOLUTIONS)
        # What larger pictures cost more is not a matter of the slots.
        frozen[RESOLUTIONS[1]] |= {
            width: seconds + large - small for width, seconds in frozen[RESOLUTIONS[0]].items() if int(width) != usual
        }
        trained = self._training("c_swm", RESOLUTIONS[0], usual)
        return self._told(
            {
                "encoded_in_training": frozen,
                "processor_trained_too": max(0.0, trained - small),
                "supervised": {name: self._training("supervised", name, usual) for name in RESOLUTIONS},
                "encoded": {name: self._encoding(name, usual) for name in RESOLUTIONS},
            }
        )

    def _training(self, arm: str, resolution: Resolution, width: int) -> float:
        config = self._natural(resolution, width)
        dataset, processor, together = self._dataset(config.encoder.size), _processor(width), self._sizes.together
        with self._timing(members=together) as now:
            clock = _Clock(now)
            if together == 1 or self._counting is not None:  # the clock of a count knows of the others by itself
                train_encoder(arm, dataset, config, processor, device=self._device, on_step=clock)
                return clock.quickest() / self._sizes.batch_size
            members = [Member(arm, seed) for seed in range(together)]
            train_encoders(members, dataset, config, processor, device=self._device, on_step=clock)
        return clock.quickest() / self._sizes.batch_size / together

    def _encoding(self, resolution: Resolution, width: int) -> float:
        config = self._natural(resolution, width)
        dataset = self._dataset(config.encoder.size)
        with initial_weights(0):
            encoder = config.encoder.build().to(self._device)
        rows = np.arange(min(500, dataset.num_frames))
        with self._timing() as now:
            start = now()
            encode_frames(encoder, dataset, rows, device=self._device)
            seconds = now() - start
        if self._counting is not None:
            start = _now(self._device)
            dataset.frames(rows)
            seconds += _now(self._device) - start
        return seconds / len(rows)

    def _probes(self) -> dict[str, Any]:
        count, features, bits = self._sizes.probe_frames, 128 * self._sizes.widths[-1], 240
        generator = np.random.default_rng(0)
        rows = generator.standard_normal((count, features), np.float32).astype(np.float16)
        targets = generator.integers(0, 2, (count, bits), np.uint8)
        episodes = np.arange(count) // (count // 4)
        few = features // 8

        def taken(batch_size: int, width: int) -> tuple[float, float]:
            config = LinearProbeConfig(max_epochs=1, batch_size=batch_size, held_out_fraction=0.25)
            with self._timing() as now:
                start = now()
                config.fit(rows[:, :width], targets, episodes, device=self._device)
                return now() - start, float(np.ceil(0.75 * count / batch_size))

        # An update takes a constant, and a part by weight; a sample takes its part by weight.
        (short, many_updates), (long, few_updates) = taken(50, features), taken(250, features)
        update = max(0.0, (short - long) / (many_updates - few_updates))
        sample = max(0.0, long - few_updates * update) / (count * features * bits)
        narrow, _ = taken(50, few)
        narrow_update = max(0.0, narrow - count * few * bits * sample) / many_updates
        by_weight = max(0.0, update - narrow_update) / ((features - few) * bits)
        constant = max(0.0, update - features * bits * by_weight)
        with self._timing() as now:
            start = now()
            fit_principal_components(rows, 64, device=self._device)
            projected = (now() - start) / (count * features)
        told = {"fitted_step": constant, "fitted_update": by_weight, "fitted_sample": sample, "projected": projected}
        return self._told(told) | {"begun": 2.0}

    def _natural(self, resolution: Resolution, width: int) -> NaturalConfig:
        encoder = NatureCnnConfig(resolution=resolution, slot_dim=width, output_std=0.4)
        return NaturalConfig(
            encoder=encoder, objective=AlignmentUniformityConfig(), loop=self._loop, supervised=self._loop
        )

    def _dataset(self, size: tuple[int, int] | None = None) -> TransitionDataset:
        return TransitionDataset(self._folder, size=size)

    def _told(self, found: dict[str, Any]) -> dict[str, Any]:
        for name, value in found.items():
            self._say(f"{name}: {value}")
        return found


def _now(device: str) -> float:
    """Return seconds: of the processor, which other programs do not stretch, or by the clock where a GPU works."""
    if device == "cpu":
        return time.process_time()
    torch.cuda.synchronize()
    return time.perf_counter()


class _Clock:
    """Times the updates of a training."""

    def __init__(self, now: Now) -> None:
        self._now = now
        self._times: list[float] = []

    def __call__(self, step: int, total: int) -> None:
        """Take note of the end of an update."""
        del step, total
        self._times.append(self._now())

    def quickest(self) -> float:
        """Return the seconds of the quickest update: whatever else goes on makes updates slower and none quicker."""
        return float(np.diff(self._times).min())


def _processor(width: int) -> Processor:
    with initial_weights(0):
        return MpnnConfig(slot_dim=width).build(128)
