"""Registration of the environment ids with Gymnasium."""

from __future__ import annotations

import gymnasium as gym
from gymnasium.envs.registration import WrapperSpec

from rmr_gym.envs.games import GAMES, get_game

# Named by a string, as Gymnasium's own specs do it: this layer does not import the layer of wrappers above it.
_PAIRED = WrapperSpec(
    name="PairedObservation",
    entry_point="rmr_gym.wrappers.paired_observation:PairedObservation",
    kwargs={"into": "observation", "ram_format": "bytes", "keys": ["pixels", "ram"]},
)

_BALLS = {
    "rmr/BouncingBalls-v0": "rmr_gym.envs.bouncing_balls:BouncingBallsEnv",
    "rmr/BouncingBallsPush-v0": "rmr_gym.envs.bouncing_balls_push:BouncingBallsPushEnv",
}

_BALLS_STEPS = 100
"""Frames of an episode of balls, which has no end of its own: as many as a trajectory of the data sets."""


def register_environments() -> None:
    """Register `rmr/<Game>-v0` for all games and the two of balls; ids that are registered already are left alone.

    `gym.make` accepts the options of `rmr_gym.make_atari`, for balls those of their classes, as keywords. Gymnasium
    loads no plugins, so that ids exist once `rmr_gym` is imported, which `gym.make("rmr_gym:rmr/Pong-v0")` does by
    itself.

    Example:
        >>> import gymnasium as gym
        >>> register_environments()
        >>> gym.spec("rmr/Pong-v0").kwargs
        {'game': 'pong'}
    """
    for rom_id in GAMES:
        env_id = get_game(rom_id).env_id
        if env_id not in gym.registry:
            gym.register(
                id=env_id,
                entry_point="rmr_gym.envs.game_env:GameEnv",
                kwargs={"game": rom_id},
                additional_wrappers=(_PAIRED,),
            )
    for env_id, entry_point in _BALLS.items():
        if env_id not in gym.registry:
            gym.register(id=env_id, entry_point=entry_point, max_episode_steps=_BALLS_STEPS)
