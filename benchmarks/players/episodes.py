"""Playing an episode, and what is kept of it: one line of JSON, and the memory and actions of every step beside it."""

from __future__ import annotations

import itertools
import json
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.players.order import Item, blind_round
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


def match_size(game: str, out: Path, *, first: int, max_steps: int, seed: int) -> Iterator[Line]:
    """Let the blind players of a game go on, round by round, until they have as many steps as all players together.

    All players together are a data set, with as many episodes of each as all have. One process is at a game, so that
    the rounds that are played do not depend on how many there are.

    Args:
        game: rom id.
        out: folder of the measurement, in which all players have played.
        first: number of the first round that may be missing.
        max_steps: see `measure`.
        seed: of the measurement.

    Yields:
        What was written.
    """
    try:
        with exclusive(out / game):
            for episode in itertools.count(first):
                played = [line for line, _ in read(out, game)]
                blind = [line for line in played if not line["lookahead_steps"]]
                if _num_steps(blind) >= _num_steps(equally_many_of_each(played)):
                    return
                for item in blind_round(game, episode):
                    line = measure(item, out, max_steps=max_steps, seed=seed)
                    if line is not None:
                        yield line
    except BusyFolderError:
        return


def equally_many_of_each(played: Sequence[Line]) -> list[Line]:
    """Return as many episodes of each player as all have, as a data set has equally many of each."""
    rounds = min(Counter(line["rank"] for line in played).values(), default=0)
    return [line for line in played if line["episode"] < rounds]


def _num_steps(lines: Sequence[Line]) -> int:
    return sum(line["steps"] + 1 for line in lines)


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


def read(out: Path, game: str = "*") -> Iterator[tuple[Line, Path]]:
    """Give the lines of all episodes that are finished, or those of a game, each with the file of its steps."""
    for path in sorted(out.glob(f"{game}/*/episode.json")):
        yield read_json(path), path.with_name("steps.npz")


def _require(line: Line, item: Item, *, max_steps: int, seed: int) -> None:
    now = {"format": FORMAT, "player": item.player.name, "max_steps": max_steps, "seed": seed}
    before = {name: line[name] for name in now}
    if before != now:
        raise ValueError(f"Expected an episode of {now} in the folder; got {before}. Measure into another folder.")
