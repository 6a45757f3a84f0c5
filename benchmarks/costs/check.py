"""How far counted operations can be trusted: for the core that is at hand they are counted and measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch

from benchmarks.costs.measurement import Sizes, measure
from benchmarks.costs.roofline import Device
from benchmarks.performance.gpu_machine import seconds_of

FORMAT = "rmr-roofline-check/1"

COMPARED = ("pretrained", "predicted", "encoded_in_training", "supervised", "encoded", "fitted_sample", "projected")
"""Unit costs in which networks take part; what is left out is a difference of two of them, or none of their work."""

_SIZE, _BYTES = 2_048, 2**28


def check(*, command: str, say: Callable[[str], None] = print) -> dict[str, Any]:
    """Measure unit costs on one core of this machine, and count the same operations with the rates that it reaches.

    Returns:
        JSON values: both, and for each unit counted over measured seconds.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        device = this_core()
        say(f"{device}")
        measured = measure(Sizes(players=()), command=command, say=say)
        counted = measure(Sizes(players=(), updates=3), counted_for=device, as_gpu=False, command=command, say=say)
    finally:
        torch.set_num_threads(threads)
    ratios = {name: _ratio(counted[name], measured[name]) for name in COMPARED}
    return {
        "format": FORMAT,
        "source": counted["source"],
        "counted_over_measured": ratios,
        "measured": {name: measured[name] for name in COMPARED},
        "counted": {name: counted[name] for name in COMPARED},
    }


def this_core(*, size: int = _SIZE, num_bytes: int = _BYTES) -> Device:
    """Measure large products and copies on the CPU with as many threads as are set."""
    left, right = torch.randn(size, size), torch.randn(size, size)
    products = seconds_of(lambda: torch.mm(left, right), "cpu", 5, warm_up=1).median
    source = torch.ones(num_bytes, dtype=torch.uint8)
    target = torch.empty_like(source)
    copy = seconds_of(lambda: target.copy_(source), "cpu", 5, warm_up=1).median
    rate = 2 * size**3 / products
    return Device(
        name="one core of this machine",
        products=rate,
        convolutions=rate,
        messages=rate,
        bandwidth=2 * num_bytes / copy,
    )


def _ratio(counted: Any, measured: Any) -> Any:
    if isinstance(counted, Mapping):
        return {name: _ratio(counted[name], measured[name]) for name in counted}
    return round(counted / measured, 3) if measured else None
