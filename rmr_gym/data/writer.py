"""Writing one episode: frames are compressed as they come, and the file appears at the end or not at all."""

from __future__ import annotations

import hashlib
import math
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rmr_gym.atomic import write_atomically
from rmr_gym.data.codec import METADATA_KEY, file_name, metadata_to_json, new_compressor
from rmr_gym.data.columns import pack_column
from rmr_gym.data.layout import ATARI, Layout
from rmr_gym.data.metadata import AnyMetadata, EpisodeMetadata
from rmr_gym.errors import explain


class EpisodeWriter:
    """Collects the last `max_steps` transitions of an episode in compressed form, then writes them in one piece.

    A frame takes 0.2 to 1 kB in most games, so an episode of 1,500 steps is about 1 MB until it is written. A *pair* is
    a picture and the abstract side behind it: RAM or the state of a world.

    Args:
        max_steps: most transitions to keep; older rows are dropped, their actions are remembered as the lead-in.
        layout: what a pair is.

    Example:
        >>> writer = EpisodeWriter(max_steps=2)
        >>> blank, ram = np.zeros((210, 160), np.uint8), np.zeros(128, np.uint8)
        >>> writer.start(blank, ram)
        >>> for action in (0, 1, 17):
        ...     writer.step(action, 0.0, blank, ram)
        >>> writer.num_steps, writer.lead_in
        (2, (0,))
    """

    def __init__(self, *, max_steps: int, layout: Layout = ATARI) -> None:
        if max_steps < 1:
            raise ValueError(explain(expected="max_steps of at least 1", got=max_steps, fix="Pass max_steps=1500."))
        self._max_steps = max_steps
        self._layout = layout
        self._screen_type = None if layout.screen_shape is None else (np.dtype(np.uint8), layout.screen_shape)
        self._abstract_type = (np.dtype(layout.abstract_type), layout.abstract_shape)
        self._compressor = new_compressor()
        self._rows: deque[tuple[bytes | None, bytes]] = deque()
        self._transitions: deque[tuple[int, float]] = deque()
        self._lead_in: list[int] = []

    @property
    def num_steps(self) -> int:
        """Transitions kept so far."""
        return len(self._transitions)

    @property
    def lead_in(self) -> tuple[int, ...]:
        """Actions before the first kept row."""
        return tuple(self._lead_in)

    def start(self, screen: NDArray[np.uint8] | None, abstract: NDArray[Any], *, lead_in: Sequence[int] = ()) -> None:
        """Take the first pair of an episode and forget the one before.

        Args:
            screen: picture of `layout.screen_shape`: of a game palette indices, uint8 `(210, 160)`; None when the
                layout has no pictures.
            abstract: the abstract side behind it: of a game the RAM, uint8 `(128,)`.
            lead_in: actions before it, when an episode is written again that was a window.

        Raises:
            ValueError: when shape or type differ, or a number is not finite.
        """
        self._transitions.clear()
        self._lead_in[:] = lead_in
        self._rows = deque([self._row(screen, abstract)])

    def step(self, action: int, reward: float, screen: NDArray[np.uint8] | None, abstract: NDArray[Any]) -> None:
        """Take a transition: the action (of a game its ALE value), its reward, and the pair that it led to.

        Raises:
            ValueError: when the episode was not started, the action does not exist, a number is not finite, or shape or
                type of the pair differ.
        """
        if not self._rows:
            raise ValueError(explain(expected="start() before step()", got="no first pair", fix="Call start() first."))
        if action not in range(self._layout.num_actions):
            expected = f"an action value in 0..{self._layout.num_actions - 1}"
            raise ValueError(explain(expected=expected, got=action, fix="Pass ALE values for games, see ActionCodec."))
        if not math.isfinite(reward):
            raise ValueError(explain(expected="a finite reward", got=reward, fix="Mend the reward function."))
        self._rows.append(self._row(screen, abstract))
        self._transitions.append((int(action), float(reward)))
        if self.num_steps > self._max_steps:
            self._rows.popleft()
            self._lead_in.append(self._transitions.popleft()[0])

    def commit(self, directory: Path, metadata: AnyMetadata, *, terminated: bool) -> Path:
        """Write the episode; when this returns, it is on the disk and no crash can undo it.

        Args:
            directory: existing directory of the data set.
            metadata: what to store with it; layout, `num_steps` and lead-in must be those of this writer.
            terminated: whether the episode ended with the last transition; otherwise it counts as truncated.

        Returns:
            The file. Writing the same episode twice gives the same file.

        Raises:
            ValueError: when the metadata belong to another episode or world, or there is no transition.
            OSError: when the disk is full; nothing is left behind.
        """
        if metadata.layout != self._layout:
            raise ValueError(
                explain(
                    expected=f"metadata of {self._layout}",
                    got=str(metadata.layout),
                    fix="Give the writer the layout of the metadata.",
                )
            )
        lead_in = metadata.lead_in if isinstance(metadata, EpisodeMetadata) else ()
        if (metadata.num_steps, lead_in) != (self.num_steps, self.lead_in):
            raise ValueError(
                explain(
                    expected=f"metadata of {self.num_steps} steps after {len(self._lead_in)}",
                    got=f"{metadata.num_steps} after {len(lead_in)}",
                    fix="Take num_steps and lead_in from the writer.",
                )
            )
        data = self._table(metadata, terminated=terminated)
        path = directory / file_name(metadata.episode_index, hashlib.sha256(data).hexdigest())
        write_atomically(path, data)
        return path

    def _row(self, screen: NDArray[np.uint8] | None, abstract: NDArray[Any]) -> tuple[bytes | None, bytes]:
        _check("screen", screen, self._screen_type)
        _check(self._layout.abstract_name, abstract, self._abstract_type)
        if abstract.dtype.kind == "f" and not np.isfinite(abstract).all():
            raise ValueError(
                explain(expected=f"a finite {self._layout.abstract_name}", got=abstract.tolist(), fix="Mend the world.")
            )
        packed = None if screen is None else self._compressor.compress(np.ascontiguousarray(screen).data)
        return packed, abstract.tobytes()

    def _table(self, metadata: AnyMetadata, *, terminated: bool) -> memoryview:
        actions, rewards = zip(*self._transitions, strict=True)
        frames, abstracts = zip(*self._rows, strict=True)
        before_end = [False] * (self.num_steps - 1)
        first = len(self._lead_in)
        columns = {
            "frame": frames,
            self._layout.abstract_name: abstracts,
            "action": [*actions, None],
            "reward": [*rewards, 0.0],
            "terminated": [*before_end, terminated, False],
            "truncated": [*before_end, not terminated, False],
            "step": range(first, first + len(self._rows)),
        }
        schema = self._layout.schema.with_metadata({METADATA_KEY: metadata_to_json(metadata)})
        sink = pa.BufferOutputStream()
        with pa.ipc.new_file(sink, schema) as writer:
            arrays = [pack_column(columns[field.name], field.type) for field in schema]
            writer.write_batch(pa.record_batch(arrays, schema=schema))
        return memoryview(sink.getvalue())


def _check(name: str, array: NDArray[Any] | None, expected: tuple[np.dtype[Any], tuple[int, ...]] | None) -> None:
    """Refuse an array of another type or shape; None means that there must be none."""
    given = None if array is None else (array.dtype, array.shape)
    if given != expected:
        raise ValueError(
            explain(
                expected=f"no {name}" if expected is None else f"{name} as {expected[0]} of shape {expected[1]}",
                got="none" if array is None else f"{array.dtype} of shape {array.shape}",
                fix="Record native screens; resize when the data are loaded.",
            )
        )
