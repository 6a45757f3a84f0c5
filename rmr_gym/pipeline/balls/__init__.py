"""The chain behind `rmr-gym balls`: bouncing balls from trajectories to predicted videos."""

from rmr_gym.pipeline.balls.config import BallsRunConfig
from rmr_gym.pipeline.balls.profiles import BALL_PROFILES
from rmr_gym.pipeline.balls.run import pretrain_balls, run_balls

__all__ = ["BALL_PROFILES", "BallsRunConfig", "pretrain_balls", "run_balls"]
