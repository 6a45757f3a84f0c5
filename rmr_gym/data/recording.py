"""One episode: a player at the console, written down."""

from __future__ import annotations

import copy
import functools
import importlib.metadata
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rmr_gym.data.metadata import EpisodeMetadata
from rmr_gym.data.writer import EpisodeWriter
from rmr_gym.envs.console import Console, Pair
from rmr_gym.players import Player, attach
from rmr_gym.seeding import derive, numpy_generator

_VERSIONED = ("ale-py", "numpy", "pyarrow", "zstandard")


def record_episode(
    console: Console, player: Player, directory: Path, *, seed: int, episode_index: int, max_steps: int
) -> EpisodeMetadata:
    """Play one episode and write its last steps, see `collect` for which.

    Args:
        console: the game; may have been used before.
        player: copied, so that it is not changed and carries nothing over.
        directory: where the file goes.
        seed: seed of the collection.
        episode_index: number of the episode; with the seed it decides start, play and window.
        max_steps: most stored transitions.

    Returns:
        What was stored with the episode, after it is safe on the disk.

    Raises:
        ValueError: when the player gives no ALE action value, or its skill is not in 0..1.
        OSError: when the disk is full; nothing is left behind.
    """
    episode_seed = derive(seed, "episode", episode_index)
    player = copy.deepcopy(player)
    attach(player, console)
    player.start_episode(console.legal_actions, derive(episode_seed, "player"))
    pair = console.reset(episode_seed)
    writer = EpisodeWriter(max_steps=max_steps)
    writer.start(*pair)
    last_step = max_steps + int(numpy_generator(episode_seed, "window").integers(max_steps + 1))
    terminated = False
    for _ in range(last_step):
        action = player.act(_Observation(pair, console.palette))
        pair, reward, terminated = console.step(action)
        writer.step(action, reward, *pair)
        if terminated:
            break
    metadata = EpisodeMetadata(
        console=console.config,
        seed=seed,
        episode_index=episode_index,
        player=player.name,
        skill=float(player.skill),
        num_noops=console.num_noops,
        lead_in=writer.lead_in,
        num_steps=writer.num_steps,
        max_steps=max_steps,
        rom_md5=console.rom_md5,
        palette_hex=console.palette.tobytes().hex(),
        versions=_versions(),
    )
    writer.commit(directory, metadata, terminated=terminated)
    return metadata


@functools.cache  # looking them up takes a millisecond
def _versions() -> dict[str, str]:
    return {name: importlib.metadata.version(name) for name in _VERSIONED}


class _Observation(Mapping[str, NDArray[np.uint8]]):
    """What a player sees; the picture is coloured only if the player looks at it."""

    def __init__(self, pair: Pair, palette: NDArray[np.uint8]) -> None:
        self._pair, self._palette = pair, palette

    def __getitem__(self, key: str) -> NDArray[np.uint8]:
        if key == "ram":
            return self._pair.ram.copy()
        if key == "pixels":
            colors: NDArray[np.uint8] = self._palette[self._pair.screen]
            return colors
        raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        return iter(("pixels", "ram"))

    def __len__(self) -> int:
        return 2
