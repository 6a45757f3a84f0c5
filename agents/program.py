"""What the scripts share: mistakes of a user end in one sentence, Ctrl-C in another."""

from __future__ import annotations

import os
from collections.abc import Callable

from gymnasium.error import DependencyNotInstalled
from rich.console import Console

from rmr_gym.envs.mujoco_loading import RenderingUnavailableError

USER_ERROR, INTERRUPTED = 2, 130

_DEBUG = "RMR_DEBUG"


def run_program(name: str, work: Callable[[], None]) -> int:
    """Do the work of a script and return its exit status.

    Args:
        name: of the script, for messages.
        work: what it does.

    Returns:
        0, 2 after a mistake of the user, 130 after Ctrl-C.
    """
    errors = Console(stderr=True)
    try:
        work()
    except KeyboardInterrupt:
        errors.print("Interrupted. Checkpoints are kept: repeat the same command to continue.", highlight=False)
        return INTERRUPTED
    except (ValueError, OSError, DependencyNotInstalled, RenderingUnavailableError) as error:
        if os.environ.get(_DEBUG):
            raise
        errors.print(f"agents.{name}: {error}", markup=False, highlight=False, soft_wrap=True)
        errors.print(f"({_DEBUG}=1 shows where this comes from.)", style="dim", highlight=False)
        return USER_ERROR
    return 0
