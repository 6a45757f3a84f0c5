"""RL Baselines3 Zoo's PPO, with a frozen encoder in the place of NatureCNN, and on balls that can be pushed.

The first takes the folder of an encoder from RMR_ENCODER, both are trained by `python -m rl_zoo3.train --algo ppo` with
`--env ALE/Pong-v5 --conf-file examples/rl_zoo3/ppo.py`, and the second with
`--env rmr/BouncingBallsPush-v0 --gym-packages rmr_gym --conf-file examples/rl_zoo3/ppo.py`.
"""

import os

from rmr_gym.sb3 import policy_kwargs_from

hyperparams = {
    "rmr/BouncingBallsPush-v0": {
        "policy": "MultiInputPolicy",
        "env_kwargs": {"num_balls": 4, "observations": "state"},
        "frame_stack": 3,
        "n_envs": 8,
        "n_timesteps": 500_000,
    },
}

if "RMR_ENCODER" in os.environ:
    hyperparams["atari"] = {
        "policy": "CnnPolicy",
        # The only line that is not the zoo's: what is in the folder goes into the zip file of the agent.
        "policy_kwargs": policy_kwargs_from(os.environ["RMR_ENCODER"], readout="project", net_arch=[]),
        "env_kwargs": {"frameskip": 1, "repeat_action_probability": 0.0},
        "env_wrapper": ["stable_baselines3.common.atari_wrappers.AtariWrapper"],
        "frame_stack": 4,
        "n_envs": 8,
        "n_steps": 128,
        "n_epochs": 4,
        "batch_size": 256,
        "n_timesteps": 10_000_000,
        "learning_rate": "lin_2.5e-4",
        "clip_range": "lin_0.1",
        "vf_coef": 0.5,
        "ent_coef": 0.01,
    }
