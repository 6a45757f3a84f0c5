"""The two stages of training, and the loop that they share."""

from rmr_gym.training.abstract import AbstractConfig, predict_ram, train_processor, train_processors
from rmr_gym.training.arms import ARMS, BALL_ARMS, USUAL_ARMS, Arm
from rmr_gym.training.batches import check_batch_size
from rmr_gym.training.encoders import Member, train_encoders
from rmr_gym.training.ensemble import Execution
from rmr_gym.training.loop import LoopConfig
from rmr_gym.training.natural import NaturalConfig, build_natural_model, train_encoder
from rmr_gym.training.seed_batches import Frames
from rmr_gym.training.sinks import JsonlSink, MemorySink, Sink, read_records
from rmr_gym.training.trajectories import TrajectoryConfig, train_trajectory_model
from rmr_gym.training.videos import VideoConfig, build_video_model, train_video_model

__all__ = [
    "ARMS",
    "BALL_ARMS",
    "USUAL_ARMS",
    "AbstractConfig",
    "Arm",
    "Execution",
    "Frames",
    "JsonlSink",
    "LoopConfig",
    "Member",
    "MemorySink",
    "NaturalConfig",
    "Sink",
    "TrajectoryConfig",
    "VideoConfig",
    "build_natural_model",
    "build_video_model",
    "check_batch_size",
    "predict_ram",
    "read_records",
    "train_encoder",
    "train_encoders",
    "train_processor",
    "train_processors",
    "train_trajectory_model",
    "train_video_model",
]
