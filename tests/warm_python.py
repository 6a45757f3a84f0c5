"""Fresh processes of Python that need not import PyTorch and Stable-Baselines3, seconds each time, before they begin.

One process imports them, and nothing of rmr_gym, and waits. Every run is a copy of it: what it imports, registers and
prints is its own, and it ends as an interpreter ends. Run as a script, this file is the process that waits.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import gc
import importlib
import json
import os
import runpy
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import IO, Any

SLOW = ("triton", "torch", "torch._dynamo", "stable_baselines3")
"""Triton first: see conftest.py. The first optimizer imports the compiler."""


def run_python(
    *words: str, folder: Path, environment: Mapping[str, str] = os.environ, timeout: float = 200
) -> subprocess.CompletedProcess[str]:
    """Do what `subprocess.run([sys.executable, *words])` does, for a script, `-m` and a module, or `-c` and code."""
    with started_python(*words, folder=folder, environment=environment) as process:
        status = process.status(timeout)
        if status is None:
            raise subprocess.TimeoutExpired(words, timeout)
        return subprocess.CompletedProcess(words, status, *process.said())


@contextlib.contextmanager
def started_python(*words: str, folder: Path, environment: Mapping[str, str] = os.environ) -> Iterator[WarmProcess]:
    """Start what `run_python` waits for. Only one at a time; what still runs at the end of the block is killed."""
    with tempfile.TemporaryDirectory() as place:
        said = [str(Path(place) / name) for name in ("out", "err")]
        request = {"words": words, "folder": str(folder), "environment": dict(environment), "said": said}
        process = _waiting().start(request)
        try:
            yield process
        finally:
            process.kill()


@functools.cache
def _waiting() -> _Waiting:
    waiting = _Waiting()
    atexit.register(waiting.end)
    return waiting


class WarmProcess:
    """A process that was started."""

    def __init__(self, pid: int, statuses: IO[bytes], said: Sequence[str]) -> None:
        self.pid = pid
        self._statuses, self._said = statuses, said
        self._status: int | None = None

    def status(self, timeout: float | None = 0) -> int | None:
        """Wait at most so many seconds for the end, and return the status; None when it still runs."""
        if self._status is None and select.select([self._statuses], [], [], timeout)[0]:
            self._status = int(self._statuses.readline())
        return self._status

    def kill(self) -> None:
        """Kill it and all that it started, if it has not ended, and wait for that."""
        if self.status() is None:
            os.killpg(self.pid, signal.SIGKILL)
            self.status(None)

    def said(self) -> list[str]:
        """Return what it has written to its output and to its errors."""
        return [Path(file).read_text(encoding="utf-8") for file in self._said]


class _Waiting:
    def __init__(self) -> None:
        pipe, command = subprocess.PIPE, [sys.executable, __file__]
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, bufsize=0)

    def start(self, request: Mapping[str, Any]) -> WarmProcess:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(request).encode() + b"\n")
        return WarmProcess(int(self.process.stdout.readline()), self.process.stdout, request["said"])

    def end(self) -> None:
        with self.process:  # closes its input, and waits
            pass


def wait() -> dict[str, Any]:
    """Copy this process for every request, and return the request in the copy."""
    for name in SLOW:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    gc.freeze()  # a copy need not look through all of that for garbage when it ends, a second each time
    for line in sys.stdin:
        pid = os.fork()
        if not pid:
            os.setpgid(0, 0)
            request: dict[str, Any] = json.loads(line)
            return request
        with contextlib.suppress(OSError):  # it may have done so and have ended
            os.setpgid(pid, pid)
        print(pid, flush=True)  # noqa: T201
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)  # noqa: T201
    sys.exit()


def become(request: Mapping[str, Any]) -> None:
    """Put this process where the new one would be, and run its script or module."""
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    for number, file in enumerate((os.devnull, *request["said"])):
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT if number else os.O_RDONLY)
        os.dup2(descriptor, number)
        os.close(descriptor)
    paths = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    match request["words"]:
        case ["-m", module, *arguments]:
            sys.argv, sys.path[:1] = [module, *arguments], [str(Path.cwd()), *paths]
            runpy.run_module(module, run_name="__main__", alter_sys=True)
        case ["-c", code, *arguments]:
            sys.argv, sys.path[:1] = ["-c", *arguments], ["", *paths]
            main = sys.modules["__main__"] = ModuleType("__main__")
            exec(compile(code, "<string>", "exec"), main.__dict__)
        case [script, *arguments]:
            sys.argv, sys.path[:1] = [script, *arguments], [str(Path(script).resolve().parent), *paths]
            runpy.run_path(script, run_name="__main__")


if __name__ == "__main__":
    become(wait())
