"""Environments: the games of the paper on the Arcade Learning Environment, and its bouncing balls."""

from rmr_gym.envs.actions import ActionCodec, one_hot_actions
from rmr_gym.envs.atari import make_atari, require_deterministic
from rmr_gym.envs.ball_world import BallWorlds, simulate
from rmr_gym.envs.balls_config import BallsConfig
from rmr_gym.envs.bouncing_balls import BouncingBallsEnv
from rmr_gym.envs.bouncing_balls_push import BouncingBallsPushEnv
from rmr_gym.envs.games import GAMES, Game, get_game
from rmr_gym.envs.registration import register_environments
from rmr_gym.envs.simulator import Simulator

__all__ = [
    "GAMES",
    "ActionCodec",
    "BallWorlds",
    "BallsConfig",
    "BouncingBallsEnv",
    "BouncingBallsPushEnv",
    "Game",
    "Simulator",
    "get_game",
    "make_atari",
    "one_hot_actions",
    "register_environments",
    "require_deterministic",
    "simulate",
]
