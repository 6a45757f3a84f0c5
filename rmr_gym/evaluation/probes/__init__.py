"""Probes: read-outs of RAM bits from frozen features. One file and one line here for a new one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rmr_gym.evaluation.probes.interface import Probe, ProbeConfig
from rmr_gym.evaluation.probes.linear import FAST_LINEAR_PROBE, LinearProbeConfig, fit_linear_probe
from rmr_gym.evaluation.probes.linear_probe import LinearProbe
from rmr_gym.evaluation.probes.regularised import RegularisedProbe, RegularisedProbeConfig, fit_regularised_probe
from rmr_gym.registry import Registry, union_of

PROBES: Registry[type[LinearReadoutConfig]] = Registry(
    "probe", ("linear", LinearProbeConfig), ("regularised", RegularisedProbeConfig)
)
"""Config class of each probe, by name."""

if TYPE_CHECKING:
    LinearReadoutConfig = LinearProbeConfig | RegularisedProbeConfig
else:  # what can be read from JSON is what stands in the registry
    LinearReadoutConfig = union_of(PROBES)

__all__ = [
    "FAST_LINEAR_PROBE",
    "PROBES",
    "LinearProbe",
    "LinearProbeConfig",
    "LinearReadoutConfig",
    "Probe",
    "ProbeConfig",
    "RegularisedProbe",
    "RegularisedProbeConfig",
    "fit_linear_probe",
    "fit_regularised_probe",
]
