"""How a program ends: a mistake of its user or Ctrl-C in a sentence, a reader who left in silence, else a traceback."""

from __future__ import annotations

import io
import os
import signal
import sys
from collections.abc import Callable

from rich.console import Console

FAILED, USER_ERROR, INTERRUPTED, TERMINATED = 1, 2, 130, 143
"""Exit statuses: part of the work failed, or nobody reads the output; a mistake of the user; Ctrl-C; SIGTERM."""

_DEBUG = "RMR_DEBUG"


def run_program(
    name: str, work: Callable[[], int | None], *, on_interrupt: str = "Repeat the same command to continue."
) -> int:
    """Do the work of a program and return its exit status.

    Args:
        name: what the user called, for messages.
        work: what it does; returns an exit status, or None for 0.
        on_interrupt: what to do after Ctrl-C.

    Returns:
        What the work returns, 1 when a reader of the output left (as `head` does; so does rich), 2 after a mistake of
        the user, 130 after Ctrl-C.

    Example:
        >>> run_program("example", lambda: None)
        0
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a table with a sign that the terminal lacks is better than none
    errors = Console(stderr=True)
    try:
        try:
            return work() or 0
        finally:
            print(end="", flush=True)  # noqa: T201 - when the interpreter ends it is too late to be quiet
    except KeyboardInterrupt:
        errors.print(f"Interrupted. What is finished is kept. {on_interrupt}", highlight=False, soft_wrap=True)
        return INTERRUPTED
    except _user_errors() as error:
        if isinstance(error, BrokenPipeError) and _reader_left():
            return FAILED
        if os.environ.get(_DEBUG):
            raise
        errors.print(f"{name}: {error}", markup=False, highlight=False, soft_wrap=True)
        errors.print(f"({_DEBUG}=1 shows where this comes from.)", style="dim", highlight=False)
        return USER_ERROR


def exit_on_sigterm() -> None:
    """Let SIGTERM unwind the stack, so that the workers of this process are ended as well. For main threads."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))


def _reader_left() -> bool:
    """Say whether it is the output that broke, and not a pipe to another process; if so, let the rest go nowhere."""
    try:
        print(flush=True)  # noqa: T201 - an empty line, where somebody reads it
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return True
    return False


def _user_errors() -> tuple[type[Exception], ...]:
    """Return the errors whose message is all that a user needs."""
    from gymnasium.error import DependencyNotInstalled  # slow to import, and only needed when something goes wrong

    from rmr_gym.envs.mujoco_loading import RenderingUnavailableError
    from rmr_gym.errors import NonFiniteLossError, WorkerDiedError

    named = (DependencyNotInstalled, NonFiniteLossError, RenderingUnavailableError, WorkerDiedError)
    return (ValueError, OSError, ImportError, *named)
