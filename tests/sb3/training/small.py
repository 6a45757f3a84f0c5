"""Settings that take a second."""

from __future__ import annotations

from typing import Any

from rmr_gym.envs.balls_config import BallsConfig
from rmr_gym.sb3.training import AgentConfig, DqnConfig, EvaluationConfig, PpoConfig, StateFeatures

SMALL_PPO = PpoConfig(num_envs=2, n_steps=8, batch_size=16, n_epochs=1, learning_rate=1e-2)
SMALL_DQN = DqnConfig(buffer_size=50, learning_starts=4, batch_size=4)
SHORT = EvaluationConfig(every=16, num_episodes=1, num_final_episodes=2, max_frames=60)

LONG_PPO = PpoConfig(num_envs=2, n_steps=160, batch_size=320, n_epochs=1)
NEVER = EvaluationConfig(every=10_000, num_episodes=1, num_final_episodes=1)
ONCE = EvaluationConfig(every=1_000, num_episodes=1, num_final_episodes=1, max_frames=20)


def small(**changes: Any) -> AgentConfig:
    """Three rollouts of 16 steps, a checkpoint after each."""
    settings: dict[str, Any] = {
        "task": "pong",
        "steps": 48,
        "num_checkpoints": 3,
        "stack": 2,
        "algorithm": SMALL_PPO,
        "evaluation": SHORT,
    }
    return AgentConfig(**settings | changes)


def quick(**changes: Any) -> AgentConfig:
    """The same without pictures and without a console: one ball."""
    settings: dict[str, Any] = {
        "task": "balls_push",
        "features": StateFeatures(net_arch=(8,), motion=False),
        "world": BallsConfig(num_balls=1),
    }
    return small(**settings | changes)


class StopError(Exception):
    """What ends a training in the middle."""


def stop_at(steps: int) -> Any:
    """Make what ends a training after some steps, for `on_progress`."""

    def on_progress(done: int, _: int) -> None:
        if done >= steps:
            raise StopError

    return on_progress
