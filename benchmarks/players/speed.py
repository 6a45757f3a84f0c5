"""How many steps are recorded per second of one core, averaged over the players: pictures, compression and all."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import gymnasium as gym
from numpy.typing import NDArray

from rmr_gym.atomic import write_atomically
from rmr_gym.data.recording import record_episode
from rmr_gym.envs.console import Console, ConsoleConfig
from rmr_gym.players import Player, attach, lookahead_steps, paper_heads

FORMAT = "rmr-players-speed/1"

_UNCOUNTED = 10
"""First steps of an episode: in a window of the usual length what is loaded at the start, and that players look ahead
before the first step for several to come, hardly matters."""


def measure_speed(game: str, out: Path, *, num_steps: int) -> dict[str, Any]:
    """Record a window of every player, as a collection does, and write down what a step took.

    A long episode is stored as a window, so that some steps are played before it; they count as time, not as steps.

    Args:
        game: rom id.
        out: folder of the measurement.
        num_steps: stored steps of each player, over 10; as many more, at most, are played before them.

    Returns:
        What was written.
    """
    out.mkdir(parents=True, exist_ok=True)
    console = Console(ConsoleConfig(game=game))
    players: list[dict[str, Any]] = []
    for player in sorted(paper_heads(game), key=lambda one: one.skill):
        clock = _Clock()
        with tempfile.TemporaryDirectory() as folder:
            # The numbers of the episodes are those of a collection of 32: each starts and ends elsewhere.
            made = record_episode(
                console, _Timed(player, clock), Path(folder), seed=0, episode_index=len(players), max_steps=num_steps
            )
        played = len(made.lead_in) + made.num_steps - _UNCOUNTED
        players.append(
            {
                "player": player.name,
                "lookahead_steps": lookahead_steps(player),
                "seconds_per_played_step": round((time.process_time() - clock.begun) / played, 6),
            }
        )
    mean = sum(player["seconds_per_played_step"] for player in players) / len(players)
    document = {
        "format": FORMAT,
        "game": game,
        "num_steps": num_steps,
        "played_steps_per_second": round(1 / mean, 1),
        # A window begins anywhere from 0 to its own length: for two steps that are stored three are played.
        "recorded_steps_per_second": round(1 / (1.5 * mean), 1),
        "players": players,
    }
    write_atomically(out / f"speed-{game}.json", json.dumps(document).encode())
    return document


class _Clock:
    """Knows when an episode began; copies of a player share it."""

    begun = 0.0

    def __deepcopy__(self, memo: object) -> _Clock:
        return self


class _Timed:
    """A player that notes when the steps begin that are counted."""

    def __init__(self, player: Player, clock: _Clock) -> None:
        self.name, self.skill = player.name, player.skill
        self._player, self._clock, self._asked = player, clock, 0

    def attach(self, env: Console | gym.Env[Any, Any]) -> None:
        attach(self._player, env)

    def start_episode(self, legal_actions: Sequence[int], seed: int) -> None:
        self._player.start_episode(legal_actions, seed)

    def act(self, observation: Mapping[str, NDArray[Any]]) -> int:
        if self._asked == _UNCOUNTED:
            self._clock.begun = time.process_time()
        self._asked += 1
        return self._player.act(observation)
