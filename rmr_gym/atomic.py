"""Files that are there whole or not at all, and safe from a crash once they are there."""

from __future__ import annotations

import fcntl
import os
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from rmr_gym.errors import explain

UNFINISHED = ".tmp"
"""Suffix of files that are being written."""

_UNFINISHED_NAME = re.compile(rf"\..+\.[0-9a-f]{{12}}{re.escape(UNFINISHED)}")
"""Their names; a user's own files may end alike."""


def write_atomically(path: Path, data: bytes | memoryview) -> None:
    """Write a file so that no reader and no crash ever sees a part of it.

    The bytes go to an unfinished file beside it, are forced to the disk, and get their name in one step. An existing
    file of that name is replaced.

    Raises:
        OSError: when the disk is full or the like; nothing is left behind and `path` is as it was.
    """
    try:
        with _unfinished_file(path) as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            Path(file.name).rename(path)
        _sync(path.parent)
    except OSError as error:
        reason = explain(
            expected=f"room for {len(data):,} bytes and the right to write",
            got=error.strerror or str(error),
            fix="Mend that and make the same call again: files that were finished stay, only missing ones are made.",
        )
        raise OSError(error.errno, reason, str(path)) from error


def rename_folder(unfinished: Path, path: Path) -> None:
    """Give a folder its name so that no reader and no crash ever sees a part of it under that name.

    All that it holds is forced to the disk first, whoever wrote it. Once the call returns, what the folder replaces may
    be deleted.
    """
    for inside in [*sorted(unfinished.rglob("*")), unfinished]:
        _sync(inside)
    unfinished.rename(path)
    _sync(path.parent)


def sweep_unfinished(directory: Path) -> list[Path]:
    """Delete what killed writers left behind; files that a living writer holds, and those of others, are left alone.

    Returns:
        The deleted files.
    """
    swept = []
    for path in sorted(directory.glob(f".*{UNFINISHED}")):
        if not _UNFINISHED_NAME.fullmatch(path.name) or not path.is_file():
            continue
        try:
            with path.open("r+b") as file:  # NFS locks only what may be written
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()
        except (BlockingIOError, FileNotFoundError):
            continue  # being written, or finished or swept by another process since it was listed
        swept.append(path)
    return swept


@contextmanager
def _unfinished_file(path: Path) -> Iterator[BinaryIO]:
    """Open a new file with a name of its own, locked while it is open so that no sweep takes it for a dead one."""
    while True:
        name = path.with_name(f".{path.name}.{uuid.uuid4().hex[:12]}{UNFINISHED}")
        with name.open("xb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX)
                if not name.exists():  # a sweep came between opening and locking
                    continue
                yield file
            finally:
                name.unlink(missing_ok=True)
        return


def _sync(path: Path) -> None:
    """Force a file or the names in a folder to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
