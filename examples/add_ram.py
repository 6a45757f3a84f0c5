"""Add the RAM to an existing script of Stable-Baselines3: the five lines marked with `# RAM`.

The agent sees what it saw before; the RAM comes in the info, where a callback counts which of its bytes change.

Usage: python examples/add_ram.py [STEPS]
"""

import sys

import ale_py
import gymnasium as gym
import numpy as np
from stable_baselines3 import PPO
from stable_baselines3.common.atari_wrappers import AtariWrapper
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.vec_env import VecFrameStack

from rmr_gym.wrappers import PairedObservation  # RAM


class RamLog(BaseCallback):
    """Logs how many bytes of the RAM change in a step."""

    def _on_training_start(self) -> None:
        self.before, self.changed = None, []

    def _on_step(self) -> bool:
        ram = np.stack([info["ram"] for info in self.locals["infos"]])  # RAM
        if self.before is not None:
            self.changed.append(float((ram != self.before).sum(axis=1).mean()))
            self.logger.record_mean("ram/changed_bytes", self.changed[-1])
        self.before = ram
        return True


def make_env() -> gym.Env:
    """Make the environment of Stable-Baselines3's Atari agents, with the RAM in the info."""
    env = gym.make("ALE/Pong-v5", frameskip=1, repeat_action_probability=0.0)
    env = AtariWrapper(env)
    return PairedObservation(env, into="info")  # RAM: outside of everything that changes the picture


gym.register_envs(ale_py)
steps = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
venv = VecFrameStack(make_vec_env(make_env, n_envs=2), 4)
model = PPO("CnnPolicy", venv, n_steps=min(128, steps // 2), verbose=1)
model.learn(steps, callback=(log := RamLog()))  # RAM
print(f"bytes that change in a step, on average: {np.mean(log.changed):.1f}")  # RAM
