"""A collector for tests that kill it, in a process that has imported what it needs before it is copied."""

from __future__ import annotations

import os
from multiprocessing.connection import Connection

import pyarrow as pa

from rmr_gym.data import collect
from rmr_gym.envs.console import palette

# Kept for all copies: what the first episode reads, and pandas, which the first conversion to Arrow imports.
palette()
pa.array([0])


def collect_without_end(folder: str, out: Connection, err: Connection) -> None:
    """Collect short episodes and write the number of each that is safe on the disk to `out`, a line each."""
    os.dup2(out.fileno(), 1)
    os.dup2(err.fileno(), 2)
    out.close()
    err.close()

    collect(
        folder,
        "pong",
        num_episodes=400,
        max_steps_per_episode=10,
        on_episode=lambda metadata: print(metadata.episode_index, flush=True),  # noqa: T201
    )
