"""A processor, an encoder and a probe of somebody's own, with the one line in their registries that makes them known.

Run as a script, this file adds those lines, which else stand in the package, and then does what `python -m benchmarks`
or `rmr-gym` does with the other words: `python -m tests.own_parts benchmarks run table1`.
"""

from __future__ import annotations

import functools
import sys
from dataclasses import dataclass
from typing import Any

from rmr_gym import registry


@dataclass(frozen=True, kw_only=True, slots=True)
class ScaledConfig:
    """Every slot by itself, with a dropout in front of one linear layer."""

    slot_dim: int = 64
    """Width of a slot."""

    dropout: float = 0.1
    """Share of the numbers that are left out in training."""

    def build(self, num_slots: int, *, num_actions: int = 18) -> Any:
        """Build the processor."""
        return _classes()[0](self, num_actions)


@dataclass(frozen=True, kw_only=True, slots=True)
class TilesConfig:
    """A linear layer on the means of the tiles of a picture."""

    size: tuple[int, int] = (30, 40)
    """Height and width of the pictures."""

    slot_dim: int = 64
    """Width of a slot."""

    def build(self) -> Any:
        """Build the encoder."""
        return _classes()[1](self)


@dataclass(frozen=True, kw_only=True, slots=True)
class MajorityConfig:
    """Says of every bit what it is most often, whatever the features are."""

    tie: int = 1
    """What it says where both are as frequent."""

    def fit(self, features: Any, targets: Any, episodes: Any, *, seed: int = 0, device: str = "cpu") -> Any:
        """Count."""
        del features, episodes, seed, device
        mean = targets.mean(axis=0)
        bits = ((mean > 0.5) | ((mean == 0.5) & bool(self.tie))).astype("uint8")

        class Majority:
            def predict(self, features: Any) -> Any:
                return bits[None].repeat(len(features), axis=0)

        return Majority()


@functools.cache
def _classes() -> tuple[type[Any], type[Any]]:
    """Make the classes, whose bases can be imported when the lines have been added."""
    from torch import nn
    from torch.nn import functional

    from rmr_gym.models.interfaces import Encoder, Processor

    class Scaled(Processor):
        def __init__(self, config: Any, num_actions: int) -> None:
            super().__init__(slot_dim=config.slot_dim, num_actions=num_actions)
            self.config = config
            self.update = nn.Sequential(nn.Dropout(config.dropout), nn.Linear(config.slot_dim, config.slot_dim))

        def process(self, inputs: Any) -> Any:
            return self.update(inputs)

    class Tiles(Encoder):
        def __init__(self, config: Any) -> None:
            super().__init__()
            self.config = config
            self.num_slots, self.slot_dim, self.input_shape = 128, config.slot_dim, (1, *config.size)
            self.slots = nn.Linear(100, 128 * config.slot_dim)

        def forward(self, pixels: Any) -> Any:
            floats = pixels if pixels.is_floating_point() else pixels.float() / 255
            tiles = functional.adaptive_avg_pool2d(floats, 10).flatten(1)
            return self.slots(tiles).view(len(pixels), 128, self.slot_dim)

    return Scaled, Tiles


LINES = {
    "processor": ("scaled", ScaledConfig),
    "encoder": ("tiles", TilesConfig),
    "probe": ("majority", MajorityConfig),
}


def add_lines() -> None:
    """Let registries that are made from now on have the lines."""
    assert "rmr_gym.models" not in sys.modules, "the registries must not be there yet"
    plain, left = registry.Registry.__init__, dict(LINES)  # processors of balls are the second registry of that kind

    def init(self: registry.Registry[Any], kind: str, *entries: tuple[str, Any]) -> None:
        plain(self, kind, *entries, *([left.pop(kind)] if kind in left else []))

    registry.Registry.__init__ = init  # type: ignore[method-assign]


if __name__ == "__main__":
    add_lines()
    program, words = sys.argv[1], sys.argv[2:]
    if program == "benchmarks":
        from benchmarks.__main__ import main
    else:
        from rmr_gym.cli import main
    sys.exit(main(words))
