"""Typed records of the data layer: what is known about an episode, an episode in memory, and batches."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rmr_gym.envs.actions import NUM_ACTIONS
from rmr_gym.envs.console import ConsoleConfig
from rmr_gym.errors import explain


@dataclass(frozen=True, kw_only=True, slots=True)
class EpisodeMetadata:
    """How an episode came about: enough to play it again, frame by frame."""

    console: ConsoleConfig
    """Game and preprocessing."""

    seed: int
    """Seed of the collection."""

    episode_index: int
    """Number of the episode in its collection; with the seed it decides everything random in the episode."""

    player: str
    """Name of the player."""

    skill: float
    """Grade of the player in 0..1."""

    num_noops: int
    """Emulated frames without action between the reset and the first agent step."""

    lead_in: tuple[int, ...]
    """ALE values of the actions that were played after the no-ops and before the first stored row."""

    num_steps: int
    """Stored transitions, at least 1; the file has one row more."""

    max_steps: int
    """Most transitions that the collection stores of an episode."""

    rom_md5: str
    """Checksum of the cartridge."""

    palette_hex: str
    """The 256 RGB colours behind the palette indices, as hexadecimal digits."""

    versions: Mapping[str, str]
    """Versions of the packages that decide the content."""

    def __post_init__(self) -> None:
        """Refuse values of the wrong type or range, which a foreign or damaged file may hold."""
        ranges = {
            "seed": (-math.inf, math.inf),
            "episode_index": (0, math.inf),
            "num_noops": (0, math.inf),
            "num_steps": (1, math.inf),
            "max_steps": (1, math.inf),
            "skill": (0, 1),
        }
        for name, (least, most) in ranges.items():
            value = getattr(self, name)
            kinds = (int, float) if name == "skill" else (int,)
            _require(type(value) in kinds and least <= value <= most, name, value)
        for name, kind in (("player", str), ("rom_md5", str), ("palette_hex", str), ("versions", Mapping)):
            _require(isinstance(getattr(self, name), kind), name, getattr(self, name))
        _require(all(type(a) is int and 0 <= a < NUM_ACTIONS for a in self.lead_in), "lead_in", self.lead_in)
        _require(len(bytes.fromhex(self.palette_hex)) == 256 * 3, "palette_hex", self.palette_hex)

    @property
    def palette(self) -> NDArray[np.uint8]:
        """Colours of the palette indices, uint8 `(256, 3)`, read-only."""
        return np.frombuffer(bytes.fromhex(self.palette_hex), dtype=np.uint8).reshape(256, 3)


def _require(holds: bool, name: str, value: object) -> None:
    if not holds:
        raise ValueError(explain(expected=f"valid episode metadata {name!r}", got=value, fix="Collect it again."))


@dataclass(frozen=True, kw_only=True, slots=True)
class Episode:
    """A whole episode, decoded. Row t of the transition arrays leads from row t of the others to row t + 1."""

    metadata: EpisodeMetadata
    """How it came about."""

    screens: NDArray[np.uint8]
    """Palette indices, `(num_steps + 1, 210, 160)`."""

    ram: NDArray[np.uint8]
    """Memory behind each screen, `(num_steps + 1, 128)`."""

    steps: NDArray[np.int32]
    """Agent steps since the reset at each screen, `(num_steps + 1,)`."""

    actions: NDArray[np.uint8]
    """ALE action values, `(num_steps,)`."""

    rewards: NDArray[np.float32]
    """Sum of the rewards over the skipped frames, unclipped, `(num_steps,)`."""

    terminated: NDArray[np.bool_]
    """Whether the game ended with the transition, `(num_steps,)`; only the last can be True."""

    truncated: NDArray[np.bool_]
    """Whether recording ended with the transition while the game went on, `(num_steps,)`."""

    def rgb(self) -> NDArray[np.uint8]:
        """Return the screens in colour, `(num_steps + 1, 210, 160, 3)`: 100 kB each."""
        colors: NDArray[np.uint8] = self.metadata.palette[self.screens]
        return colors


@dataclass(frozen=True, kw_only=True, slots=True)
class TransitionBatch:
    """Transitions (observation, action, next observation); all arrays are fresh."""

    pixels: NDArray[np.uint8] | None
    """Pictures, `(batch, channel, height, width)`; None when they were not asked for."""

    ram: NDArray[np.uint8]
    """Memory behind the pictures, `(batch, 128)`."""

    action: NDArray[np.int64]
    """ALE action values in 0..17, `(batch,)`."""

    next_pixels: NDArray[np.uint8] | None
    """Pictures one agent step later, shaped like `pixels`."""

    next_ram: NDArray[np.uint8]
    """Memory behind `next_pixels`, `(batch, 128)`."""

    terminated: NDArray[np.bool_]
    """Whether the game ended with the transition, `(batch,)`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FrameBatch:
    """Single frames with the memory behind them; all arrays are fresh."""

    pixels: NDArray[np.uint8] | None
    """Pictures, `(batch, channel, height, width)`; None when they were not asked for."""

    ram: NDArray[np.uint8]
    """Memory behind the pictures, `(batch, 128)`."""

    episode: NDArray[np.int64]
    """Position of each frame's episode in `EpisodeStore.episodes`, `(batch,)`."""
