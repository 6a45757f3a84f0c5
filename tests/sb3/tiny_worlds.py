"""A world of random pictures and encoders so small that agents learn in a blink; importable by other processes."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import torch
from gymnasium import spaces
from jaxtyping import Float, Num
from torch import Tensor, nn

from rmr_gym.models import Encoder
from rmr_gym.models.blocks import initial_weights
from rmr_gym.models.encoders import NatureCnnConfig

LAYOUTS = {
    "one": (84, 84, 1),
    "no channel": (84, 84),
    "stack first": (4, 84, 84),
    "stack last": (84, 84, 4),
    "stack apart": (4, 84, 84, 1),
}
"""Shapes of observations of gray pictures; all hold the same ones."""


class TinyWorld(gym.Env[Any, Any]):
    """Random pictures, episodes of 5 steps, reward 1 for action 0.

    Args:
        shape: of an observation of pictures, in whose axis of 1 or 4 the pictures stand.
        ram: whether RAM stands beside them, in a Dict.
        continuous: whether actions are numbers.
    """

    def __init__(
        self, shape: tuple[int, ...] = (84, 84, 1), *, ram: bool = False, continuous: bool = False, floats: bool = False
    ) -> None:
        pixels = spaces.Box(0, 1, shape, np.float32) if floats else spaces.Box(0, 255, shape, np.uint8)
        memory = spaces.Box(0, 255, (128,), np.uint8)
        self.observation_space = spaces.Dict({"pixels": pixels, "ram": memory}) if ram else pixels
        self.action_space = spaces.Box(-1, 1, (1,), np.float32) if continuous else spaces.Discrete(3)
        self._step = 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self._step = 0
        return self._observe(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self._step += 1
        return self._observe(), float(np.all(np.equal(action, 0))), self._step == 5, False, {}

    def _observe(self) -> Any:
        def draw(space: Any) -> np.ndarray:
            if space.dtype == np.uint8:
                return self.np_random.integers(0, 256, space.shape, dtype=np.uint8)
            return self.np_random.random(space.shape, dtype=np.float32)

        if isinstance(self.observation_space, spaces.Dict):
            return {key: draw(space) for key, space in self.observation_space.items()}
        return draw(self.observation_space)


def tiny_encoder(seed: int = 0) -> Encoder:
    """Build an encoder of 84x84 pictures with 2 slots of 3 numbers."""
    with initial_weights(seed):
        return NatureCnnConfig(resolution="84x84", num_slots=2, slot_dim=3, maps_per_slot=1).build()


class NormEncoder(Encoder):
    """An encoder of a user's own, with what freezing has to care for: batch statistics, dropout, a shared weight."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        self.num_slots, self.slot_dim, self.input_shape = 2, 3, (1, 84, 84)
        self.pool = nn.AvgPool2d(21)
        self.dropout = nn.Dropout(0.5)
        self.gain = nn.Parameter(torch.ones(()))
        with initial_weights(seed):
            self.norm = nn.BatchNorm1d(16)
            self.first = nn.Linear(16, 6)
            self.second = nn.Linear(16, 6)
            nn.init.uniform_(self.norm.weight)
        self.second.weight = self.first.weight

    def forward(self, pixels: Num[Tensor, "batch channel height width"]) -> Float[Tensor, "batch slot dim"]:
        values = pixels / 255 if pixels.dtype == torch.uint8 else pixels
        hidden = self.dropout(self.norm(self.pool(values).flatten(1)))
        both = self.first(hidden) + self.second(hidden).relu()
        return (self.gain * both).unflatten(1, (2, 3))


class NeedyEncoder(NormEncoder):
    """An encoder that looks for a parameter of its own."""

    def forward(self, pixels: Num[Tensor, "batch channel height width"]) -> Float[Tensor, "batch slot dim"]:
        return super().forward(pixels.to(next(self.parameters()).dtype))
