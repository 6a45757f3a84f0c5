"""Who asks for a space: the one sign of a wrong order that other packages refuse, or accept, before we are called.

`VecTransposeImage` of Stable-Baselines3 looks at the space of what it wraps and ends with an assertion, `AtariWrapper`
looks at it and fails in OpenCV at the first reset, `DummyVecEnv` looks at nothing. None of them says which order is
right, and none calls anything that could.
"""

from __future__ import annotations

import sys
from collections.abc import Collection
from types import FrameType

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
        name = frame.f_code.co_qualname
        if name in functions and str(frame.f_globals.get("__name__")).partition(".")[0] in _PACKAGES:
            return name.partition(".")[0]
        if not_beyond is not None and isinstance(frame.f_locals.get("self"), not_beyond):
            return None
        frame = frame.f_back
    return None
