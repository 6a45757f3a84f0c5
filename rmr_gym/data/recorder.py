"""Where an episode is recorded: in this process or in one of its own, with the same result."""

from __future__ import annotations

import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
import traceback
from multiprocessing import Pipe
from multiprocessing.connection import Connection

from rmr_gym.data.metadata import EpisodeMetadata
from rmr_gym.data.session import Session
from rmr_gym.envs.console import Console, palette
from rmr_gym.errors import WorkerDiedError, explain

_SERVE = "import sys; sys.path[:] = {path!r}; from rmr_gym.data.recorder import serve; serve({descriptor})"

_READY = "ready"


class Recorder:
    """Records episodes of a session, one at a time.

    The emulator holds the interpreter's lock while it runs (ale-py 0.12), so two threads of one process are no quicker
    than one. A recorder may therefore have a process of its own. That is a new interpreter and no fork, which would
    take over the locks and threads of this process, and it does not run the main script again, which therefore needs
    no `if __name__ == "__main__"`. Players go there pickled. Those that cannot go, because they cannot be pickled or
    their class is defined in the main script, play here.

    Args:
        session: what to record.
        parcel: the session as `pack_session` made it, for a process of its own; None records in this one.

    Raises:
        OSError: when no process can be started.
    """

    def __init__(self, session: Session, *, parcel: bytes | None = None) -> None:
        self._session = session
        self._console: Console | None = None
        self._process: _Process | None = None if parcel is None else _Process(parcel)

    def record(self, index: int) -> EpisodeMetadata:
        """Play and write an episode; when this returns, it is safe on the disk.

        Raises:
            WorkerDiedError: when the process of this recorder ended in between.
            ValueError, OSError: see `record_episode`; and whatever the player raises.
        """
        if self._process is not None and not self._process.takes_the_session:
            self.close()
        if self._process is not None:
            return self._process.record(index)
        if self._console is None:
            self._console = Console(self._session.console)
        return self._session.record(self._console, index)

    def close(self) -> None:
        """End the process, if there is one."""
        if self._process is not None:
            self._process.close()
            self._process = None


def pack_session(session: Session) -> bytes | None:
    """Pickle a session for another process, or return None when its players cannot go there."""
    try:
        parcel = pickle.dumps(session)
    except (pickle.PicklingError, AttributeError, TypeError, RuntimeError):  # the last of PyTorch's scripted modules
        return None
    return None if b"__main__" in parcel else parcel  # the other process has another main script


class _Process:
    """The near end of a process that runs `serve`."""

    def __init__(self, parcel: bytes) -> None:
        self._parcel = parcel
        self._takes_the_session: bool | None = None
        self._connection, far = Pipe()
        with far:
            command = _SERVE.format(path=sys.path, descriptor=far.fileno())
            # Threads of numpy's BLAS spin for a tenth of a second when they start, on cores that others record on.
            environment = {"OPENBLAS_NUM_THREADS": "1", **os.environ}
            # What players print is no output of the program that collects: it goes to the standard error, 2.
            self._process = subprocess.Popen(
                [sys.executable, "-c", command], pass_fds=[far.fileno()], stdout=2, env=environment
            )

    @property
    def takes_the_session(self) -> bool:
        """Whether the process could load the players; waits for it to start."""
        if self._takes_the_session is None:
            self._takes_the_session = self._ask((self._parcel, palette())) == _READY
        return self._takes_the_session

    def record(self, index: int) -> EpisodeMetadata:
        reply = self._ask(index)
        if isinstance(reply, Exception):
            raise reply
        assert isinstance(reply, EpisodeMetadata), "the only other reply"
        return reply

    def close(self) -> None:
        self._connection.close()
        self._process.wait()

    def _ask(self, request: object) -> object:
        try:
            self._connection.send(request)
            return self._connection.recv()
        except (EOFError, ConnectionError) as error:
            raise WorkerDiedError(
                explain(
                    expected="an answer of a process that records",
                    got=f"its end, with status {self._process.wait()}",
                    fix="Make the same call again, it goes on; num_workers=1 (--workers 1) needs less memory.",
                )
            ) from error


def serve(descriptor: int) -> None:
    """Record what is asked for through a connection until its other end is closed; runs in a process of its own.

    Args:
        descriptor: of the connection. First a pickled session and the palette come in and "ready" or an error goes out,
            then numbers of episodes come in, and for each its metadata or an error goes out.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that asks is interrupted as well, and ends this one
    connection: Connection = Connection(descriptor)
    try:
        _answer(connection)
    except (EOFError, ConnectionError):
        return  # the other process has closed the connection or is dead


def _answer(connection: Connection) -> None:
    parcel, colors = connection.recv()
    try:
        session: Session = pickle.loads(parcel)
        console = Console(session.console, colors=colors)
    except Exception as error:  # noqa: BLE001  # whatever it is, the other process meets it, too, or can do without
        connection.send(_sendable(error))
        return
    requests: queue.SimpleQueue[int] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(connection, requests), daemon=True).start()
    connection.send(_READY)
    while True:
        index = requests.get()
        try:
            reply: object = session.record(console, index)
        except Exception as error:  # noqa: BLE001  # raised again in the process that asked
            reply = _sendable(error)
        connection.send(reply)


def _listen(connection: Connection, requests: queue.SimpleQueue[int]) -> None:
    """Take requests, and end the process at once when the other one closes the connection or dies."""
    try:
        while True:
            requests.put(connection.recv())
    except (EOFError, ConnectionError):
        os._exit(0)  # an unfinished file is swept by the next collection


def _sendable(error: Exception) -> Exception:
    """Add to an error where it came from, and replace it by its text if it cannot be pickled."""
    error.add_note("In a process that records:\n" + "".join(traceback.format_exception(error)))
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # noqa: BLE001  # classes of errors may do anything when they are pickled
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
