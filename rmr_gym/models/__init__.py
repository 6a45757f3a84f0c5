"""Networks: tensors in, tensors out."""

from rmr_gym.models.abstract_checkpoint import (
    load_abstract_encoder,
    load_abstract_model,
    load_abstract_parts,
    save_abstract_model,
)
from rmr_gym.models.ball_models import InteractionModel, Prediction, TrajectoryModel, VideoModel, trajectory_model
from rmr_gym.models.checkpoint import (
    build_encoder,
    encoder_document,
    load_any_encoder,
    load_encoder,
    load_processor,
    load_video_model,
    read_encoder_document,
    save_encoder,
    save_processor,
    save_video_model,
)
from rmr_gym.models.decoders import Decoded
from rmr_gym.models.freezing import fingerprint, freeze, trainable_parameters
from rmr_gym.models.frozen_features import FrozenFeatures
from rmr_gym.models.frozen_ram_features import RamFeatures
from rmr_gym.models.interfaces import Encoder, Processor, VideoEncoder
from rmr_gym.models.picture_features import PictureFeatures, Readout
from rmr_gym.models.ram_features import RamStateFeatures
from rmr_gym.models.trajectory_checkpoint import load_trajectory_model, save_trajectory_model
from rmr_gym.models.world_model import (
    AbstractModel,
    Latents,
    NaturalModel,
    Precision,
    RamPrediction,
    check_precision,
    unpack_bits,
)

__all__ = [
    "AbstractModel",
    "Decoded",
    "Encoder",
    "FrozenFeatures",
    "InteractionModel",
    "Latents",
    "NaturalModel",
    "PictureFeatures",
    "Precision",
    "Prediction",
    "Processor",
    "RamFeatures",
    "RamPrediction",
    "RamStateFeatures",
    "Readout",
    "TrajectoryModel",
    "VideoEncoder",
    "VideoModel",
    "build_encoder",
    "check_precision",
    "encoder_document",
    "fingerprint",
    "freeze",
    "load_abstract_encoder",
    "load_abstract_model",
    "load_abstract_parts",
    "load_any_encoder",
    "load_encoder",
    "load_processor",
    "load_trajectory_model",
    "load_video_model",
    "read_encoder_document",
    "save_abstract_model",
    "save_encoder",
    "save_processor",
    "save_trajectory_model",
    "save_video_model",
    "trainable_parameters",
    "trajectory_model",
    "unpack_bits",
]
