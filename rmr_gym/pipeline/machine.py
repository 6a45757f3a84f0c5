"""The machine that a run happens on: devices that can be used, and facts that belong beside measured numbers."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from pathlib import Path
from typing import Any

import torch

from rmr_gym.errors import explain

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


def check_device(device: str) -> str:
    """Return the device if this machine has it.

    Args:
        device: "cpu", "cuda" or "cuda:<index>".

    Raises:
        ValueError: when the device is unknown or absent.
    """
    try:
        kind, index = torch.device(device).type, torch.device(device).index
    except RuntimeError as error:
        raise ValueError(explain(expected='device "cpu" or "cuda"', got=device, fix="Pass --device cpu.")) from error
    if kind == "cpu":
        return device
    found = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if kind == "cuda" and (index or 0) < found:
        return device
    raise ValueError(
        explain(
            expected=f"a device of this machine: cpu{''.join(f', cuda:{number}' for number in range(found))}",
            got=f"{device} (PyTorch {torch.__version__} sees {found} CUDA devices)",
            fix="Pass --device cpu, or run `rmr-gym doctor` to see what is missing.",
        )
    )


def hardware(device: str = "cpu") -> dict[str, Any]:
    """Describe the machine in JSON values.

    Args:
        device: what the networks ran on.
    """
    facts: dict[str, Any] = {
        "processor": _processor_name(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
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
