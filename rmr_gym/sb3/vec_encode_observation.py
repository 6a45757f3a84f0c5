"""The vectorised wrapper of Stable-Baselines3 that replaces pictures by the features of an encoder."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from rmr_gym.errors import explain, missing_extra
from rmr_gym.wrappers import EncodeObservation
from rmr_gym.wrappers.askers import running
from rmr_gym.wrappers.feature_function import FeatureFunction
from rmr_gym.wrappers.frame_encoding import FrameEncoding, Padding

try:
    from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper, VecFrameStack, VecNormalize
    from stable_baselines3.common.vec_env.base_vec_env import VecEnvObs, VecEnvStepReturn
except ImportError as error:
    raise missing_extra("stable_baselines3", "sb3") from error


_MAKING_ENVIRONMENTS = ("DummyVecEnv.__init__", "_worker")
"""Functions that make single environments, the second one in the processes of `SubprocVecEnv`."""


class VecEncodeObservation(VecEnvWrapper):
    """Replace the pictures of all environments by their features, all frames of a step encoded at once.

    With a frozen encoder each frame is encoded once, when it is seen, instead of once per epoch as inside of a policy;
    the policy that learns from the features is `MlpPolicy`, or `MultiInputPolicy` with `keep`. The last observation of
    an episode, `infos[i]["terminal_observation"]`, is encoded as well, behind the features that came before it.

    The order, from the inside out, of what is needed:

        DummyVecEnv or SubprocVecEnv, VecMonitor, VecTransposeImage, VecEncodeObservation, VecNormalize

    - `VecNormalize` goes outside, where it normalises features; inside, only with `norm_obs=False` or with
      `norm_obs_keys` that leave the picture alone.
    - `VecTransposeImage` may stand inside, and nothing needs it; outside there are no pictures left to transpose.
    - For the last n frames pass `stack=n`. `VecFrameStack` outside does the same with zeros before an episode; inside
      it is understood, but each frame is then encoded n times; both at once are refused.
    - What `keep` leaves beside the features is not scaled by a policy, hence a warning of raw bytes.
    - The workers of `SubprocVecEnv` run single environments: it goes inside, like `DummyVecEnv`.

    Args:
        venv: a vectorised environment of Stable-Baselines3.
        features: encodes pictures, `rmr_gym.FrozenFeatures(path)` for an encoder trained here.
        key: name of the picture in a dictionary; None is "pixels".
        keep: names in a dictionary that stay beside the features. The observation is then a dictionary of `features`
            and these; without any it is the feature vector alone, so that RAM does not leak into a policy.
        stack: number of pictures whose features make an observation, oldest first.
        padding: what stands for the pictures before the first of an episode: "reset" is the first one, as in
            `rmr_gym.wrappers.EncodeObservation`; "zero" is a black picture, as in `VecFrameStack`.

    Raises:
        ValueError: when the environment is not one of Stable-Baselines3, encoded already or normalised, when the
            observation is no picture that the features can be computed from, when an option does not fit, when this
            happens inside of `DummyVecEnv` or `SubprocVecEnv`, or later, when `VecTransposeImage` is put around it.

    Example:
        >>> import gymnasium as gym, numpy as np, rmr_gym
        >>> from stable_baselines3.common.vec_env import DummyVecEnv
        >>> class Brightness:
        ...     def features_shape(self, observation_shape):
        ...         return (1,)
        ...
        ...     def __call__(self, pixels):
        ...         return pixels.mean(axis=tuple(range(1, pixels.ndim)), dtype=np.float32)[:, None]
        >>> venv = DummyVecEnv([lambda: gym.make("rmr/Pong-v0")] * 2)
        >>> venv = VecEncodeObservation(venv, Brightness(), stack=4)
        >>> venv.reset().shape
        (2, 4)
    """

    def __init__(
        self,
        venv: VecEnv,
        features: FeatureFunction,
        *,
        key: str | None = None,
        keep: Sequence[str] = (),
        stack: int = 1,
        padding: Padding = "reset",
    ) -> None:
        _check_place()
        _check_env(venv, "pixels" if key is None else key, stack)
        self._encoding = FrameEncoding(
            venv.observation_space,
            features,
            key=key,
            keep=keep,
            stack=stack,
            padding=padding,
            num_envs=venv.num_envs,
        )
        _warn_of_bytes(venv.observation_space, keep)
        super().__init__(venv, observation_space=self._encoding.space)

    @property
    def observation_space(self) -> spaces.Space[Any]:
        """Space of the features, with what is kept beside them.

        Raises:
            ValueError: when `VecTransposeImage` asks for it and there are features alone.
        """
        if not isinstance(self._space, spaces.Dict) and running(["VecTransposeImage.__init__"]):
            fix = "Leave it out, or put it inside: VecEncodeObservation(VecTransposeImage(venv), features)."
            raise ValueError(
                explain(expected="pictures in VecTransposeImage", got="the features of an encoder", fix=fix)
            )
        return self._space

    @observation_space.setter
    def observation_space(self, space: spaces.Space[Any]) -> None:
        self._space = space

    def reset(self) -> VecEnvObs:
        """Reset all environments and return the features of their first observations."""
        observations = self.venv.reset()
        encoded: VecEnvObs = self._encoding.beside(self._encoding.start(observations), observations)
        return encoded

    def step_wait(self) -> VecEnvStepReturn:
        """Wait for the step of all environments and encode what they show now, and what ended episodes showed last."""
        observations, rewards, dones, infos = self.venv.step_wait()
        finals = {
            number: info["terminal_observation"]
            for number, info in enumerate(infos)
            if dones[number] and info.get("terminal_observation") is not None
        }
        features, last = self._encoding.advance(observations, dones, finals)
        infos = list(infos)
        for number, final in finals.items():
            encoded = self._encoding.beside(last[number], final)
            infos[number] = {**infos[number], "terminal_observation": encoded}
        return self._encoding.beside(features, observations), rewards, dones, infos


def _check_place() -> None:
    """Refuse to be made as one of the single environments of a vectorised one."""
    around = running(_MAKING_ENVIRONMENTS, not_beyond=gym.Env)  # environments may have vectorised ones for themselves
    if around is not None:
        around = "SubprocVecEnv" if around == "_worker" else around
        fix = f"Write VecEncodeObservation({around}([make_env] * 8), features), or take EncodeObservation in make_env."
        raise ValueError(explain(expected=f"VecEncodeObservation around {around}", got="it inside", fix=fix))


def _check_env(venv: object, key: str, stack: int = 1) -> None:
    """Refuse what is not vectorised by Stable-Baselines3, and wrappers that belong elsewhere."""
    expected, fix = "a vectorised environment of Stable-Baselines3 that shows pictures", None
    if isinstance(venv, gym.vector.VectorEnv):
        fix = (
            "Stable-Baselines3 takes no vector environments of Gymnasium: make it with make_vec_env(id, n_envs=8), or "
            "DummyVecEnv([make_env] * 8). For use without it there is rmr_gym.wrappers.vector.EncodeObservation."
        )
    elif not isinstance(venv, VecEnv):
        fix = "Wrap DummyVecEnv([lambda: env]), or take rmr_gym.wrappers.EncodeObservation for a single environment."
    elif any(isinstance(layer, VecEncodeObservation) for layer in _layers(venv)) or any(
        venv.env_is_wrapped(EncodeObservation)
    ):
        fix = "Encode once: leave out the wrapper inside; pass stack=n for several frames."
    elif stack > 1 and any(isinstance(layer, VecFrameStack) for layer in _layers(venv)):
        fix = f"Stack once: leave out VecFrameStack, or stack={stack}."
    elif any(_normalises(layer, key) for layer in _layers(venv)):
        fix = "Put VecNormalize outside, VecNormalize(VecEncodeObservation(venv, features)), or pass norm_obs=False."
    if fix is not None:
        raise ValueError(explain(expected=expected, got=_chain(venv), fix=fix))


def _warn_of_bytes(space: spaces.Space[Any], keep: Sequence[str]) -> None:
    """Warn of vectors of bytes, such as raw RAM: policies scale pictures only, and would see values up to 255."""
    for key in keep:
        part = space[key] if isinstance(space, spaces.Dict) else space
        if isinstance(part, spaces.Box) and len(part.shape) < 3 and part.dtype == np.uint8 and part.high.max() == 255:
            warnings.warn(
                f"{key!r} beside the features goes up to 255, and Stable-Baselines3 does not scale it. "
                'For RAM pass ram_format="bits" or "float" to PairedObservation.',
                stacklevel=3,
            )


def _layers(venv: Any) -> Iterator[VecEnvWrapper]:
    """Walk through the wrappers of a vectorised environment, from the outside in."""
    while isinstance(venv, VecEnvWrapper):
        yield venv
        venv = venv.venv


def _normalises(layer: VecEnvWrapper, key: str) -> bool:
    """Say whether a layer normalises the picture."""
    if not isinstance(layer, VecNormalize) or not layer.norm_obs:
        return False
    return not isinstance(layer.observation_space, spaces.Dict) or key in (layer.norm_obs_keys or ())


def _chain(venv: object) -> str:
    """Name the layers from the outside in: VecNormalize(DummyVecEnv)."""
    if not isinstance(venv, VecEnv):
        return str(venv)
    names = [type(layer).__name__ for layer in (*_layers(venv), venv.unwrapped)]
    return "(".join(names) + ")" * (len(names) - 1)
