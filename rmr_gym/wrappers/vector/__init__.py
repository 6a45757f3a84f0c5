"""Wrappers for vector environments of Gymnasium: one per file, named as those for single ones."""

from rmr_gym.wrappers.vector.encode_observation import EncodeObservation

__all__ = ["EncodeObservation"]
