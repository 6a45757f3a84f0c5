"""What a training has taken over all its sessions."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

_WHOLE = {"wall_seconds": time.perf_counter, "processor_seconds": time.process_time}
"""Counted while a session lasts, with preparations and evaluations."""


class Clock:
    """Measures a training over all its sessions, up to the checkpoints at which they were taken up again.

    Args:
        state: of the checkpoint at which the training goes on, with what `read` had returned; None for a new one.
    """

    def __init__(self, state: Mapping[str, Any] | None = None) -> None:
        self._trained = 0.0 if state is None else float(state["training_seconds"])
        self._since: float | None = None
        self._zeros: dict[str, float | None] = {}
        for name, now in _WHOLE.items():
            before = 0.0 if state is None else state.get(name)  # older checkpoints do not say
            self._zeros[name] = None if before is None else now() - before

    def start(self) -> None:
        """Count training from now on."""
        self._since = time.perf_counter() - self._trained

    def training_seconds(self) -> float:
        """Return the seconds of training, without preparations and evaluations."""
        return self._trained if self._since is None else time.perf_counter() - self._since

    def stop(self) -> None:
        """Count no training from now on."""
        self._trained, self._since = self.training_seconds(), None

    def leave_out(self, seconds: float) -> None:
        """Do not count these seconds as training."""
        if self._since is not None:
            self._since += seconds

    def read(self) -> dict[str, float | None]:
        """Return what the training has taken, in seconds.

        Returns:
            `training_seconds`; `wall_seconds` and `processor_seconds` (of this process) with preparations and
            evaluations, None where a checkpoint of an earlier version began without them.
        """
        found: dict[str, float | None] = {"training_seconds": round(self.training_seconds(), 3)}
        for name, now in _WHOLE.items():
            zero = self._zeros[name]
            found[name] = None if zero is None else round(now() - zero, 3)
        return found
