"""Writing one episode: frames are compressed as they come, and the file appears at the end or not at all."""

from __future__ import annotations

import hashlib
import math
from collections import deque
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rmr_gym.data.atomic import write_atomically
from rmr_gym.data.codec import METADATA_KEY, SCHEMA, file_name, metadata_to_json, new_compressor
from rmr_gym.data.records import EpisodeMetadata
from rmr_gym.envs.actions import NUM_ACTIONS
from rmr_gym.envs.games import NUM_RAM_BYTES, SCREEN_SHAPE
from rmr_gym.errors import explain


class EpisodeWriter:
    """Collects the last `max_steps` transitions of an episode in compressed form, then writes them in one piece.

    A frame takes 0.2 to 1 kB in most games, so an episode of 1,500 steps is about 1 MB until it is written.

    Args:
        max_steps: most transitions to keep; older rows are dropped, their actions are remembered as the lead-in.

    Example:
        >>> writer = EpisodeWriter(max_steps=2)
        >>> blank, ram = np.zeros((210, 160), np.uint8), np.zeros(128, np.uint8)
        >>> writer.start(blank, ram)
        >>> for action in (0, 1, 17):
        ...     writer.step(action, 0.0, blank, ram)
        >>> writer.num_steps, writer.lead_in
        (2, (0,))
    """

    def __init__(self, *, max_steps: int) -> None:
        if max_steps < 1:
            raise ValueError(explain(expected="max_steps of at least 1", got=max_steps, fix="Pass max_steps=1500."))
        self._max_steps = max_steps
        self._compressor = new_compressor()
        self._rows: deque[tuple[bytes, bytes]] = deque()
        self._transitions: deque[tuple[int, float]] = deque()
        self._lead_in: list[int] = []

    @property
    def num_steps(self) -> int:
        """Transitions kept so far."""
        return len(self._transitions)

    @property
    def lead_in(self) -> tuple[int, ...]:
        """ALE values of the actions before the first kept row."""
        return tuple(self._lead_in)

    def start(self, screen: NDArray[np.uint8], ram: NDArray[np.uint8]) -> None:
        """Take the first pair of an episode and forget the one before.

        Args:
            screen: palette indices, uint8 `(210, 160)`.
            ram: the memory behind it, uint8 `(128,)`.

        Raises:
            ValueError: when shape or type differ.
        """
        self._transitions.clear()
        self._lead_in.clear()
        self._rows = deque([self._row(screen, ram)])

    def step(self, action: int, reward: float, screen: NDArray[np.uint8], ram: NDArray[np.uint8]) -> None:
        """Take a transition: the ALE action value, its reward, and the pair that it led to.

        Raises:
            ValueError: when the episode was not started, the action is no ALE value, the reward is not finite, or shape
                or type of the pair differ.
        """
        if not self._rows:
            raise ValueError(explain(expected="start() before step()", got="no first pair", fix="Call start() first."))
        if action not in range(NUM_ACTIONS):
            raise ValueError(
                explain(expected=f"an ALE action value in 0..{NUM_ACTIONS - 1}", got=action, fix="See ActionCodec.")
            )
        if not math.isfinite(reward):
            raise ValueError(explain(expected="a finite reward", got=reward, fix="Mend the reward function."))
        self._rows.append(self._row(screen, ram))
        self._transitions.append((int(action), float(reward)))
        if self.num_steps > self._max_steps:
            self._rows.popleft()
            self._lead_in.append(self._transitions.popleft()[0])

    def commit(self, directory: Path, metadata: EpisodeMetadata, *, terminated: bool) -> Path:
        """Write the episode; when this returns, it is on the disk and no crash can undo it.

        Args:
            directory: existing directory of the data set.
            metadata: what to store with it; its `num_steps` and `lead_in` must be those of this writer.
            terminated: whether the game ended with the last transition; otherwise it counts as truncated.

        Returns:
            The file. Writing the same episode twice gives the same file.

        Raises:
            ValueError: when the metadata belong to another episode or there is no transition.
            OSError: when the disk is full; nothing is left behind.
        """
        if (metadata.num_steps, metadata.lead_in) != (self.num_steps, self.lead_in):
            raise ValueError(
                explain(
                    expected=f"metadata of {self.num_steps} steps after {len(self._lead_in)}",
                    got=f"{metadata.num_steps} after {len(metadata.lead_in)}",
                    fix="Take num_steps and lead_in from the writer.",
                )
            )
        data = self._table(metadata, terminated=terminated)
        path = directory / file_name(metadata.episode_index, hashlib.sha256(data).hexdigest())
        write_atomically(path, data)
        return path

    def _row(self, screen: NDArray[np.uint8], ram: NDArray[np.uint8]) -> tuple[bytes, bytes]:
        for name, array, shape in (("screen", screen, SCREEN_SHAPE), ("ram", ram, (NUM_RAM_BYTES,))):
            if array.dtype != np.uint8 or array.shape != shape:
                raise ValueError(
                    explain(
                        expected=f"{name} as uint8 of shape {shape}",
                        got=f"{array.dtype} of shape {array.shape}",
                        fix="Record native screens; resize when the data are loaded.",
                    )
                )
        return self._compressor.compress(screen.tobytes()), ram.tobytes()

    def _table(self, metadata: EpisodeMetadata, *, terminated: bool) -> memoryview:
        actions, rewards = zip(*self._transitions, strict=True)
        frames, rams = zip(*self._rows, strict=True)
        before_end = [False] * (self.num_steps - 1)
        first = len(self._lead_in)
        columns = [
            pa.array(frames, SCHEMA.field("frame").type),
            pa.array(rams, SCHEMA.field("ram").type),
            pa.array([*actions, None], pa.uint8()),
            pa.array([*rewards, 0.0], pa.float32()),
            pa.array([*before_end, terminated, False]),
            pa.array([*before_end, not terminated, False]),
            pa.array(range(first, first + len(self._rows)), pa.int32()),
        ]
        schema = SCHEMA.with_metadata({METADATA_KEY: metadata_to_json(metadata)})
        sink = pa.BufferOutputStream()
        with pa.ipc.new_file(sink, schema) as writer:
            writer.write_batch(pa.record_batch(columns, schema=schema))
        return memoryview(sink.getvalue())
