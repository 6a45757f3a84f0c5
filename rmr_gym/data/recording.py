"""One episode: a player at the console, written down."""

from __future__ import annotations

import copy
import functools
import importlib.metadata
import weakref
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rmr_gym.data.metadata import EpisodeMetadata
from rmr_gym.data.writer import EpisodeWriter
from rmr_gym.envs.console import Console, Pair
from rmr_gym.players import Player, attach
from rmr_gym.seeding import derive, numpy_generator

_STEPS_TOGETHER = 8
"""Steps whose pictures are made and compressed together; more of them fill the caches themselves (measured)."""

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
    take, terminated = _Take(console, writer, pair), False
    for _ in range(last_step):
        terminated = take.step(player.act(take.observation))
        if terminated:
            break
    take.write()
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


class _Take:
    """Steps that are played and not yet written.

    Pictures are made and compressed some at a time, since the emulator pushes whatever does it out of the caches. Their
    frames lie in the same memory again and again; new memory would have to be mapped by the system each time.
    """

    def __init__(self, console: Console, writer: EpisodeWriter, first: Pair) -> None:
        self._console, self._writer = console, writer
        self._frames = console.new_batch(_STEPS_TOGETHER)
        self._steps: list[tuple[int, float, NDArray[np.uint8]]] = []
        self._seen: list[weakref.ref[_Observation]] = []
        self.observation = _Observation(first.screen, first.ram, console.palette)
        """What the player sees now."""

    def step(self, action: int) -> bool:
        """Play a step and return whether the game is over."""
        del self.observation  # so that its picture need not be kept unless the player does
        if len(self._steps) == len(self._frames):
            self.write()
        frames, row = self._frames, len(self._steps)
        ram, reward, terminated = self._console.step_into(frames, row, action)
        self._steps.append((int(action), reward, ram))  # now, for players may use an array of theirs again
        self.observation = _Observation(lambda: frames.pictures(row, row + 1)[0], ram, self._console.palette)
        self._seen.append(weakref.ref(self.observation))
        return terminated

    def write(self) -> None:
        """Pass all steps on to the writer."""
        pictures = self._frames.pictures(0, len(self._steps))
        for (action, reward, ram), picture in zip(self._steps, pictures, strict=True):
            self._writer.step(action, reward, picture, ram)
        for seen in self._seen:
            if (observation := seen()) is not None:
                observation.keep()
        self._steps.clear()
        self._seen.clear()


class _Observation(Mapping[str, NDArray[np.uint8]]):
    """What a player sees; the picture is made and coloured only if the player looks at it.

    Args:
        screen: palette indices, or a function that finds them in memory which is used again later.
        ram: the memory behind them.
        palette: its colours.
    """

    def __init__(
        self,
        screen: NDArray[np.uint8] | Callable[[], NDArray[np.uint8]],
        ram: NDArray[np.uint8],
        palette: NDArray[np.uint8],
    ) -> None:
        self._screen, self._ram, self._palette = screen, ram, palette

    def keep(self) -> NDArray[np.uint8]:
        """Take the picture along, before others come into its memory; players may look at what they saw long ago."""
        if callable(self._screen):
            self._screen = self._screen().copy()
        return self._screen

    def __reduce__(self) -> tuple[type[_Observation], tuple[NDArray[np.uint8], ...]]:
        """Copy and pickle what is seen now, and not where it lies."""
        return _Observation, (self.keep(), self._ram, self._palette)

    def __getitem__(self, key: str) -> NDArray[np.uint8]:
        if key == "ram":
            return self._ram.copy()
        if key == "pixels":
            colors: NDArray[np.uint8] = self._palette[self._screen() if callable(self._screen) else self._screen]
            return colors
        raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        return iter(("pixels", "ram"))

    def __len__(self) -> int:
        return 2
