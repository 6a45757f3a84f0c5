"""The wrapper that replaces the pictures of a vector environment by the features of an encoder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorWrapper
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from rmr_gym.errors import explain
from rmr_gym.wrappers.feature_function import FeatureFunction
from rmr_gym.wrappers.frame_encoding import FrameEncoding, Padding


class EncodeObservation(VectorWrapper[Any, Any, Any, Any, Any]):
    """Replace the pictures of all environments by their features, all frames of a step encoded at once.

    The vector version of `rmr_gym.wrappers.EncodeObservation`, with the same options and the same observations. The
    stack of an environment begins anew with each of its episodes, in every autoreset mode: with NEXT_STEP at the step
    after the last one of an episode, with SAME_STEP at the last one itself, whose observation in `info["final_obs"]` is
    encoded as well, with DISABLED where `reset_mask` says so.

    Args:
        env: a vector environment.
        features: encodes pictures.
        key: name of the picture in a dictionary; None is "pixels".
        keep: names in a dictionary that stay beside the features.
        stack: number of pictures whose features make an observation.
        padding: what stands for the pictures before the first of an episode, "reset" the first one or "zero" a black
            one.

    Raises:
        ValueError: when the environment is no vector environment of Gymnasium, does not say how it resets, returns only
            some of its environments at a step, or as in the version for single environments.

    Example:
        >>> import gymnasium as gym, rmr_gym
        >>> class Brightness:
        ...     def features_shape(self, observation_shape):
        ...         return (1,)
        ...
        ...     def __call__(self, pixels):
        ...         return pixels.mean(axis=tuple(range(1, pixels.ndim)), dtype=np.float32)[:, None]
        >>> envs = gym.make_vec("rmr/Pong-v0", num_envs=2, vectorization_mode="sync")
        >>> envs = EncodeObservation(envs, Brightness(), stack=4)
        >>> observations, infos = envs.reset(seed=0)
        >>> observations.shape, envs.single_observation_space.shape
        ((2, 4), (4,))
    """

    def __init__(
        self,
        env: gym.vector.VectorEnv[Any, Any, Any],
        features: FeatureFunction,
        *,
        key: str | None = None,
        keep: Sequence[str] = (),
        stack: int = 1,
        padding: Padding = "reset",
    ) -> None:
        self._mode = _check_env(env)
        super().__init__(env)
        self._encoding = FrameEncoding(
            env.single_observation_space,
            features,
            key=key,
            keep=keep,
            stack=stack,
            padding=padding,
            num_envs=env.num_envs,
        )
        self.single_observation_space = self._encoding.space
        self.observation_space = batch_space(self._encoding.space, env.num_envs)
        self._ended = np.zeros(env.num_envs, bool)

    def reset(self, *, seed: Any = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Reset all environments, or those of `options["reset_mask"]`."""
        mask = (options or {}).get("reset_mask")  # before the environment takes it out of the options
        observations, infos = self.env.reset(seed=seed, options=options)
        self._ended = np.zeros(self.num_envs, bool) if mask is None else self._ended & ~mask
        return self._encoding.beside(self._encoding.start(observations, mask), observations), infos

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """Step all environments; encode what they show now, and with SAME_STEP what ended episodes showed last."""
        observations, rewards, terminations, truncations, infos = self.env.step(actions)
        ended = np.logical_or(terminations, truncations)
        if self._mode == AutoresetMode.SAME_STEP:
            features, infos = self._advance_in_the_same_step(observations, ended, infos)
        else:
            starts = self._ended if self._mode == AutoresetMode.NEXT_STEP else np.zeros_like(ended)
            features, _ = self._encoding.advance(observations, starts)
        self._ended = ended
        return self._encoding.beside(features, observations), rewards, terminations, truncations, infos

    def _advance_in_the_same_step(
        self, observations: Any, ended: NDArray[np.bool_], infos: dict[str, Any]
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        rows = np.flatnonzero(ended).tolist() if "final_obs" in infos else []
        finals = {row: infos["final_obs"][row] for row in rows}
        features, last = self._encoding.advance(observations, ended, finals)
        if not rows:
            return features, infos
        encoded = np.full(self.num_envs, None, object)
        for row in rows:
            encoded[row] = self._encoding.beside(last[row], finals[row])
        if infos["final_obs"].dtype != object:  # one array for all environments, as AtariVectorEnv has it
            encoded = np.stack([last.get(row, features[row]) for row in range(self.num_envs)])
        return features, {**infos, "final_obs": encoded}


def _check_env(env: object) -> AutoresetMode:
    """Return how a vector environment resets, and refuse what is none or cannot be encoded."""
    expected, fix = "a vector environment of Gymnasium that shows pictures", None
    if any(base.__name__ == "VecEnv" for base in type(env).__mro__):  # Stable-Baselines3 need not be installed
        fix = "Wrap it in rmr_gym.sb3.VecEncodeObservation."
    elif not isinstance(env, gym.vector.VectorEnv):
        fix = "Use rmr_gym.wrappers.EncodeObservation for a single environment."
    elif _is_encoded(env):
        fix = "Wrap it once, outside of everything that changes pictures; pass stack=n for several of them."
    else:
        mode = _autoreset_mode(env)
        if mode is None:
            expected, fix = "metadata with an autoreset_mode", "Set it: the features of an episode begin at its reset."
        elif _rows(env.observation_space) != env.num_envs:
            expected, fix = "observations of all environments at every step", "Make it with batch_size=num_envs."
        else:
            return mode
    raise ValueError(explain(expected=expected, got=str(env), fix=fix))


def _autoreset_mode(env: gym.vector.VectorEnv[Any, Any, Any]) -> AutoresetMode | None:
    """Return how a vector environment resets; None when its metadata do not say."""
    declared = env.metadata.get("autoreset_mode")
    if not isinstance(declared, AutoresetMode):
        return None
    # All environments of ale-py 0.12 share one dictionary of metadata, which has the mode of the newest of them.
    own = getattr(env.unwrapped, "autoreset_mode", None)
    return own if isinstance(own, AutoresetMode) else declared


def _is_encoded(env: gym.vector.VectorEnv[Any, Any, Any]) -> bool:
    layer: Any = env
    while isinstance(layer, VectorWrapper):
        if isinstance(layer, EncodeObservation):
            return True
        layer = layer.env
    return False


def _rows(space: spaces.Space[Any]) -> int:
    if isinstance(space, spaces.Dict):
        return min(_rows(one) for one in space.values())
    return space.shape[0] if space.shape else 0
