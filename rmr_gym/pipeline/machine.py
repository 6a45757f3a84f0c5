"""The machine that a run happens on: facts that belong beside measured numbers."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from pathlib import Path
from typing import Any

import torch

from rmr_gym.data.cores import usable_cores
from rmr_gym.models.devices import check_device

__all__ = ["check_device", "hardware", "versions"]

_PACKAGES = (
    "rmr-gym",
    "torch",
    "numpy",
    "scipy",
    "gymnasium",
    "ale-py",
    "mujoco",
    "opencv-python-headless",
    "pyarrow",
    "safetensors",
)


def hardware(device: str = "cpu") -> dict[str, Any]:
    """Describe the machine in JSON values.

    Args:
        device: what the networks ran on.
    """
    facts: dict[str, Any] = {
        "processor": _processor_name(),
        "cores": usable_cores(),
        "instructions": torch.backends.cpu.get_cpu_capability(),  # AVX512 or AVX2: products take up to twice as long
        "threads": torch.get_num_threads(),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "system": f"{platform.system()} {platform.machine()}",
        "device": device,
    }
    if torch.device(device).type == "cuda":
        facts["gpu"] = torch.cuda.get_device_name(device)
    return facts


def versions() -> dict[str, str]:
    """List the versions of Python, of this package and of the packages that can move its numbers."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue  # optional, or run from a checkout that is not installed
    return found


def _processor_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
