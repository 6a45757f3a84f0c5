"""What the device can do at most, and how its time is taken."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import torch

from benchmarks.performance.harness import Spread

PRECISIONS = ("float32", "tf32", "bfloat16")
"""Ways to compute: float32 throughout; products of float32 rounded to TF32; everything in bfloat16."""


@contextmanager
def precision(name: str) -> Iterator[torch.dtype]:
    """Set how products of float32 are computed, and give the type of the tensors."""
    before, convolutions = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    # In bfloat16, too, some parts of a training stay in float32.
    torch.set_float32_matmul_precision("highest" if name == "float32" else "high")
    torch.backends.cudnn.allow_tf32 = name != "float32"  # convolutions have a switch of their own
    try:
        yield torch.bfloat16 if name == "bfloat16" else torch.float32
    finally:
        torch.set_float32_matmul_precision(before)
        torch.backends.cudnn.allow_tf32 = convolutions


def seconds_of(work: Callable[[], object], device: str, repeats: int, *, warm_up: int = 3) -> Spread:
    """Time a piece of work: on a GPU from event to event, elsewhere by the clock.

    Short work is repeated within a measurement until it takes 2 ms, so that the launch of the first kernel is hidden.

    Args:
        work: launches everything; waits for nothing.
        device: where it runs.
        repeats: measurements.
        warm_up: calls before, which compile and allocate.
    """
    for _ in range(warm_up):
        work()
    calls = max(1, min(200, int(2e-3 / max(_span(work, device, 1), 1e-7))))
    return Spread.of(tuple(_span(work, device, calls) / calls for _ in range(repeats)))


def replayed(work: Callable[[], object], device: str) -> Callable[[], object] | None:
    """Record the kernels of a piece of work once, to be launched as a whole; None where that is impossible.

    A batch of 50 is so little work for a large GPU that Python launches its kernels more slowly than they run.
    """
    if torch.device(device).type != "cuda":
        return None
    stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            work()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        work()
    return graph.replay


def device_errors() -> tuple[type[Exception], ...]:
    """Return what is raised where memory is too little or a device cannot run a kernel."""
    try:
        from triton import TritonError
    except ImportError:  # without Triton there are no kernels that could fail
        return (RuntimeError,)
    return RuntimeError, TritonError


def measure_machine(device: str, *, repeats: int, quick: bool) -> dict[str, Any]:
    """Measure products per second in all precisions, and bytes per second.

    Products are of random square matrices, for zeros run faster; bytes are those read and written by a copy.
    """
    size, num_bytes = (128, 2**20) if quick else (8192, 2**32)
    result: dict[str, Any] = {"torch": torch.__version__, "device": device, "matmul_size": size}
    if torch.device(device).type == "cuda":
        facts = torch.cuda.get_device_properties(device)
        result |= {"name": facts.name, "multiprocessors": facts.multi_processor_count, "memory": facts.total_memory}
    for name in PRECISIONS:
        with precision(name) as dtype:
            left, right = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
            out = torch.empty_like(left)
            spread = seconds_of(lambda a=left, b=right, c=out: torch.mm(a, b, out=c), device, repeats)  # type: ignore[misc]
        result[name] = {"flops": 2 * size**3 / spread.median, "seconds": asdict(spread)}
    source = torch.randint(0, 255, (num_bytes,), dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    spread = seconds_of(lambda: target.copy_(source), device, repeats)
    return result | {"copy": {"bytes_per_second": 2 * num_bytes / spread.median, "seconds": asdict(spread)}}


def _span(work: Callable[[], object], device: str, calls: int) -> float:
    if torch.device(device).type != "cuda":
        started = time.perf_counter()
        for _ in range(calls):
            work()
        return time.perf_counter() - started
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
    torch.cuda.synchronize()
    begin.record()
    for _ in range(calls):
        work()
    end.record()
    torch.cuda.synchronize()
    seconds: float = begin.elapsed_time(end) / 1e3
    return seconds
