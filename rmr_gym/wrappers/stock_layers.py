"""What our wrappers must know about the frame-skipping wrappers of other packages.

They stop reading the screen when the game ends inside a frame skip, and then show an old picture. And some of them do
not see that the game skips frames by itself.
"""

from __future__ import annotations

import math
import warnings
from numbers import Integral
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.wrappers import AtariPreprocessing, FrameStackObservation
from numpy.typing import NDArray

from rmr_gym.envs.frames import resize_frame
from rmr_gym.envs.layers import class_names, layers
from rmr_gym.errors import explain

__all__ = ["layers", "present_picture", "skips_frames", "visible_preprocessing", "warn_of_second_skip"]

_FRAME_SKIPPING = frozenset({"AtariPreprocessing", "MaxAndSkipObservation", "MaxAndSkipEnv"})
"""Class names, the last one of Stable-Baselines3, which need not be installed."""


def skips_frames(env: gym.Env[Any, Any]) -> bool:
    """Say whether a wrapper is in the chain that repeats an old picture when a game ends inside a frame skip."""
    return any(_FRAME_SKIPPING & class_names(layer) for layer in layers(env))


def warn_of_second_skip(env: gym.Env[Any, Any]) -> None:
    """Warn, in the name of the caller's caller, of frames that are skipped by a wrapper and inside of it once more.

    `AtariPreprocessing` refuses that, `AtariWrapper` of Stable-Baselines3 plays 16 frames per step without a word. It
    is no error: whoever compares with agents that were trained like this needs the same environment.
    """
    skips = [
        (type(layer).__name__, getattr(layer, "frame_skip", getattr(layer, "_skip", None)))
        for layer in layers(env)
        if _FRAME_SKIPPING & class_names(layer)
    ]
    # Neither a range, out of which ale-py draws, nor somebody else's wrapper that only has such a name is counted.
    skips.append((type(env.unwrapped).__name__, getattr(env.unwrapped, "_frameskip", None)))
    counted = [(name, int(skip)) for name, skip in skips if isinstance(skip, Integral) and int(skip) > 1]
    if len(counted) > 1:
        shown = " and ".join(f"{skip} frames per step by {name}" for name, skip in counted)
        fix = (
            "Make the game with make_atari(game, frame_skip=1, noop_max=0), or an ALE id with frameskip=1, "
            "inside of a wrapper that skips frames."
        )
        got = f"{shown}, {math.prod(skip for _, skip in counted)} in all"
        warnings.warn(explain(expected="frames to be skipped once", got=got, fix=fix), stacklevel=3)


def visible_preprocessing(env: gym.Env[Any, Any]) -> tuple[AtariPreprocessing | None, bool]:
    """Find the `AtariPreprocessing` whose pictures an environment shows as they are, or stacked.

    Returns:
        The layer, or None when there is none or a wrapper above it changes its pictures in another way; and whether
        the pictures are stacked, the newest last.
    """
    stacked = False
    for layer in layers(env):
        if isinstance(layer, AtariPreprocessing):
            return layer, stacked
        if isinstance(layer, FrameStackObservation) and not stacked:
            stacked = True
        elif isinstance(layer, gym.ObservationWrapper) or layer.observation_space is not layer.env.observation_space:
            break
    return None, False


def present_picture(layer: AtariPreprocessing) -> NDArray[Any]:
    """Make the picture of the present frame as `AtariPreprocessing` would, without pooling.

    Returns:
        A new array, uint8 in 0..255, or float32 in 0..1 with `scale_obs`; its shape is that of the layer's observation.
    """
    screen = layer.ale.getScreenGrayscale() if layer.grayscale_obs else layer.ale.getScreenRGB()
    width, height = layer.screen_size  # in OpenCV's order
    picture: NDArray[Any] = resize_frame(screen, (height, width))
    if layer.scale_obs:
        picture = np.asarray(picture, dtype=np.float32) / 255.0
    return picture.reshape(layer.observation_space.shape)
