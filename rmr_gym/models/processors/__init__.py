"""Processors: latent models of how a machine works. One file and one line here for a new one."""

from typing import TYPE_CHECKING

from rmr_gym.models.processors.deep_sets import DeepSetsConfig
from rmr_gym.models.processors.interaction_network import InteractionNetworkConfig
from rmr_gym.models.processors.mlp import MlpConfig
from rmr_gym.models.processors.mpnn import MpnnConfig
from rmr_gym.registry import Registry, union_of

PROCESSORS: Registry["type[ProcessorConfig]"] = Registry(
    "processor",
    ("mpnn", MpnnConfig),
    ("deep_sets", DeepSetsConfig),
    ("mlp", MlpConfig),
)
"""Config class of each processor of a game's memory, by name."""

BALL_PROCESSORS: Registry["type[BallProcessorConfig]"] = Registry(
    "processor",
    ("mpnn", MpnnConfig),
    ("deep_sets", DeepSetsConfig),
    ("interaction_network", InteractionNetworkConfig),
)
"""Config class of each processor of bouncing balls, by name; the shared ones are built with `num_actions=0`."""

if TYPE_CHECKING:
    ProcessorConfig = MpnnConfig | DeepSetsConfig | MlpConfig
    BallProcessorConfig = MpnnConfig | DeepSetsConfig | InteractionNetworkConfig
else:  # what can be read from JSON is what stands in the registry
    ProcessorConfig = union_of(PROCESSORS)
    BallProcessorConfig = union_of(BALL_PROCESSORS)

__all__ = [
    "BALL_PROCESSORS",
    "PROCESSORS",
    "BallProcessorConfig",
    "DeepSetsConfig",
    "InteractionNetworkConfig",
    "MlpConfig",
    "MpnnConfig",
    "ProcessorConfig",
]
