"""Fresh processes of Python that need not import PyTorch and Stable-Baselines3, seconds each time, before they begin.

One process imports them, and nothing of rmr_gym, and waits. Every run is a copy of it: what it imports, registers and
prints is its own, and it ends as an interpreter ends. Run as a script, this file is the process that waits.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import importlib
import json
import os
import runpy
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

SLOW = ("triton", "torch", "stable_baselines3")  # Triton first: see conftest.py


def run_python(
    *words: str, folder: Path, environment: Mapping[str, str] = os.environ, timeout: float = 200
) -> subprocess.CompletedProcess[str]:
    """Do what `subprocess.run([sys.executable, *words])` does, for a script, or `-m` and a module, and arguments."""
    with tempfile.TemporaryDirectory() as place:
        said = [Path(place) / name for name in ("out", "err")]
        request = {"words": words, "folder": str(folder), "environment": dict(environment), "said": [*map(str, said)]}
        status = _waiting().ask(request, timeout)
        return subprocess.CompletedProcess(words, status, *(file.read_text(encoding="utf-8") for file in said))


@functools.cache
def _waiting() -> _Waiting:
    waiting = _Waiting()
    atexit.register(waiting.end)
    return waiting


class _Waiting:
    def __init__(self) -> None:
        pipe, command = subprocess.PIPE, [sys.executable, __file__]
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, bufsize=0)

    def ask(self, request: Mapping[str, Any], timeout: float) -> int:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(request).encode() + b"\n")
        pid = int(self.process.stdout.readline())
        in_time, _, _ = select.select([self.process.stdout], [], [], timeout)
        if not in_time:
            os.killpg(pid, signal.SIGKILL)
        status = int(self.process.stdout.readline())
        if not in_time:
            raise subprocess.TimeoutExpired(request["words"], timeout)
        return status

    def end(self) -> None:
        with self.process:  # closes its input, and waits
            pass


def wait() -> dict[str, Any]:
    """Copy this process for every request, and return the request in the copy."""
    for name in SLOW:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    for line in sys.stdin:
        pid = os.fork()
        if not pid:
            os.setsid()
            request: dict[str, Any] = json.loads(line)
            return request
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
    is_module = request["words"][0] == "-m"
    program, *arguments = request["words"][is_module:]
    sys.argv = [program, *arguments]
    paths = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    sys.path[:1] = [str(Path.cwd() if is_module else Path(program).resolve().parent), *paths]
    if is_module:
        runpy.run_module(program, run_name="__main__", alter_sys=True)
    else:
        runpy.run_path(program, run_name="__main__")


if __name__ == "__main__":
    become(wait())
