"""Networks: tensors in, tensors out."""

from rmr_gym.models.ball_models import InteractionModel, Prediction, TrajectoryModel, VideoModel, trajectory_model
from rmr_gym.models.checkpoint import (
    load_encoder,
    load_processor,
    load_video_model,
    save_encoder,
    save_processor,
    save_video_model,
)
from rmr_gym.models.decoders import Decoded
from rmr_gym.models.freezing import fingerprint, freeze, trainable_parameters
from rmr_gym.models.interfaces import Encoder, Processor, VideoEncoder
from rmr_gym.models.world_model import AbstractModel, Latents, NaturalModel, Precision, RamPrediction, unpack_bits

__all__ = [
    "AbstractModel",
    "Decoded",
    "Encoder",
    "InteractionModel",
    "Latents",
    "NaturalModel",
    "Precision",
    "Prediction",
    "Processor",
    "RamPrediction",
    "TrajectoryModel",
    "VideoEncoder",
    "VideoModel",
    "fingerprint",
    "freeze",
    "load_encoder",
    "load_processor",
    "load_video_model",
    "save_encoder",
    "save_processor",
    "save_video_model",
    "trainable_parameters",
    "trajectory_model",
    "unpack_bits",
]
