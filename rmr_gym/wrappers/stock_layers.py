"""What `PairedObservation` must know about the frame-skipping wrappers of other packages.

They stop reading the screen when the game ends inside a frame skip, and then show an old picture.
"""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.wrappers import AtariPreprocessing, FrameStackObservation
from numpy.typing import NDArray

from rmr_gym.envs.frames import resize_frame
from rmr_gym.envs.layers import class_names, layers

__all__ = ["layers", "present_picture", "skips_frames", "visible_preprocessing"]

_FRAME_SKIPPING = frozenset({"AtariPreprocessing", "MaxAndSkipObservation", "MaxAndSkipEnv"})
"""Class names, the last one of Stable-Baselines3, which need not be installed."""


def skips_frames(env: gym.Env[Any, Any]) -> bool:
    """Say whether a wrapper is in the chain that repeats an old picture when a game ends inside a frame skip."""
    return any(_FRAME_SKIPPING & class_names(layer) for layer in layers(env))


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
