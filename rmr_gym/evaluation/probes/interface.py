"""What every probe offers; a new one is one file beside this and one line in the registry."""

from __future__ import annotations

from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Int, UInt8


@runtime_checkable
class Probe(Protocol):
    """A fitted read-out of bits."""

    def predict(self, features: Float[np.ndarray, "batch feature"]) -> UInt8[np.ndarray, "batch target"]:
        """Return zeros and ones for each frame."""


@runtime_checkable
class ProbeConfig(Protocol):
    """A frozen dataclass that says how to fit a probe."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    def fit(
        self,
        features: Float[np.ndarray, "batch feature"],
        targets: UInt8[np.ndarray, "batch target"],
        episodes: Int[np.ndarray, " batch"],
        *,
        seed: int = 0,
        device: str = "cpu",
    ) -> Probe:
        """Fit on labelled frames.

        Args:
            features: what the encoder says about each frame; not written to.
            targets: zeros and ones.
            episodes: the episode of each frame, so that frames held out for early stopping are not neighbours of
                training frames.
            seed: seed of all randomness.
            device: where to compute.

        Returns:
            The fitted probe.
        """
