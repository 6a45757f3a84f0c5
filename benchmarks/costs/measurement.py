"""Measures unit costs on this machine: a few updates of every kind, on a few seconds of play."""

from __future__ import annotations

import dataclasses
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

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


def measure(sizes: Sizes, *, device: str = "cpu", command: str, say: Callable[[str], None] = print) -> dict[str, Any]:
    """Measure all unit costs.

    Args:
        sizes: how much is measured; larger is more exact.
        device: where the networks run.
        command: kept as the source.
        say: prints a line.

    Returns:
        JSON values for `UnitCosts`, with their format.
    """
    with tempfile.TemporaryDirectory() as folder:
        return _Measurement(sizes, device, Path(folder), say).all(command)


class _Measurement:
    def __init__(self, sizes: Sizes, device: str, folder: Path, say: Callable[[str], None]) -> None:
        self._sizes, self._device, self._folder, self._say = sizes, device, folder, say
        self._loop = LoopConfig(gradient_steps=sizes.updates, batch_size=sizes.batch_size, log_every=sizes.updates)

    def all(self, command: str) -> dict[str, Any]:
        """Measure everything, cheap things first."""
        found: dict[str, Any] = {"format": FORMAT, "source": self._source(command)}
        found |= self._playing()
        found |= self._processors()
        found |= self._encoders()
        found |= self._probes()
        return found

    def _source(self, command: str) -> dict[str, Any]:
        facts = {"command": command, "machine": hardware(self._device), "versions": versions()}
        return facts | {"sizes": dataclasses.asdict(self._sizes)}

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
                clock = _Clock(self._device)
                config = AbstractConfig(processor=config_class(slot_dim=width), loop=self._loop)
                model = train_processor(dataset, config, device=self._device, on_step=clock)
                trained[name][str(width)] = clock.quickest() / self._sizes.batch_size
            ram, action, _ = dataset.ram_transitions()
            start = _now(self._device)
            predict_ram(model, ram, action)
            predicted[name] = (_now(self._device) - start) / len(ram)
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
        dataset, processor, clock = self._dataset(config.encoder.size), _processor(width), _Clock(self._device)
        together = self._sizes.together
        if together == 1:
            train_encoder(arm, dataset, config, processor, device=self._device, on_step=clock)
        else:
            members = [Member(arm, seed) for seed in range(together)]
            train_encoders(members, dataset, config, processor, device=self._device, on_step=clock)
        return clock.quickest() / self._sizes.batch_size / together

    def _encoding(self, resolution: Resolution, width: int) -> float:
        config = self._natural(resolution, width)
        dataset = self._dataset(config.encoder.size)
        with initial_weights(0):
            encoder = config.encoder.build().to(self._device)
        rows = np.arange(min(500, dataset.num_frames))
        start = _now(self._device)
        encode_frames(encoder, dataset, rows, device=self._device)
        return (_now(self._device) - start) / len(rows)

    def _probes(self) -> dict[str, Any]:
        count, features, bits = self._sizes.probe_frames, 128 * self._sizes.widths[-1], 240
        generator = np.random.default_rng(0)
        rows = generator.standard_normal((count, features), np.float32).astype(np.float16)
        targets = generator.integers(0, 2, (count, bits), np.uint8)
        episodes = np.arange(count) // (count // 4)
        taken = {}
        for size in (50, 250):
            config = LinearProbeConfig(max_epochs=1, batch_size=size, held_out_fraction=0.25)
            start = _now(self._device)
            config.fit(rows, targets, episodes, device=self._device)
            taken[size] = (_now(self._device) - start) / (features * bits)
        updates = {size: np.ceil(0.75 * count / size) for size in taken}
        update = max(0.0, (taken[50] - taken[250]) / (updates[50] - updates[250]))
        sample = max(0.0, taken[250] - updates[250] * update) / count
        start = _now(self._device)
        fit_principal_components(rows, 64, device=self._device)
        projected = (_now(self._device) - start) / (count * features)
        told = {"fitted_update": float(update), "fitted_sample": float(sample), "projected": projected}
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

    def __init__(self, device: str) -> None:
        self._device = device
        self._times: list[float] = []

    def __call__(self, step: int, total: int) -> None:
        """Take note of the end of an update."""
        del step, total
        self._times.append(_now(self._device))

    def quickest(self) -> float:
        """Return the seconds of the quickest update: whatever else goes on makes updates slower and none quicker."""
        return float(np.diff(self._times).min())


def _processor(width: int) -> Processor:
    with initial_weights(0):
        return MpnnConfig(slot_dim=width).build(128)
