"""Devices that networks can run on."""

from __future__ import annotations

import torch

from rmr_gym.errors import explain


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
