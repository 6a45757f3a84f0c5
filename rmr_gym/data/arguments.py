"""Arguments that the collectors of all worlds share."""

from __future__ import annotations

import os

from rmr_gym.errors import explain


def usable_cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def check_positive(**numbers: int) -> None:
    """Raise `ValueError` for the first argument that is not an integer of at least 1."""
    for name, value in numbers.items():
        if type(value) is not int or value < 1:
            raise ValueError(
                explain(expected=f"{name} as a positive integer", got=value, fix=f"Pass {name}=1 or more.")
            )
