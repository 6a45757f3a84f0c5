"""Actions by ALE value: the one code in which actions are stored and one-hot encoded.

A game's own action set renumbers the joystick (index 2 of Pong is RIGHT, elsewhere UP; Skiing lacks the FIRE actions),
so an index means nothing away from its environment. The value of ALE's `Action` enumeration does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rmr_gym.errors import explain

if TYPE_CHECKING:
    import gymnasium as gym

ACTION_NAMES: tuple[str, ...] = (
    "NOOP",
    "FIRE",
    "UP",
    "RIGHT",
    "LEFT",
    "DOWN",
    "UPRIGHT",
    "UPLEFT",
    "DOWNRIGHT",
    "DOWNLEFT",
    "UPFIRE",
    "RIGHTFIRE",
    "LEFTFIRE",
    "DOWNFIRE",
    "UPRIGHTFIRE",
    "UPLEFTFIRE",
    "DOWNRIGHTFIRE",
    "DOWNLEFTFIRE",
)
"""Name of each ALE action; the position is the value of `ale_py.Action`."""

NUM_ACTIONS = len(ACTION_NAMES)
"""Number of ALE actions, the length of the action's one-hot code (paper, section 5: 18)."""


@dataclass(frozen=True, slots=True)
class ActionCodec:
    """Translate between an environment's action indices and ALE action values.

    Args:
        values: the ALE value of each action index of the environment, in the order of the indices.

    Raises:
        ValueError: when a value is outside 0..17 or stands twice.

    Example:
        >>> pong = ActionCodec((0, 1, 3, 4, 11, 12))  # the minimal action set of Pong
        >>> pong.to_value(2), pong.to_index(3)
        (3, 2)
    """

    values: tuple[int, ...]

    def __post_init__(self) -> None:
        """Refuse values that ALE does not know."""
        if len(set(self.values)) != len(self.values) or not set(self.values) <= set(range(NUM_ACTIONS)):
            raise ValueError(
                explain(
                    expected=f"distinct ALE action values out of 0..{NUM_ACTIONS - 1}",
                    got=self.values,
                    fix="Build the codec with ActionCodec.of(env).",
                )
            )

    @classmethod
    def of(cls, env: gym.Env[Any, Any]) -> ActionCodec:
        """Read the codec of an ALE-based environment, however it is wrapped.

        Raises:
            ValueError: when the environment is not an Atari one, has continuous actions, or a wrapper renumbers them.
        """
        action_set: Sequence[Any] | None = getattr(env.unwrapped, "_action_set", None)
        if action_set is None or getattr(env.action_space, "n", None) != len(action_set):
            raise ValueError(
                explain(
                    expected="an environment of ale-py with its own discrete action space",
                    got=f"{env} with the action space {env.action_space}",
                    fix="Build the codec from the environment below the wrapper that changes the actions.",
                )
            )
        return cls(tuple(int(action.value) for action in action_set))

    def to_value(self, index: int) -> int:
        """Return the ALE value of an action index of the environment."""
        position = int(index)
        if not 0 <= position < len(self.values):
            raise ValueError(
                explain(
                    expected=f"an action index in 0..{len(self.values) - 1}",
                    got=index,
                    fix="Use to_index() for ALE values.",
                )
            )
        return self.values[position]

    def to_index(self, value: int) -> int:
        """Return the environment's index of an ALE action value."""
        try:
            return self.values.index(int(value))
        except ValueError:
            raise ValueError(
                explain(
                    expected=f"an ALE action value out of {self.values}",
                    got=value,
                    fix="Make the environment with full_actions=True to have all 18.",
                )
            ) from None


def one_hot_actions(values: int | Sequence[int] | NDArray[Any]) -> NDArray[np.float32]:
    """Encode ALE action values as unit vectors of length 18.

    Args:
        values: integer or array of integers in 0..17, any shape; ALE values, not indices of an action set.

    Returns:
        float32 array with one more axis of length 18.

    Raises:
        ValueError: when a value is not an integer in 0..17.

    Example:
        >>> one_hot_actions([3, 0]).argmax(axis=-1)
        array([3, 0])
    """
    codes = np.asarray(values)
    if not np.issubdtype(codes.dtype, np.integer) or (codes < 0).any() or (codes >= NUM_ACTIONS).any():
        raise ValueError(
            explain(
                expected=f"ALE action values, integers in 0..{NUM_ACTIONS - 1}",
                got=values,
                fix="Translate indices with ActionCodec.to_value().",
            )
        )
    return np.asarray(np.eye(NUM_ACTIONS, dtype=np.float32)[codes])
