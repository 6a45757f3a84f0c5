"""What jobs do in tests: functions that worker processes can import."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from rmr_gym.errors import BusyFolderError


def note(name: str, journal: Path) -> str:
    """Write down that a job has run."""
    with journal.open("a") as file:
        file.write(f"{name}\n")
    return name.upper()


def fail(name: str, journal: Path, times: int = 1_000) -> str:
    """Fail the first few times."""
    note(name, journal)
    if journal.read_text().split().count(name) <= times:
        raise RuntimeError(f"{name} is broken")
    return name.upper()


def die(name: str, journal: Path, times: int = 1_000) -> str:
    """Be killed the first few times."""
    note(name, journal)
    if journal.read_text().split().count(name) <= times:
        os.kill(os.getpid(), signal.SIGKILL)
    return name.upper()


def elsewhere(name: str, journal: Path, times: int) -> str:
    """Be somebody else's job the first few times."""
    note(name, journal)
    if journal.read_text().split().count(name) <= times:
        raise BusyFolderError("in use")
    return name.upper()


def sleep(name: str, journal: Path, seconds: float = 60.0) -> str:
    """Take long."""
    note(f"{name}:{os.getpid()}", journal)
    time.sleep(seconds)
    return name.upper()


def threads() -> str | None:
    """Tell how many threads the environment allows."""
    return os.environ.get("OMP_NUM_THREADS")
