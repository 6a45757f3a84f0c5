"""From options to an executor."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.executors.interface import Executor
from benchmarks.executors.local import LocalExecutor
from benchmarks.executors.ray_cluster import RayExecutor
from benchmarks.executors.serial import SerialExecutor
from rmr_gym.data.cores import usable_cores
from rmr_gym.errors import explain
from rmr_gym.registry import Registry


@dataclass(frozen=True, kw_only=True, slots=True)
class Resources:
    """What jobs may use."""

    device: str = "cpu"
    """cpu or cuda."""

    workers: int | None = None
    """Jobs at a time; None takes one per core, or one per GPU."""

    threads: int = 1
    """Threads of each job."""

    address: str | None = None
    """Of the head of a cluster; None starts one of this machine alone."""

    def __post_init__(self) -> None:
        if self.threads < 1 or (self.workers is not None and self.workers < 1):
            raise ValueError(explain(expected="at least 1 worker and 1 thread", got=self, fix="Raise the number."))
        if self.device not in ("cpu", "cuda"):
            fix = "To choose among GPUs set CUDA_VISIBLE_DEVICES."
            raise ValueError(explain(expected='device "cpu" or "cuda"', got=self.device, fix=fix))


def serial(resources: Resources) -> Executor:
    """Run one job after another in this process."""
    import torch

    torch.set_num_threads(resources.threads)
    return SerialExecutor()


def local(resources: Resources) -> Executor:
    """Run jobs in processes of this machine: one thread each is quickest, and GPUs are dealt out in turn."""
    threads = {name: str(resources.threads) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")}
    if resources.device == "cpu":
        count = resources.workers or max(1, usable_cores() // resources.threads)
        return LocalExecutor([threads] * count)
    gpus = visible_gpus()
    count = resources.workers or len(gpus)
    return LocalExecutor([threads | {"CUDA_VISIBLE_DEVICES": gpus[place % len(gpus)]} for place in range(count)])


def visible_gpus() -> list[str]:
    """Name the GPUs that jobs may be dealt, as CUDA_VISIBLE_DEVICES does.

    Raises:
        ValueError: when there is none.
    """
    import torch

    found = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if not found:
        fix = "Pass --device cpu, or run `rmr-gym doctor` to see what is missing."
        raise ValueError(explain(expected="a CUDA device", got=f"none that PyTorch {torch.__version__} sees", fix=fix))
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    return named.split(",")[:found] if named else [str(number) for number in range(found)]


def ray(resources: Resources) -> Executor:
    """Run jobs on a Ray cluster."""
    return RayExecutor(resources.address, device=resources.device, threads=resources.threads, workers=resources.workers)


EXECUTORS: Registry[Callable[[Resources], Executor]] = Registry(
    "executor", ("local", local), ("serial", serial), ("ray", ray)
)
"""Functions from resources to an executor, by name."""
