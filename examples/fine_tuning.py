"""PPO that trains an encoder further: frozen at first, then with a learning rate of its own.

Usage: python examples/fine_tuning.py runs/demo/encoders/rmr/seed-0 [STEPS]
"""

import sys

import gymnasium as gym
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env

import rmr_gym
from rmr_gym.sb3 import UnfreezeEncoder, policy_kwargs_from

encoder = sys.argv[1] if len(sys.argv) > 1 else sys.exit(__doc__)
steps = int(sys.argv[2]) if len(sys.argv) > 2 else 100_000


def make_env() -> gym.Env:
    """Make the pictures that encoders of `rmr-gym run` are trained on, four at a time."""
    env = rmr_gym.make_atari("pong", gray=True, size=(84, 84), max_pool=True, full_actions=False, paired=False)
    return gym.wrappers.FrameStackObservation(env, 4)  # (4, 84, 84): each of the four is encoded by itself


venv = make_vec_env(make_env, n_envs=4)
kwargs = policy_kwargs_from(encoder, readout="project", features_dim=128, net_arch=[])
model = PPO("CnnPolicy", venv, n_steps=min(128, steps), policy_kwargs=kwargs, verbose=1)
print(model.policy.features_extractor.summary())
model.learn(steps, callback=UnfreezeEncoder(after_steps=steps // 2, learning_rate=2.5e-5))
print(model.policy.features_extractor.summary())
model.save("fine_tuned")  # the encoder is inside; loading needs neither its folder nor this script
