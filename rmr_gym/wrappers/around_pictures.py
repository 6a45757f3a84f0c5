"""What wrappers that put something beside the picture say to wrappers that want the picture alone."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
from gymnasium import spaces

from rmr_gym.errors import explain
from rmr_gym.wrappers.askers import asking, running

_SKIPPING = frozenset({"MaxAndSkipEnv", "MaxAndSkipObservation"})
_WANTING_PICTURES = frozenset(f"{name}.__init__" for name in (*_SKIPPING, "WarpFrame"))
"""Wrappers whose words about a dictionary name neither the cause nor the right order, two of them of Stable-Baselines3.

The others (`AtariPreprocessing`, `GrayscaleObservation`, `ResizeObservation`) end in the type of the space, which
`PairSpace` lets tell the order.
"""


class AroundPictures(gym.Wrapper[Any, Any, Any, Any]):
    """A wrapper that goes outside of everything that changes the picture."""

    @property
    def observation_space(self) -> spaces.Space[Any]:
        """Space of the observation.

        Raises:
            ValueError: when it is a dictionary, and a wrapper that works on pictures alone asks for it.
        """
        _refuse_inside(self, self._observation_space)
        return super().observation_space

    @observation_space.setter
    def observation_space(self, space: spaces.Space[Any]) -> None:
        self._observation_space = space


def _refuse_inside(env: gym.Wrapper[Any, Any, Any, Any], space: spaces.Space[Any] | None) -> None:
    """Refuse to be inside of a wrapper that works on pictures alone.

    That a wrapper is asked for its space is the only sign of what is put around it.

    Args:
        env: the wrapper, which goes outside of everything that changes the picture.
        space: its observation space if it has one of its own.

    Raises:
        ValueError: when the space is a dictionary, and such a wrapper asks for it.
    """
    if not isinstance(space, spaces.Dict):
        return
    asker = asking(_WANTING_PICTURES, env)
    if asker is None:
        return
    # `AtariWrapper` makes these wrappers, and is itself what `make_atari_env` puts around an environment.
    by_name = running(["make_atari_env"])
    outer = "AtariWrapper" if by_name else running(["AtariWrapper.__init__"]) or asker
    options: dict[str, Any] = {"paired": False}
    if asker in _SKIPPING:  # else frames would be skipped, and no-ops played, by the game and by the wrapper
        options |= {"frame_skip": 1} if outer == asker else {"frame_skip": 1, "noop_max": 0}
    wrapped = f'{type(env).__name__}({outer}(env), into="info")'
    if by_name:
        kwargs = {"game": getattr(env.unwrapped, "_game", "pong"), **options}
        pictures = f"env_kwargs={kwargs}".replace("'", '"')
        fix = (
            f"Call make_vec_env(rmr_gym.make_atari, {pictures}, wrapper_class=lambda env: {wrapped}), or, for "
            f"pictures alone, make_atari_env(rmr_gym.make_atari, {pictures})."
        )
    else:
        called = ", ".join(f"{name}={value}" for name, value in options.items())
        fix = f"Put it outside: {wrapped}, where env is rmr_gym.make_atari(game, {called})."
    got = f"the dictionary of {type(env).__name__} ({', '.join(space)})"
    raise ValueError(explain(expected=f"pictures in {by_name or outer}", got=got, fix=fix))
