"""PPO through a frozen encoder: pictures are encoded once, in a wrapper, and the policy learns from features.

Encoder: rmr-gym run pong --profile quick --out runs/demo
Usage: python examples/frozen_encoder.py runs/demo/encoders/rmr/seed-0 [STEPS]
"""

import sys

from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.evaluation import evaluate_policy

import rmr_gym
from rmr_gym.sb3 import VecEncodeObservation

encoder = sys.argv[1] if len(sys.argv) > 1 else sys.exit(__doc__)
steps = int(sys.argv[2]) if len(sys.argv) > 2 else 100_000

# The pictures that encoders of `rmr-gym run` are trained on.
pictures = {"game": "pong", "gray": True, "size": (84, 84), "max_pool": True, "full_actions": False, "paired": False}
venv = make_vec_env(rmr_gym.make_atari, n_envs=4, env_kwargs=pictures)
venv = VecEncodeObservation(venv, rmr_gym.FrozenFeatures(encoder), stack=4)
model = PPO("MlpPolicy", venv, n_steps=min(128, steps), verbose=1)
model.learn(steps)
model.save("frozen_encoder")

# The zip holds the policy; whoever loads it puts the same encoder in front.
model = PPO.load("frozen_encoder", env=venv)
if steps >= 10_000:
    print(evaluate_policy(model, venv, n_eval_episodes=4))
