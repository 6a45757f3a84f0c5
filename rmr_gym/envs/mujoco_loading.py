"""The one place where MuJoCo is imported: it reads MUJOCO_GL then, and a wrong value stops it."""

from __future__ import annotations

import os
from typing import Any

from rmr_gym.errors import explain, missing_extra


class RenderingUnavailableError(RuntimeError):
    """This machine, or this process, has no working OpenGL backend for MuJoCo."""


def load_mujoco() -> Any:
    """Import MuJoCo.

    Returns:
        The module `mujoco`; `mujoco.batch` is imported too.

    Raises:
        DependencyNotInstalled: when it is not installed.
        RenderingUnavailableError: when MUJOCO_GL names a backend that cannot be loaded.
    """
    try:
        import mujoco
        import mujoco.batch
    except ImportError as error:
        raise missing_extra("mujoco", "mujoco") from error
    except (AttributeError, OSError, RuntimeError) as error:
        raise RenderingUnavailableError(
            explain(
                expected="MUJOCO_GL to name an OpenGL backend of this machine",
                got=f"{os.environ.get('MUJOCO_GL', '')!r}: {error}",
                fix="Set MUJOCO_GL=egl (Debian: apt install libegl1), or MUJOCO_GL=disabled to do without OpenGL.",
            )
        ) from error
    return mujoco
