"""Runs jobs on a Ray cluster: nodes may come and go, and what was lost with one is done again on another."""

from __future__ import annotations

import math
import os
import time
from pathlib import Path
from typing import Any

from benchmarks.executors.attempt import attempt
from benchmarks.executors.interface import Executor, Job, Outcome
from rmr_gym.errors import explain, missing_extra

_RETRIES = 3  # of a job whose process or node died; Ray counts them apart from errors of the job
_LOOK_AFTER = 5.0  # seconds between two looks at the size of the cluster
_LOOK_WHILE_WAITING = 10.0  # seconds after which who waits for a job looks whether machines have joined
_PARTS = 10_000  # of a GPU; Ray counts no smaller ones, and sixths rounded up would not be six
_ROOT = Path(__file__).parents[2]


class RayExecutor(Executor):
    """Tasks of Ray, as many at a time as the cluster has room for.

    The checkout has to lie on all machines, under the same path or on their PYTHONPATH. Whoever reaches the ports of a
    cluster can run code on it: keep them behind a firewall.

    Args:
        address: of the head, as "host:6379", or "auto" for the cluster that this machine is a part of; None starts one
            on this machine alone and ends it afterwards.
        device: "cpu" or "cuda".
        threads: cores of a job.
        workers: most jobs at a time; on GPUs several of them share each; None leaves it to the cluster.

    Raises:
        DependencyNotInstalled: when Ray is missing.
        ValueError: when there is no such cluster.
    """

    def __init__(
        self, address: str | None = None, *, device: str = "cpu", threads: int = 1, workers: int | None = None
    ) -> None:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        try:
            import ray
        except ImportError as error:
            raise missing_extra("ray", "ray") from error
        self._ray: Any = ray
        self._device, self._threads, self._workers = device, threads, workers
        self._running: dict[Any, str] = {}
        self._begin(address)
        # Jobs ask for this share however the cluster changes, so slots have to be counted by the same.
        self._jobs_per_gpu = self._share_gpus() if device == "cuda" else 0
        share = math.floor(_PARTS / self._jobs_per_gpu) / _PARTS if self._jobs_per_gpu else 0
        self._attempt: Any = ray.remote(num_cpus=threads, num_gpus=share, max_retries=_RETRIES)(attempt)
        self._seen, self._slots = time.monotonic(), self._count()

    @property
    def num_slots(self) -> int:
        """Jobs that the cluster has room for at present."""
        now = time.monotonic()
        if now - self._seen > _LOOK_AFTER:
            self._seen, self._slots = now, self._count()
        return self._slots

    def submit(self, job: Job) -> None:
        """Hand the job to the cluster."""
        self._running[self._attempt.remote(job)] = job.name

    def wait(self, timeout: float | None = None) -> list[Outcome]:
        """Wait for outcomes and deaths; ends without any when the cluster gets room for more jobs."""
        if not self._running:
            time.sleep(timeout or 0)
            return []
        until = math.inf if timeout is None else time.monotonic() + timeout
        told = self._slots
        while True:
            span = min(_LOOK_WHILE_WAITING, max(0.0, until - time.monotonic()))
            ready, _ = self._ray.wait(list(self._running), num_returns=1, timeout=span)
            if ready or time.monotonic() >= until or self.num_slots > told:
                break
        return [self._outcome(reference, self._running.pop(reference)) for reference in ready]

    def abandon(self, name: str) -> None:
        """Kill the worker that is at the job."""
        reference = next(reference for reference, running in self._running.items() if running == name)
        del self._running[reference]
        self._ray.cancel(reference, force=True)

    def stop(self) -> None:
        """End all jobs and leave the cluster."""
        for reference in self._running:
            self._ray.cancel(reference, force=True)
        self._running.clear()
        self._ray.shutdown()

    def _begin(self, address: str | None) -> None:
        variables = {name: str(self._threads) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")}
        variables["PYTHONPATH"] = os.pathsep.join(filter(None, [str(_ROOT), os.environ.get("PYTHONPATH")]))
        try:
            self._ray.init(
                address=address or "local",
                include_dashboard=None if address else False,
                log_to_driver=False,
                logging_level="ERROR",
                runtime_env={"env_vars": variables},
            )
        except ConnectionError as error:
            fix = "Start one with `ray start --head`, or leave out --address to use this machine alone."
            raise ValueError(explain(expected=f"a Ray cluster at {address}", got=str(error), fix=fix)) from error

    def _count(self) -> int:
        resources = self._ray.cluster_resources()
        room = int(resources.get("CPU", 0) // self._threads)
        if self._device == "cuda":
            room = min(room, int(resources.get("GPU", 0) * self._jobs_per_gpu))
        return max(1, room if self._workers is None else min(room, self._workers))

    def _share_gpus(self) -> int:
        """Return how many jobs share a GPU: none with another, unless more workers were asked for than there are."""
        gpus = self._ray.cluster_resources().get("GPU", 0)
        return math.ceil(self._workers / gpus) if self._workers and gpus else 1

    def _outcome(self, reference: Any, name: str) -> Outcome:
        try:
            outcome: Outcome = self._ray.get(reference)
        except self._ray.exceptions.RayError as error:
            lines = str(error).strip().splitlines()
            died = f"{type(error).__name__}: {lines[0] if lines else ''}"
            return Outcome(name=name, error=f"the process died {_RETRIES + 1} times: {died}", traceback=str(error))
        return outcome
