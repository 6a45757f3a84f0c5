"""Made-up episodes whose pictures and RAM say which episode and row they are."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rmr_gym.data.codec import file_name
from rmr_gym.data.metadata import EpisodeMetadata
from rmr_gym.data.writer import EpisodeWriter
from rmr_gym.envs.console import ConsoleConfig

GRAY_RAMP = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)
"""A palette in which the index is the luminance."""

METADATA = EpisodeMetadata(
    console=ConsoleConfig(game="pong"),
    seed=0,
    episode_index=0,
    player="made-up",
    skill=0.5,
    num_noops=3,
    lead_in=(),
    num_steps=1,
    max_steps=1000,
    rom_md5="0" * 32,
    palette_hex=GRAY_RAMP.tobytes().hex(),
    versions={"numpy": "2"},
)


def row_ram(index: int, row: int) -> NDArray[np.uint8]:
    """RAM that starts with the episode and the row."""
    ram = np.zeros(128, dtype=np.uint8)
    ram[:3] = index, *divmod(row, 256)
    return ram


def row_screen(index: int, row: int) -> NDArray[np.uint8]:
    """A screen of noise with the episode and the row in the corner."""
    screen = np.random.default_rng([index, row]).integers(0, 9, (210, 160), dtype=np.uint8)
    screen[0, :3] = row_ram(index, row)[:3]
    return screen


def filled_writer(index: int, num_steps: int, max_steps: int = 1000) -> EpisodeWriter:
    """A writer that holds a whole episode; action t is t modulo 18, reward t."""
    writer = EpisodeWriter(max_steps=max_steps)
    writer.start(row_screen(index, 0), row_ram(index, 0))
    for step in range(num_steps):
        writer.step(step % 18, float(step), row_screen(index, step + 1), row_ram(index, step + 1))
    return writer


def write_episode(
    directory: Path, index: int = 0, num_steps: int = 3, *, terminated: bool = True, **metadata: object
) -> Path:
    """Write an episode and return its file; further arguments replace fields of the metadata."""
    directory.mkdir(parents=True, exist_ok=True)
    fields = {"episode_index": index, "num_steps": num_steps} | metadata
    return filled_writer(index, num_steps).commit(
        directory,
        replace(METADATA, **fields),  # type: ignore[arg-type]
        terminated=terminated,
    )


def forge(path: Path, change: Callable[[pa.Table], pa.Table], *, batch_rows: int | None = None) -> Path:
    """Replace an episode file by a changed one that bears the right checksum, as an attacker would."""
    with pa.ipc.open_file(pa.py_buffer(path.read_bytes())) as reader:
        table = change(reader.read_all().combine_chunks())
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=batch_rows)
    data = sink.getvalue().to_pybytes()
    path.unlink()
    forged = path.with_name(file_name(0, hashlib.sha256(data).hexdigest()))
    forged.write_bytes(data)
    return forged
