"""A player that presses at random, for a while, with a taste for some actions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rmr_gym.counts import as_count
from rmr_gym.errors import explain

_NOOP, _FIRE = 0, 1  # ALE action values


@dataclass(frozen=True, kw_only=True, slots=True)
class RandomPlayerConfig:
    """How a random player presses."""

    persistence: float = 0.5
    """Probability in 0..1 (exclusive) of holding the last action for another step (ours; ALGORITHMS: 0 to 0.95)."""

    num_favorites: int = 6
    """Size of the random subset of the actions that the player prefers in an episode, at least 1 (ours)."""

    bias: float = 0.0
    """Probability in 0..1 that a new action is one of the favourites and not any legal one (ours)."""

    fire_burst: float = 0.05
    """Probability in 0..1 that FIRE is tapped instead of a new action; starts games that wait for it (ours)."""

    burst_steps: int = 4
    """Length of such a burst in agent steps, FIRE and no action in turn; at least 1 (ours)."""

    def __post_init__(self) -> None:
        """Refuse numbers out of range."""
        for name in ("persistence", "bias", "fire_burst"):
            value = getattr(self, name)
            if not 0.0 <= value <= 1.0 or (name == "persistence" and value == 1.0):
                expected = f"{name} in 0..1{', below 1' if name == 'persistence' else ''}"
                raise ValueError(explain(expected=expected, got=value, fix="Pass 0.0 to turn it off."))
        for name in ("num_favorites", "burst_steps"):
            object.__setattr__(self, name, as_count(name, getattr(self, name)))


class RandomPlayer:
    """Press a random action, hold it for a random time, tap FIRE now and then.

    Held actions travel: without them a random walk on the joystick stays where it started. Favourites, drawn anew for
    every episode, lead to different corners of the game.

    Source: our stand-in for the 32 policies of Agent57, which are not public (paper, section 5 and appendix B).

    Args:
        config: how it presses.
        skill: grade in 0..1; for a random player only a label by which its episodes are spread.
        name: stored with each episode; by default made from the config.

    Raises:
        ValueError: when the skill is not in 0..1.

    Example:
        >>> player = RandomPlayer(RandomPlayerConfig(persistence=0.9))
        >>> player.start_episode(legal_actions=range(18), seed=3)
        >>> actions = [player.act({}) for _ in range(100)]
        >>> player.name, set(actions) <= set(range(18))
        ('random-p0.9-k6-b0-f0.05x4', True)
    """

    def __init__(self, config: RandomPlayerConfig, *, skill: float = 0.0, name: str | None = None) -> None:
        if not 0.0 <= skill <= 1.0:
            raise ValueError(explain(expected="a skill in 0..1", got=skill, fix="Pass skill=0.0."))
        self.config = config
        self.skill = skill
        self.name = name or (
            f"random-p{config.persistence:g}-k{config.num_favorites}-b{config.bias:g}"
            f"-f{config.fire_burst:g}x{config.burst_steps}"
        )
        self.start_episode((_NOOP,), seed=0)

    def start_episode(self, legal_actions: Sequence[int], seed: int) -> None:
        """Draw the favourites of an episode.

        Raises:
            ValueError: when there is no legal action.
        """
        if len(legal_actions) == 0:
            raise ValueError(
                explain(expected="at least one legal action", got=tuple(legal_actions), fix="Pass ALE values.")
            )
        self._generator = np.random.default_rng(seed)
        self._legal = tuple(int(action) for action in legal_actions)
        count = min(self.config.num_favorites, len(self._legal))
        self._favorites = tuple(int(a) for a in self._generator.choice(self._legal, size=count, replace=False))
        self._can_tap = {_NOOP, _FIRE} <= set(self._legal)
        self._action: int | None = None
        self._burst_left = 0

    def act(self, observation: Mapping[str, NDArray[Any]]) -> int:
        """Hold, tap or draw; the observation is not looked at."""
        if self._burst_left > 0:
            pressed = (self.config.burst_steps - self._burst_left) % 2 == 0
            self._burst_left -= 1
            return _FIRE if pressed else _NOOP
        if self._action is not None and self._generator.random() < self.config.persistence:
            return self._action
        if self._can_tap and self._generator.random() < self.config.fire_burst:
            self._burst_left = self.config.burst_steps - 1
            self._action = None
            return _FIRE
        choices = self._favorites if self._generator.random() < self.config.bias else self._legal
        self._action = choices[int(self._generator.integers(len(choices)))]
        return self._action
