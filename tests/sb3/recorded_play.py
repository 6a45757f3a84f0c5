"""Short windows of recorded Pong, and what an agent sees when the same actions are played in its environment."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnv

from rmr_gym.data import TransitionDataset, collect
from rmr_gym.data.records import Episode
from rmr_gym.envs.atari import make_atari

SEED = 11  # windows of 5 steps that begin at steps 3, 0 and 5

Wrap = Callable[[VecEnv], VecEnv]


def record(folder: Path) -> TransitionDataset:
    """Record three windows, of which one begins where its episode does."""
    store = collect(folder, "pong", num_episodes=3, max_steps_per_episode=5, noop_max=0, num_workers=1, seed=SEED)
    assert sorted(episode.first_step for episode in store.episodes) == [0, 3, 5]
    return TransitionDataset(folder, split="all", size=(84, 84))


def observed(dataset: TransitionDataset, wrap: Wrap) -> np.ndarray:
    """Return what an agent sees at each row of the data."""
    episodes: Any = [dataset.store.read(place) for place in range(len(dataset.store))]
    return np.concatenate([row for episode in episodes for row in rollout(episode, wrap)])


def rollout(episode: Episode, wrap: Wrap) -> Iterator[np.ndarray]:
    """Play a recorded episode in the environment of an agent, and yield what the agent sees at each stored row."""

    def make() -> gym.Env[Any, Any]:
        return make_atari("pong", gray=True, gray_newaxis=True, size=(84, 84), max_pool=True, noop_max=0, paired=False)

    env = wrap(DummyVecEnv([make]))
    lead_in = episode.metadata.lead_in
    observation: Any = env.reset()
    for step, action in enumerate([*lead_in, *episode.actions.tolist()]):
        if step >= len(lead_in):
            yield observation.copy()
        observation, _, ended, _ = env.step(np.array([action]))
        assert not ended
    yield observation
    env.close()


def known_rows(dataset: TransitionDataset) -> np.ndarray:
    """Mark the rows whose three predecessors are stored, or that have none: before a window nothing is known."""
    steps = np.concatenate([file.steps for file in dataset.store.files])
    place = np.concatenate([np.arange(file.num_rows) for file in dataset.store.files])
    known = (place >= 3) | (steps == place)
    assert known.sum() == 6 + 3 + 3
    return known
