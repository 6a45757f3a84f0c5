"""Objectives: `loss(model, batch) -> named terms`. One file and one line here for a new one."""

from typing import TYPE_CHECKING

from rmr_gym.objectives.alignment_uniformity import AlignmentUniformityConfig
from rmr_gym.objectives.hinge import HingeConfig
from rmr_gym.objectives.info_nce import InfoNceConfig
from rmr_gym.objectives.interface import LazyTerms, LossTerms, NaturalBatch, Objective
from rmr_gym.objectives.masked_ram import MaskedRamConfig, masked_ram_loss
from rmr_gym.objectives.supervised import SupervisedConfig
from rmr_gym.registry import Registry, union_of

OBJECTIVES: Registry["type[NaturalObjectiveConfig]"] = Registry(
    "objective",
    ("hinge", HingeConfig),
    ("info_nce", InfoNceConfig),
    ("alignment_uniformity", AlignmentUniformityConfig),
)
"""Config class of each contrastive objective, by name."""

if TYPE_CHECKING:
    NaturalObjectiveConfig = HingeConfig | InfoNceConfig | AlignmentUniformityConfig
else:  # what can be read from JSON is what stands in the registry
    NaturalObjectiveConfig = union_of(OBJECTIVES)

__all__ = [
    "OBJECTIVES",
    "AlignmentUniformityConfig",
    "HingeConfig",
    "InfoNceConfig",
    "LazyTerms",
    "LossTerms",
    "MaskedRamConfig",
    "NaturalBatch",
    "NaturalObjectiveConfig",
    "Objective",
    "SupervisedConfig",
    "masked_ram_loss",
]
