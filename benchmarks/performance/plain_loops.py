"""What collection is compared to: the emulator alone, and the loop that most people write around Gymnasium.

The functions stand in a module of their own, because they run in processes that import nothing else of the benchmark.
"""

from __future__ import annotations

import functools
import os
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import ale_py
import gymnasium as gym
import numpy as np

from rmr_gym.envs.console import rom_path

Script = tuple[int, Sequence[int]]
"""An episode to be played again: its frames without action, then the ALE action values, four frames each."""

FRAME_SKIP = 4


@functools.cache
def emulator(game: str, thread: int) -> ale_py.ALEInterface:
    """Start the emulator of a game, once in every thread of every process."""
    ale_py.ALEInterface.setLoggerMode(ale_py.LoggerMode.Error)
    ale = ale_py.ALEInterface()
    ale.setFloat("repeat_action_probability", 0.0)
    ale.loadROM(rom_path(game))
    return ale


def play_bare(game: str, screen: Literal["palette", "rgb"], scripts: Sequence[Script]) -> int:
    """Play episodes with nothing around the emulator; screen and RAM are read at every step and dropped.

    Args:
        game: rom id.
        screen: palette indices, which is what our files hold, or colours.
        scripts: the episodes.

    Returns:
        Steps played.
    """
    ale = emulator(game, threading.get_ident())
    read = ale.getScreen if screen == "palette" else ale.getScreenRGB
    for num_noops, actions in scripts:
        ale.reset_game()
        for _ in range(num_noops):
            ale.act(0)
        for action in actions:
            for _ in range(FRAME_SKIP):
                ale.act(action)
                if ale.game_over():
                    break
            read()
            ale.getRAM()
    return sum(len(actions) for _, actions in scripts)


def play_in_gymnasium(env_id: str, compress: bool, folder: Path, scripts: Sequence[Script]) -> int:
    """Play episodes as in Gymnasium's tutorials: lists that grow, and one `.npz` file at the end of an episode.

    Args:
        env_id: name of the game among the environments of ale-py.
        compress: `np.savez_compressed` instead of `np.savez`.
        folder: existing, where the files go, named by process and time.
        scripts: the episodes; frames without action are left out, as the plain loop has none.

    Returns:
        Steps played: a game may end earlier than with the frames without action.
    """
    env, save = environment(env_id), np.savez_compressed if compress else np.savez
    num_steps = 0
    for _, actions in scripts:
        observation, _ = env.reset(seed=0)
        pixels, ram, rewards = [observation], [env.unwrapped.ale.getRAM()], []
        for action in actions:
            observation, reward, terminated, truncated, _ = env.step(action)
            pixels.append(observation)
            ram.append(env.unwrapped.ale.getRAM())
            rewards.append(reward)
            if terminated or truncated:
                break
        num_steps += len(rewards)
        save(
            folder / f"{os.getpid()}-{time.monotonic_ns()}.npz",
            pixels=pixels,
            ram=ram,
            actions=actions[: len(rewards)],
            rewards=rewards,
        )
    return num_steps


@functools.cache
def environment(env_id: str) -> Any:
    """Make an environment of ale-py, once in every process."""
    gym.register_envs(ale_py)
    return gym.make(env_id, obs_type="rgb", frameskip=FRAME_SKIP, repeat_action_probability=0.0, full_action_space=True)
