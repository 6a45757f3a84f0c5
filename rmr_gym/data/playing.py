"""Recording the episodes of one or several sessions on all cores."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack

from rmr_gym.data.metadata import EpisodeMetadata
from rmr_gym.data.recorder import Recorder, pack_session
from rmr_gym.data.session import Session
from rmr_gym.envs.console import palette
from rmr_gym.players import lookahead_steps

_FRAMES_PER_PROCESS = 20_000
"""Emulated frames, a second's worth, for which another process is started; it starts in half a second."""

Work = Sequence[tuple[Session, int]]
"""Numbers of episodes, each with its session; those of one session stand together."""


def play(
    work: Work,
    num_workers: int,
    on_episode: Callable[[EpisodeMetadata], None] | None,
    before_episode: Callable[[], None] | None = None,
) -> None:
    """Play and write episodes, several at a time, and report each in this thread when it is on the disk.

    Workers take the episodes in their order and go over to the next session when there are no more of the one before,
    so that no core waits for the last episode of a game.

    Args:
        work: what to play.
        num_workers: most episodes that are played at once.
        on_episode: told of each; what it raises ends the recording.
        before_episode: called before each is begun, by several threads at a time; what it raises ends the recording.

    Raises:
        ValueError, OSError, RuntimeError: see `rmr_gym.data.collect`. Episodes that are being played come to their end.
    """
    num_workers = min(num_workers, len(work), 1 + _num_frames(work) // _FRAMES_PER_PROCESS)
    parcels = _Parcels()
    idle: queue.SimpleQueue[_Seat] = queue.SimpleQueue()

    def record(session: Session, index: int) -> EpisodeMetadata:
        if before_episode is not None:
            before_episode()
        seat = idle.get_nowait()
        try:
            return seat.take(session).record(index)
        finally:
            idle.put(seat)

    with ExitStack() as stack:
        for number in range(num_workers):
            seat = _Seat(parcels if number > 0 else None)
            stack.callback(seat.close)
            seat.take(work[0][0])
            idle.put(seat)
        if num_workers > 1:
            palette()  # read here once, while the processes start, and not by several threads at a time
        pool = stack.enter_context(ThreadPoolExecutor(max_workers=num_workers or 1))
        pending = [pool.submit(record, session, index) for session, index in work]
        try:
            for finished in as_completed(pending):
                metadata = finished.result()
                if on_episode is not None:
                    on_episode(metadata)
        finally:
            for future in pending:
                future.cancel()


def _num_frames(work: Work) -> int:
    """Return about how many frames are emulated for some episodes, those that players try out included."""
    return sum(
        int(session.max_steps * session.console.frame_skip * (1 + lookahead_steps(session.player(index))))
        for session, index in work
    )


class _Parcels:
    """Pickles sessions for other processes, and keeps the last one: its players may be large networks."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._packed: tuple[Session, bytes | None] | None = None

    def of(self, session: Session) -> bytes | None:
        with self._lock:
            if self._packed is None or self._packed[0] is not session:
                self._packed = (session, pack_session(session))
            return self._packed[1]


class _Seat:
    """A place for one recorder at a time: that of the session which is being played.

    Args:
        parcels: for a process of its own; None records in this one.
    """

    def __init__(self, parcels: _Parcels | None) -> None:
        self._parcels = parcels
        self._taken: tuple[Session, Recorder] | None = None

    def take(self, session: Session) -> Recorder:
        """Return a recorder of this session, after that of another one was closed."""
        if self._taken is None or self._taken[0] is not session:
            self.close()
            parcel = None if self._parcels is None else self._parcels.of(session)
            self._taken = (session, Recorder(session, parcel=parcel))
        return self._taken[1]

    def close(self) -> None:
        if self._taken is not None:
            self._taken[1].close()
            self._taken = None
