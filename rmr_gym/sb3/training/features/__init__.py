"""What agents may see: one config each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rmr_gym.registry import Registry, union_of
from rmr_gym.sb3.training.features.encoder import EncoderFeatures
from rmr_gym.sb3.training.features.fine_tuned import FineTunedFeatures
from rmr_gym.sb3.training.features.nature_cnn import NatureCnnFeatures
from rmr_gym.sb3.training.features.ram import StateFeatures

FEATURES: Registry[type[AnyFeatures]] = Registry(
    "features",
    ("nature_cnn", NatureCnnFeatures),
    ("encoder", EncoderFeatures),
    ("fine_tuned", FineTunedFeatures),
    ("ram", StateFeatures),
)
"""Name of each way to see and its config."""

if TYPE_CHECKING:
    AnyFeatures = NatureCnnFeatures | EncoderFeatures | FineTunedFeatures | StateFeatures
else:  # what can be read from JSON is what stands in the registry
    AnyFeatures = union_of(FEATURES)

__all__ = ["FEATURES", "AnyFeatures", "EncoderFeatures", "FineTunedFeatures", "NatureCnnFeatures", "StateFeatures"]
