"""One try of a job, whatever comes of it."""

from __future__ import annotations

import pickle
import time
import traceback

from benchmarks.executors.interface import Job, Outcome


def attempt(job: Job) -> Outcome:
    """Call the function of a job, and return what it raises instead of raising it.

    Ctrl-C and the end of the process are not held up.
    """
    start = time.perf_counter()
    try:
        value = job.function(*job.arguments)
        return Outcome(name=job.name, value=value, seconds=time.perf_counter() - start)
    except Exception as error:  # noqa: BLE001 - whatever it is, the other jobs are to go on
        return failed(job.name, error)


def attempt_pickled(content: bytes) -> Outcome:
    """Do the same with a job that came from another process; importing its function may fail, too.

    Only the process that started this one can send anything, so that what is unpickled is its own.
    """
    try:
        job: Job = pickle.loads(content)
    except Exception as error:  # noqa: BLE001
        return failed("", error)
    return attempt(job)


def failed(name: str, error: Exception) -> Outcome:
    """Describe an error in text, which travels between processes whatever it is."""
    message = f"{type(error).__name__}: {error}".strip()
    return Outcome(name=name, error=message, traceback="".join(traceback.format_exception(error)))
