"""What agents may see: one config each."""

from __future__ import annotations

from rmr_gym.registry import Registry
from rmr_gym.sb3.training.features.encoder import EncoderFeatures
from rmr_gym.sb3.training.features.fine_tuned import FineTunedFeatures
from rmr_gym.sb3.training.features.nature_cnn import NatureCnnFeatures
from rmr_gym.sb3.training.features.ram import StateFeatures

AnyFeatures = NatureCnnFeatures | EncoderFeatures | FineTunedFeatures | StateFeatures

FEATURES: Registry[type[AnyFeatures]] = Registry(
    "features",
    ("nature_cnn", NatureCnnFeatures),
    ("encoder", EncoderFeatures),
    ("fine_tuned", FineTunedFeatures),
    ("ram", StateFeatures),
)
"""Name of each way to see and its config."""

__all__ = ["FEATURES", "AnyFeatures", "EncoderFeatures", "FineTunedFeatures", "NatureCnnFeatures", "StateFeatures"]
