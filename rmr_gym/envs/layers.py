"""Looking at the wrappers around an environment, also those of packages that need not be installed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gymnasium as gym


def layers(env: gym.Env[Any, Any]) -> Iterator[gym.Wrapper[Any, Any, Any, Any]]:
    """Walk through the wrappers of an environment, from the outside in."""
    while isinstance(env, gym.Wrapper):
        yield env
        env = env.env


def class_names(layer: gym.Wrapper[Any, Any, Any, Any]) -> frozenset[str]:
    """Return the names of the class of a wrapper and of all classes that it inherits from."""
    return frozenset(base.__name__ for base in type(layer).__mro__)
