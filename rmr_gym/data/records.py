"""Typed records of the data layer: episodes in memory, and batches."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rmr_gym.data.metadata import BallsEpisodeMetadata, EpisodeMetadata


@dataclass(frozen=True, kw_only=True, slots=True)
class Episode:
    """A whole episode of a game, decoded. Row t of the transition arrays leads from row t of the others to t + 1."""

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
class BallsEpisode:
    """A whole trajectory of bouncing balls, decoded; indexed like `Episode`."""

    metadata: BallsEpisodeMetadata
    """How it came about."""

    pixels: NDArray[np.uint8] | None
    """Pictures in red, green, blue, `(num_steps + 1, height, width, 3)`; None when none were recorded."""

    state: NDArray[np.float32]
    """Positions in metres, the origin in the middle of the box, `(num_steps + 1, ball, 2)`."""

    steps: NDArray[np.int32]
    """Steps since the start at each row, `(num_steps + 1,)`."""

    actions: NDArray[np.uint8]
    """Actions, `(num_steps,)`; all 0 in a world that nobody pushes."""

    rewards: NDArray[np.float32]
    """Rewards, `(num_steps,)`; all 0 in a world that nobody pushes."""

    terminated: NDArray[np.bool_]
    """Whether the episode ended with the transition, `(num_steps,)`."""

    truncated: NDArray[np.bool_]
    """Whether recording ended with the transition while the balls moved on, `(num_steps,)`."""


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


@dataclass(frozen=True, kw_only=True, slots=True)
class WindowBatch:
    """Windows of consecutive frames of bouncing balls and the frame after each; all arrays are fresh."""

    pixels: NDArray[np.uint8] | None
    """Pictures, the oldest first, `(batch, history, channel, height, width)`; None when they were not asked for."""

    state: NDArray[np.float32]
    """Positions in metres, the oldest first, `(batch, history, ball, 2)`."""

    next_pixels: NDArray[np.uint8] | None
    """Pictures of the frame after the window, `(batch, channel, height, width)`."""

    next_state: NDArray[np.float32]
    """Positions in that frame, `(batch, ball, 2)`."""
