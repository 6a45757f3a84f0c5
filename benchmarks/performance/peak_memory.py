"""How much memory a piece of work takes at its peak beyond what is there before, in a fresh process."""

from __future__ import annotations

import functools
import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import ParamSpec

from rmr_gym.errors import explain

Parameters = ParamSpec("Parameters")

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def extra_peak_bytes(
    prepare: Callable[Parameters, Callable[[], object]], *args: Parameters.args, **kwargs: Parameters.kwargs
) -> int:
    """Measure the resident memory of a fresh process while it works, less what it held before.

    Args:
        prepare: picklable; called in the process, imports and makes what is not counted, and returns the work.
        *args: arguments of `prepare`.
        **kwargs: further arguments of `prepare`.

    Returns:
        Bytes, by the kernel's own record of the peak.

    Raises:
        ValueError: on systems other than Linux, which keep no such record for a part of a process's life.
    """
    if not _CLEAR.exists():
        fix = "Measure memory on Linux; the other figures do not need it."
        raise ValueError(explain(expected="a Linux system with /proc", got="none", fix=fix))
    # A forked child would inherit the heap of this process, and with it room that it does not have to ask for.
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_measure, functools.partial(prepare, *args, **kwargs)).result()


def _measure(prepare: Callable[[], Callable[[], object]]) -> int:
    work = prepare()
    _CLEAR.write_text("5", encoding="ascii")  # the peak starts again at what is resident now
    before = _kibibytes("VmRSS")
    work()
    return 1024 * (_kibibytes("VmHWM") - before)


def _kibibytes(name: str) -> int:
    lines = _STATUS.read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))
