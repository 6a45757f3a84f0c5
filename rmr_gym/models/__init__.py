"""Networks: tensors in, tensors out."""

from rmr_gym.models.checkpoint import load_encoder, load_processor, save_encoder, save_processor
from rmr_gym.models.freezing import fingerprint, freeze, trainable_parameters
from rmr_gym.models.interfaces import Encoder, Processor
from rmr_gym.models.world_model import AbstractModel, Latents, NaturalModel, Precision, RamPrediction, unpack_bits

__all__ = [
    "AbstractModel",
    "Encoder",
    "Latents",
    "NaturalModel",
    "Precision",
    "Processor",
    "RamPrediction",
    "fingerprint",
    "freeze",
    "load_encoder",
    "load_processor",
    "save_encoder",
    "save_processor",
    "trainable_parameters",
    "unpack_bits",
]
