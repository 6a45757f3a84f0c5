"""A world in the mind that is small enough to know what is best in it."""

from __future__ import annotations

import numpy as np

from rmr_gym.envs.simulator import Moment, Outcome

LEFT, STAY, RIGHT = 4, 0, 3


class _Place:
    """In the place of an emulator's state."""

    def __init__(self, x: int, lives: int) -> None:
        self.x, self.lives = x, lives

    def equals(self, other: _Place) -> bool:
        return (self.x, self.lives) == (other.x, other.lives)


class Valley:
    """Places on a line: some hold a reward for whoever steps on them, on some a life is lost."""

    actions = (LEFT, STAY, RIGHT)

    def __init__(self, rewards: dict[int, float], deadly: frozenset[int] = frozenset(), end: int = 1_000) -> None:
        self.rewards, self.deadly, self.end = rewards, deadly, end
        self.num_simulated = 0

    def at(self, x: int, lives: int = 3) -> Moment:
        ram = np.zeros(128, np.uint8)
        ram[5] = x % 256
        return Moment(_Place(x, lives), ram, lives, abs(x) >= self.end)  # type: ignore[arg-type]

    def hold(self, moment: Moment, action: int, num_steps: int) -> Outcome:
        x, lives, reward, steps = moment.state.x, moment.lives, 0.0, 0  # type: ignore[attr-defined]
        while steps < num_steps and lives == moment.lives and abs(x) < self.end:
            x += {LEFT: -1, STAY: 0, RIGHT: 1}[action]
            reward += self.rewards.get(x, 0.0) if action != STAY else 0.0
            lives -= x in self.deadly
            steps += 1
        self.num_simulated += steps
        return Outcome(self.at(x, lives), reward, steps, lives < moment.lives)
