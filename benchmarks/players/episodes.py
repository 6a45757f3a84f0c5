"""Playing an episode, and what is kept of it: one line of JSON, and the memory and actions of every step beside it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.players.order import Item
from rmr_gym.atomic import write_atomically
from rmr_gym.documents import exclusive, read_json
from rmr_gym.envs.console import Console, ConsoleConfig
from rmr_gym.errors import BusyFolderError
from rmr_gym.players import attach, lookahead_steps
from rmr_gym.seeding import derive

Line = dict[str, Any]

FORMAT = "rmr-players-episode/2"


def measure(item: Item, out: Path, *, max_steps: int, seed: int) -> Line | None:
    """Play an episode unless it is there or another process is at it.

    Args:
        item: which one.
        out: folder of the measurement; several processes may work in it.
        max_steps: play stops after so many steps if the game is not over.
        seed: of the measurement.

    Returns:
        What was written, None where nothing was played.

    Raises:
        ValueError: when the episode that is there was measured with other settings.
    """
    folder = out / item.game / f"{item.rank:02d}-{item.episode}"
    path = folder / "episode.json"
    if path.exists():
        _require(read_json(path), item, max_steps=max_steps, seed=seed)
        return None
    try:
        with exclusive(folder):
            if path.exists():
                return None
            line, ram, actions = _play(item, max_steps=max_steps, seed=seed)
            np.savez_compressed(folder / "steps.npz", ram=ram, actions=actions)
            write_atomically(path, json.dumps(line).encode())
            return line
    except BusyFolderError:
        return None


def _play(item: Item, *, max_steps: int, seed: int) -> tuple[Line, NDArray[np.uint8], NDArray[np.uint8]]:
    console = Console(ConsoleConfig(game=item.game))
    # A start of its own, as in a data set: episodes of one start begin with the same frames.
    start = derive(seed, item.game, item.player.name, item.episode)
    attach(item.player, console)
    item.player.start_episode(console.legal_actions, derive(start, "player"))
    pair = console.reset(start)
    rams, score, best, over = [pair.ram], 0.0, 0.0, False
    actions: list[int] = []
    begun = time.process_time()
    while len(actions) < max_steps and not over:
        actions.append(item.player.act({"ram": pair.ram}))
        pair, reward, over = console.step(actions[-1])
        rams.append(pair.ram)
        score += reward
        best = max(best, score)
    line = {
        "format": FORMAT,
        "game": item.game,
        "player": item.player.name,
        "skill": item.player.skill,
        "rank": item.rank,
        "episode": item.episode,
        "seed": seed,
        "max_steps": max_steps,
        "steps": len(actions),
        "over": over,
        "score": score,
        "best_score": best,
        "lookahead_steps": lookahead_steps(item.player),
        "processor_seconds": round(time.process_time() - begun, 3),
    }
    return line, np.stack(rams), np.array(actions, np.uint8)


def read(out: Path) -> Iterator[tuple[Line, Path]]:
    """Give the lines of all episodes that are finished, each with the file of its steps."""
    for path in sorted(out.glob("*/*/episode.json")):
        yield read_json(path), path.with_name("steps.npz")


def _require(line: Line, item: Item, *, max_steps: int, seed: int) -> None:
    now = {"format": FORMAT, "player": item.player.name, "max_steps": max_steps, "seed": seed}
    before = {name: line[name] for name in now}
    if before != now:
        raise ValueError(f"Expected an episode of {now} in the folder; got {before}. Measure into another folder.")
