"""What a collection will take, guessed from a few seconds of play."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rmr_gym.data.reader import EpisodeFile
from rmr_gym.data.recording import record_episode
from rmr_gym.envs.console import Console, ConsoleConfig
from rmr_gym.players import Player, lookahead_steps

_STEPS = 24
"""Stored steps of a trial; play goes on for up to as many before them."""

_LEAD_IN = 1.5
"""Steps that are played for each one that is stored, on average, while the game is not over; see `collect`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Estimate:
    """What a number of episodes takes at most, roughly: games that are over early take less."""

    num_bytes: float
    """Bytes on the disk."""

    core_seconds: float
    """Time of one core."""

    def __add__(self, other: Estimate) -> Estimate:
        return Estimate(num_bytes=self.num_bytes + other.num_bytes, core_seconds=self.core_seconds + other.core_seconds)


NOTHING = Estimate(num_bytes=0.0, core_seconds=0.0)
"""What no episodes take."""


def estimate(console: ConsoleConfig, players: Sequence[Player], *, num_episodes: int, max_steps: int) -> Estimate:
    """Let the weakest and a strong player play a moment, and scale up what that took.

    The strong one is the strongest, but where players look ahead one that does so about as far as they do on average:
    what they take grows with it.

    Args:
        console: game and preprocessing.
        players: those that will take turns.
        num_episodes: episodes to be played.
        max_steps: most stored steps of each.
    """
    if num_episodes == 0:
        return NOTHING
    ranked = sorted(players, key=lambda player: player.skill)
    mean = sum(map(lookahead_steps, ranked)) / len(ranked)
    strong = min(reversed(ranked), key=lambda player: abs(lookahead_steps(player) - mean))
    tried = [ranked[0], strong] if len(ranked) > 1 else ranked
    game = Console(console)
    num_bytes = 0.0
    spent: list[tuple[float, float]] = []  # steps looked ahead for each step, and seconds
    with tempfile.TemporaryDirectory() as folder:
        for number, player in enumerate(tried):
            # Once for what is loaded at the first step. Processor time leaves out the wait for the disk.
            record_episode(game, player, Path(folder), seed=1, episode_index=len(tried) + number, max_steps=1)
            started = time.process_time()
            metadata = record_episode(game, player, Path(folder), seed=0, episode_index=number, max_steps=_STEPS)
            per_step = (time.process_time() - started) / (len(metadata.lead_in) + metadata.num_steps)
            (path,) = Path(folder).glob(f"ep-{number:06d}-*")
            file = EpisodeFile(path)
            pictures = [len(file.compressed(row)) for row in range(file.num_rows)]
            per_row = sum(pictures) / len(pictures) + file.layout.abstract_bytes + _ROW_BYTES
            num_bytes += (_FILE_BYTES + per_row * max_steps) / len(tried)
            spent.append((lookahead_steps(player), per_step))
    seconds = _at(mean, spent) * _LEAD_IN * max_steps
    return Estimate(num_bytes=num_bytes * num_episodes, core_seconds=seconds * num_episodes)


def _at(mean: float, spent: Sequence[tuple[float, float]]) -> float:
    """Return the time of a step at a number of steps looked ahead, on the line through what was measured."""
    (first, low), (last, high) = spent[0], spent[-1]
    if first == last:
        return (low + high) / 2
    return max(low + (high - low) * (mean - first) / (last - first), 0.0)


_ROW_BYTES = 14
"""Of a row's other columns: offset of the picture, action, reward, two flags, step."""

_FILE_BYTES = 6_000
"""Of a file's headers and metadata, and of the actions before a stored window."""
