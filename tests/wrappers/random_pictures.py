"""An environment of random pictures in short episodes, and features of them that are exact numbers."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

SHAPE = (6, 5, 1)


class RandomPictures(gym.Env[Any, Any]):
    """Random pictures, beside them the number of the step; episodes of 2 to 5 steps, every other one is truncated.

    Args:
        beside: the observation is a dictionary of the picture and of the steps since the start.
        key: of the picture.
        reuse: return the same array, overwritten, again and again.
    """

    def __init__(
        self, *, beside: bool = False, key: str = "pixels", reuse: bool = False, shape: tuple[int, ...] = SHAPE
    ) -> None:
        self.beside, self.key, self.reuse = beside, key, reuse
        picture, steps = spaces.Box(0, 255, shape, np.uint8), spaces.Box(0, 9, (2,), np.uint8)
        self.observation_space = spaces.Dict({key: picture, "steps": steps}) if beside else picture
        self.action_space = spaces.Discrete(2)
        self.buffer = np.zeros(shape, np.uint8)
        self.episode = 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        super().reset(seed=seed)
        self.episode, self.steps, self.length = self.episode + 1, 0, int(self.np_random.integers(2, 6))
        return self.look(), {}

    def step(self, action: Any) -> Any:
        self.steps += 1
        ended = self.steps == self.length
        truncated = self.episode % 2 == 0
        return self.look(), 1.0, ended and not truncated, ended and truncated, {}

    def look(self) -> Any:
        picture = self.np_random.integers(0, 256, self.buffer.shape, np.uint8)
        if self.reuse:
            self.buffer[...] = picture
            picture = self.buffer
        return {self.key: picture, "steps": np.full(2, self.steps, np.uint8)} if self.beside else picture

    def double(self, number: int) -> int:
        return 2 * number


class ExactFeatures:
    """A linear map of whole numbers: the same float32 numbers however pictures are put together.

    Attributes:
        batches: number of pictures of each call.
    """

    def __init__(self, size: int = 3) -> None:
        self.size = size
        self.batches: list[int] = []

    def features_shape(self, observation_shape: tuple[int, ...]) -> tuple[int]:
        return (self.size,)

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        self.batches.append(len(pixels))
        flat = pixels.reshape(len(pixels), -1).astype(np.int64)
        weights = np.arange(flat.shape[1] * self.size).reshape(-1, self.size) % 7 - 3
        return (flat @ weights + 1).astype(np.float32)
