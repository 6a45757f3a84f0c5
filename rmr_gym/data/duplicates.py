"""How often pictures repeat, in a split and between splits: what a held-out score may owe to memory."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rmr_gym.data.reader import EpisodeFile
from rmr_gym.data.store import EpisodeStore


@dataclass(frozen=True, kw_only=True, slots=True)
class DuplicateFrames:
    """Shares of frames whose picture occurs elsewhere; deterministic games repeat their openings."""

    within: float
    """Share of the frames of the split that repeat an earlier frame of it, in 0..1."""

    across: float
    """Share of the frames of the split that also occur in the rest of the store, in 0..1; 0 where there is no rest."""


def count_duplicates(store: EpisodeStore, episodes: NDArray[np.int64]) -> DuplicateFrames:
    """Compare the frames of some episodes by a hash of their stored bytes.

    Equal pictures are stored as equal bytes by one version of zstd; a store that was written with several may have more
    duplicates than are counted.

    Args:
        store: all episodes.
        episodes: positions in `store.episodes` of those that make up the split, at least one.
    """
    chosen = set(episodes.tolist())
    mine = [digest for index in chosen for digest in _digests(store.files[index])]
    rest = {digest for index, file in enumerate(store.files) if index not in chosen for digest in _digests(file)}
    return DuplicateFrames(
        within=1 - len(set(mine)) / len(mine), across=sum(digest in rest for digest in mine) / len(mine)
    )


def _digests(file: EpisodeFile) -> list[bytes]:
    return [hashlib.blake2b(file.compressed(row), digest_size=8).digest() for row in range(file.num_rows)]
