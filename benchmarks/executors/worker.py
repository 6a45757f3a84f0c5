"""A process that does one job after another for a `LocalExecutor`."""

from __future__ import annotations

import os
import signal
import threading
from multiprocessing import parent_process
from multiprocessing.connection import Connection, wait
from typing import Any

from benchmarks.executors.attempt import attempt_pickled


def serve(connection: Connection[Any, Any]) -> None:
    """Do the jobs that come through a connection until it closes.

    Args:
        connection: brings jobs, takes outcomes.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes; the parent decides what to do
    threading.Thread(target=_end_with_parent, daemon=True).start()
    while True:
        try:
            job = connection.recv_bytes()
        except EOFError:
            return
        connection.send(attempt_pickled(job))


def _end_with_parent() -> None:
    """End this process when the parent has died, however it did; an orphan would go on writing."""
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
