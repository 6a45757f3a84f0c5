"""Wrappers: one per file."""

from rmr_gym.wrappers.paired_observation import PairedObservation

__all__ = ["PairedObservation"]
