"""Processors: latent models of how a machine works. One file and one line here for a new one."""

from rmr_gym.models.processors.deep_sets import DeepSetsConfig
from rmr_gym.models.processors.mlp import MlpConfig
from rmr_gym.models.processors.mpnn import MpnnConfig
from rmr_gym.registry import Registry

ProcessorConfig = MpnnConfig | DeepSetsConfig | MlpConfig

PROCESSORS: Registry[type[ProcessorConfig]] = Registry(
    "processor",
    ("mpnn", MpnnConfig),
    ("deep_sets", DeepSetsConfig),
    ("mlp", MlpConfig),
)
"""Config class of each processor, by name."""

__all__ = ["PROCESSORS", "DeepSetsConfig", "MlpConfig", "MpnnConfig", "ProcessorConfig"]
