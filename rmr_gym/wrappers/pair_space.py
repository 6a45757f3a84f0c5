"""The observation space of a pair."""

from __future__ import annotations

from abc import ABCMeta
from typing import Any

from gymnasium import spaces


class _TellsTheOrder(ABCMeta):
    """Let the space's type print as advice.

    Wrappers that change pictures (`AtariPreprocessing`, `ResizeObservation`, `GrayscaleObservation`) refuse a
    dictionary with a sentence that ends in the type of the space, and they are built after `PairedObservation`: this
    is the only place from which that sentence can tell the user what to do.
    """

    def __str__(cls) -> str:
        return (
            "the Dict of PairedObservation. Put PairedObservation outside of the wrappers that change the picture: "
            "PairedObservation(AtariPreprocessing(env))"
        )


class PairSpace(spaces.Dict, metaclass=_TellsTheOrder):
    """A `gymnasium.spaces.Dict` of a picture and the RAM behind it.

    It equals the plain dictionary space, and is pickled as one, so that what is saved with it can be loaded where this
    package is not installed.

    Example:
        >>> import numpy as np
        >>> ram = spaces.Box(0, 255, (128,), np.uint8)
        >>> PairSpace({"ram": ram}) == spaces.Dict({"ram": ram})
        True
    """

    def __reduce__(self) -> tuple[Any, ...]:
        return spaces.Dict, (dict(self.spaces),)
