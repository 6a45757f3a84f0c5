"""Probes: read-outs of RAM bits from frozen features. One file and one line here for a new one."""

from __future__ import annotations

from rmr_gym.evaluation.probes.interface import Probe, ProbeConfig
from rmr_gym.evaluation.probes.linear import FAST_LINEAR_PROBE, LinearProbe, LinearProbeConfig, fit_linear_probe
from rmr_gym.registry import Registry

PROBES: Registry[type[LinearProbeConfig]] = Registry("probe", ("linear", LinearProbeConfig))
"""Config class of each probe, by name."""

__all__ = [
    "FAST_LINEAR_PROBE",
    "PROBES",
    "LinearProbe",
    "LinearProbeConfig",
    "Probe",
    "ProbeConfig",
    "fit_linear_probe",
]
