"""The two stages of training, and the loop that they share."""

from rmr_gym.training.abstract import AbstractConfig, predict_ram, train_processor
from rmr_gym.training.arms import ARMS, Arm
from rmr_gym.training.loop import LoopConfig
from rmr_gym.training.natural import NaturalConfig, build_natural_model, train_encoder
from rmr_gym.training.sinks import JsonlSink, MemorySink, Sink, read_records

__all__ = [
    "ARMS",
    "AbstractConfig",
    "Arm",
    "JsonlSink",
    "LoopConfig",
    "MemorySink",
    "NaturalConfig",
    "Sink",
    "build_natural_model",
    "predict_ram",
    "read_records",
    "train_encoder",
    "train_processor",
]
