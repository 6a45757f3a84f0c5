"""Wrappers: one per file; those for vector environments in `rmr_gym.wrappers.vector`."""

from rmr_gym.wrappers import vector
from rmr_gym.wrappers.encode_observation import EncodeObservation
from rmr_gym.wrappers.feature_function import FeatureFunction
from rmr_gym.wrappers.paired_observation import PairedObservation
from rmr_gym.wrappers.state_variables import StateVariables

__all__ = ["EncodeObservation", "FeatureFunction", "PairedObservation", "StateVariables", "vector"]
