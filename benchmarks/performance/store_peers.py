"""The same pairs in HDF5 and in Minari, written and read through their public interfaces."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from rmr_gym.data import Episode

MINARI_ID = "rmr/pairs-v0"


def write_hdf5(path: Path, episodes: Sequence[Episode], gray: NDArray[np.uint8], compression: str) -> None:
    """Write all frames of all episodes, gray, one chunk per frame, which is the best layout for single frames.

    Args:
        path: of the new file.
        episodes: in order.
        gray: luminance of the palette indices, `(256,)`.
        compression: "gzip" or "lzf".
    """
    total = sum(len(episode.screens) for episode in episodes)
    with h5py.File(path, "w") as file:
        shape = episodes[0].screens.shape[1:]
        pixels = file.create_dataset(
            "pixels", (total, *shape), "u1", chunks=(1, *shape), compression=compression, shuffle=False
        )
        file["ram"] = np.concatenate([episode.ram for episode in episodes])
        file["action"] = np.concatenate([np.append(episode.actions, 0) for episode in episodes])
        start = 0
        for episode in episodes:
            pixels[start : start + len(episode.screens)] = gray[episode.screens]
            start += len(episode.screens)


def read_hdf5(file: h5py.File, rows: NDArray[np.int64]) -> tuple[NDArray[np.uint8], ...]:
    """Read transitions that begin at distinct frames: pictures before and after, RAM and action.

    One selection of sorted rows for each, as the manual of h5py recommends.
    """
    wanted, places = np.unique(np.concatenate([rows, rows + 1]), return_inverse=True)
    pixels, ram = file["pixels"][wanted][places], file["ram"][wanted][places]
    first, order = np.unique(rows, return_inverse=True)
    return pixels[: len(rows)], ram[: len(rows)], file["action"][first][order], pixels[len(rows) :], ram[len(rows) :]


def write_minari(folder: Path, episodes: Sequence[Episode], gray: NDArray[np.uint8]) -> Any:
    """Write episodes as a Minari data set of HDF5 without JPEG, whose loss would change the pixels, and open it."""
    os.environ["MINARI_DATASETS_PATH"] = str(folder)
    import minari  # not before the folder is known
    from minari.data_collector import EpisodeBuffer

    buffers = [
        EpisodeBuffer(
            id=number,
            observations={"pixels": list(gray[episode.screens]), "ram": list(episode.ram)},
            actions=list(episode.actions.astype(np.int64)),
            rewards=[float(reward) for reward in episode.rewards],
            terminations=[bool(end) for end in episode.terminated],
            truncations=[bool(end) for end in episode.truncated],
        )
        for number, episode in enumerate(episodes)
    ]
    space = spaces.Dict(
        pixels=spaces.Box(0, 255, episodes[0].screens.shape[1:], np.uint8), ram=spaces.Box(0, 255, (128,), np.uint8)
    )
    minari.create_dataset_from_buffers(
        MINARI_ID,
        buffers,
        observation_space=space,
        action_space=spaces.Discrete(18),
        data_format="hdf5",
        jpeg_encoding=False,
        algorithm_name="random",
        author="benchmark",
        author_email="benchmark@example.com",
        code_permalink="https://example.com",
        description="The same pairs for a comparison.",
    )
    return minari.load_dataset(MINARI_ID)


def read_minari(dataset: Any, episode: int, step: int) -> tuple[NDArray[np.uint8], ...]:
    """Read a transition; Minari reads the episode whole."""
    data = dataset[episode]
    pixels, ram = data.observations["pixels"], data.observations["ram"]
    return pixels[step], ram[step], data.actions[step], pixels[step + 1], ram[step + 1]
