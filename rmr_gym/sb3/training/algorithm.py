"""What the configs of all algorithms share."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from rmr_gym.errors import explain, missing_extra

if TYPE_CHECKING:
    from stable_baselines3.common.base_class import BaseAlgorithm

_FROM_0 = ("learning_starts", "target_update_interval")
"""Counts that may be 0."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AlgorithmConfig:
    """Base of the configs of algorithms: subclasses name the class and its keywords.

    Fields are called as the keywords of Stable-Baselines3, unless their docstring says otherwise.
    """

    num_envs: int = 1
    """Environments that are stepped together."""

    gamma: float = 0.99
    """Discount per agent step."""

    off_policy: ClassVar[bool] = False
    """Whether observations are kept in a replay buffer."""

    recurrent: ClassVar[bool] = False
    """Whether the policy has a memory of its own."""

    def __post_init__(self) -> None:
        """Refuse numbers out of range."""
        for name, field in self.__dataclass_fields__.items():
            value = getattr(self, name)
            number = isinstance(value, int | float) and not isinstance(value, bool)
            # Stable-Baselines3 would train on nothing, or end in the middle.
            least = 1 if type(field.default) is int and name not in _FROM_0 else 0
            if number and not (math.isfinite(value) and value >= least):
                expected = f"a finite {name} of at least {least}"
                raise ValueError(explain(expected=expected, got=value, fix=f"Correct {name}."))

    @property
    def steps_per_rollout(self) -> int:
        """Environment steps between two updates, of all environments together."""
        raise NotImplementedError

    def algorithm_class(self) -> type[BaseAlgorithm]:
        """Return the class of the algorithm."""
        raise NotImplementedError

    def keywords(self) -> dict[str, Any]:
        """Return the keywords of its constructor, but for policy, environment, seed, device and policy_kwargs."""
        raise NotImplementedError

    def policy_kwargs(self) -> dict[str, Any]:
        """Return what the algorithm adds to the keywords of the policy."""
        return {}

    def policy_name(self, *, pictures: bool) -> str:
        """Return the alias of the policy for pictures or for vectors."""
        return ("Cnn" if pictures else "Mlp") + ("LstmPolicy" if self.recurrent else "Policy")


def schedule(start: float, *, anneal: bool) -> float | Callable[[float], float]:
    """Return a number, or what falls from it to 0 over the training as `lin_` does in the zoo's files."""
    if not anneal:
        return start
    try:
        from stable_baselines3.common.utils import LinearSchedule
    except ImportError as error:
        raise missing_extra("stable_baselines3", "sb3") from error
    return LinearSchedule(start, 0.0, 1.0)
