"""Who asks for a space: the one sign of a wrong order that other packages refuse, or accept, before we are called.

`VecTransposeImage` of Stable-Baselines3 looks at the space of what it wraps and ends with an assertion, `AtariWrapper`
looks at it and fails in OpenCV at the first reset, `DummyVecEnv` looks at nothing. None of them says which order is
right, and none calls anything that could.
"""

from __future__ import annotations

import sys
from collections.abc import Collection
from types import FrameType
from typing import Any

import gymnasium as gym

_PACKAGES = ("stable_baselines3", "gymnasium")


def running(functions: Collection[str], *, not_beyond: type | None = None) -> str | None:
    """Return which of some functions of Stable-Baselines3 or Gymnasium is being run, the innermost first.

    Args:
        functions: qualified names, such as `VecTransposeImage.__init__`.
        not_beyond: look no further than to a method of such an object, whose own affair the rest is.

    Returns:
        The part before the dot, or the name of a function without any; None when none of them is being run.

    Example:
        >>> running(["DummyVecEnv.__init__"]) is None
        True
    """
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if _is_one_of(frame, functions):
            return frame.f_code.co_qualname.partition(".")[0]
        if not_beyond is not None and isinstance(frame.f_locals.get("self"), not_beyond):
            return None
        frame = frame.f_back
    return None


def asking(functions: Collection[str], env: gym.Env[Any, Any]) -> str | None:
    """Return which of some functions of Stable-Baselines3 or Gymnasium asks for the space of an environment.

    To be called while the space is asked for. A wrapper in between that shows the space as it is changes nothing. One
    that asks in order to show something else, such as the picture of a dictionary, is the asker itself, and fine.

    Args:
        functions: qualified names, such as `WarpFrame.__init__`.
        env: whose space it is.

    Returns:
        The part before the dot, or None when none of them asks.

    Example:
        >>> asking(["WarpFrame.__init__"], gym.make("rmr/Pong-v0")) is None
        True
    """
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if _is_one_of(frame, functions):
            return frame.f_code.co_qualname.partition(".")[0]
        layer = frame.f_locals.get("self")
        if isinstance(layer, gym.Env) and layer is not env and not _hands_on(frame):
            return None
        frame = frame.f_back
    return None


def _is_one_of(frame: FrameType, functions: Collection[str]) -> bool:
    return frame.f_code.co_qualname in functions and _package(frame) in _PACKAGES


def _hands_on(frame: FrameType) -> bool:
    """Say whether a frame is that of a wrapper which returns the space of the environment inside of it as it is."""
    name = frame.f_code.co_qualname
    return name == "Wrapper.observation_space" or (_package(frame) == "rmr_gym" and name.endswith(".observation_space"))


def _package(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__")).partition(".")[0]
