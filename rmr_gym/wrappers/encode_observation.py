"""The wrapper that replaces pictures by the features of an encoder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, SupportsFloat

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from rmr_gym.errors import explain
from rmr_gym.wrappers.askers import running
from rmr_gym.wrappers.feature_function import FeatureFunction
from rmr_gym.wrappers.frame_encoding import FrameEncoding, Padding
from rmr_gym.wrappers.stock_layers import layers, warn_of_second_skip

__all__ = ["EncodeObservation", "FeatureFunction"]

_PICTURE_MAKERS = ("AtariPreprocessing", "GrayscaleObservation", "MaxAndSkipObservation", "ResizeObservation")
_SB3_PICTURE_MAKERS = ("MaxAndSkipEnv", "WarpFrame")
_MAKING_PICTURES = frozenset(f"{name}.__init__" for name in (*_PICTURE_MAKERS, *_SB3_PICTURE_MAKERS))
"""What makes pictures of what it wraps, in Gymnasium and Stable-Baselines3; it would take features for one."""


class EncodeObservation(gym.Wrapper[Any, Any, Any, Any], gym.utils.RecordConstructorArgs):
    """Replace the picture by its features, each frame encoded once.

    An agent whose encoder is frozen learns from the same features as with the encoder inside its policy, but does not
    encode every frame again in every epoch. It goes outside of everything that changes pictures. Several environments
    at once are encoded faster together: `rmr_gym.wrappers.vector.EncodeObservation`, and
    `rmr_gym.sb3.VecEncodeObservation` for Stable-Baselines3.

    With `stack=n` the observation is the features of the last n pictures, oldest first, of which only the newest is
    encoded; `FrameStackObservation` inside would have all of them encoded at every step. Every array is a new one.

    The spec of the environment holds the feature function itself, so `gym.make(env.spec)` works, while a spec with it
    cannot become JSON, as with Gymnasium's `TransformObservation`.

    Args:
        env: a single environment whose observation is a picture, or a dictionary with one.
        features: encodes pictures, `rmr_gym.FrozenFeatures(path)` for an encoder trained here; shared, not copied.
        key: name of the picture in a dictionary; None is "pixels".
        keep: names in a dictionary that stay beside the features. The observation is then a dictionary of `features`
            and these; without any it is the feature vector alone.
        stack: number of pictures whose features make an observation.
        padding: what stands for the pictures before the first of an episode: "reset" is the first one, as in
            Gymnasium's `FrameStackObservation`; "zero" is a black picture, as in `VecFrameStack`.

    Raises:
        ValueError: when the environment is a vector environment or encoded already, when the observation is no picture
            that the features can be computed from, when an option does not fit, or later, when a wrapper that makes
            pictures is put around it.

    Example:
        >>> import gymnasium as gym, rmr_gym
        >>> class Brightness:
        ...     def features_shape(self, observation_shape):
        ...         return (1,)
        ...
        ...     def __call__(self, pixels):
        ...         return pixels.mean(axis=tuple(range(1, pixels.ndim)), dtype=np.float32)[:, None]
        >>> env = EncodeObservation(gym.make("rmr/Pong-v0"), Brightness(), keep=["ram"], stack=4)
        >>> observation, info = env.reset(seed=0)
        >>> observation["features"].shape, observation["ram"].shape
        ((4,), (128,))
    """

    def __init__(
        self,
        env: gym.Env[Any, Any],
        features: FeatureFunction,
        *,
        key: str | None = None,
        keep: Sequence[str] = (),
        stack: int = 1,
        padding: Padding = "reset",
    ) -> None:
        # Not copied: the weights of an encoder would be there twice for every environment.
        gym.utils.RecordConstructorArgs.__init__(
            self, _disable_deepcopy=True, features=features, key=key, keep=list(keep), stack=stack, padding=padding
        )
        _check_env(env)
        super().__init__(env)
        warn_of_second_skip(env)
        self._encoding = FrameEncoding(
            env.observation_space, features, key=key, keep=keep, stack=stack, padding=padding
        )
        self.observation_space = self._encoding.space

    @property
    def observation_space(self) -> spaces.Space[Any]:
        """Space of the features, with what is kept beside them.

        Raises:
            ValueError: when a wrapper that makes pictures asks for it.
        """
        asker = running(_MAKING_PICTURES)
        if asker is not None:
            asker = running(["AtariWrapper.__init__"]) or asker  # of Stable-Baselines3, which makes some of the others
            fix = f"Encode what it shows: EncodeObservation({asker}(env), features)."
            raise ValueError(explain(expected=f"pictures in {asker}", got="the features of an encoder", fix=fix))
        return super().observation_space

    @observation_space.setter
    def observation_space(self, space: spaces.Space[Any]) -> None:
        self._observation_space = space

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Reset the environment and return the features of the first observation."""
        observation, info = self.env.reset(seed=seed, options=options)
        return self._beside(self._encoding.start(_batch_of_one(observation)), observation), info

    def step(self, action: Any) -> tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]:
        """Step the environment and return the features of the next observation."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        features, _ = self._encoding.advance(_batch_of_one(observation), np.zeros(1, bool))
        return self._beside(features, observation), reward, terminated, truncated, info

    def _beside(self, features: NDArray[np.float32], observation: Any) -> Any:
        return self._encoding.beside(features[0], observation)


def _batch_of_one(observation: Any) -> Any:
    if isinstance(observation, dict):
        return {key: np.asarray(value)[None] for key, value in observation.items()}
    return np.asarray(observation)[None]


def _check_env(env: object) -> None:
    fix = None
    if isinstance(env, gym.vector.VectorEnv):
        fix = "Wrap it in rmr_gym.wrappers.vector.EncodeObservation."
    elif any(base.__name__ == "VecEnv" for base in type(env).__mro__):  # Stable-Baselines3 need not be installed
        fix = "Wrap it in rmr_gym.sb3.VecEncodeObservation."
    elif not isinstance(env, gym.Env):
        fix = "Make the environment with rmr_gym.make_atari(game), or with gym.make."
    elif any(isinstance(layer, EncodeObservation) for layer in layers(env)):
        fix = "Wrap it once, outside of everything that changes pictures; pass stack=n for several of them."
    if fix is not None:
        raise ValueError(explain(expected="a single environment that shows pictures", got=str(env), fix=fix))
