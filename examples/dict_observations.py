"""Pictures and RAM in one observation: the policy sees the pictures alone, whatever stands beside them.

Usage: python examples/dict_observations.py runs/demo/encoders/rmr/seed-0 [STEPS]
"""

import sys

import gymnasium as gym
import numpy as np
from stable_baselines3 import DQN

import rmr_gym
from rmr_gym.sb3 import policy_kwargs_from
from rmr_gym.wrappers import PairedObservation

encoder = sys.argv[1] if len(sys.argv) > 1 else sys.exit(__doc__)
steps = int(sys.argv[2]) if len(sys.argv) > 2 else 100_000

env = rmr_gym.make_atari("pong", gray=True, size=(84, 84), max_pool=True, full_actions=False, paired=False)
env = gym.wrappers.FrameStackObservation(env, 4)
env = PairedObservation(env, ram_format="float")  # outside: {"pixels": (4, 84, 84), "ram": (128,)}
model = DQN(
    "MultiInputPolicy",
    env,
    policy_kwargs=policy_kwargs_from(encoder, readout="project", features_dim=128),  # looks at key="pixels"
    buffer_size=min(steps, 10_000),
    learning_starts=min(steps // 2, 1_000),
    verbose=1,
)
model.learn(steps)

observation, _ = env.reset(seed=0)
other = {**observation, "ram": np.ones_like(observation["ram"])}
values = [model.q_net(model.policy.obs_to_tensor(seen)[0]) for seen in (observation, other)]
assert values[0].equal(values[1])
print("The values do not depend on the RAM.")
