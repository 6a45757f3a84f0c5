"""Large tables of features: read in chunks of rows, so that float16 on the host is never widened as a whole."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from rmr_gym.errors import explain

_CHUNK_ROWS = 1024
# A standard deviation this small beside the mean is rounding, not variation.
_CONSTANT = 1e-6


def feature_chunks(
    features: Float[np.ndarray, "batch feature"], *, device: str | torch.device = "cpu"
) -> Iterator[Float[Tensor, "chunk feature"]]:
    """Yield consecutive rows as float32.

    Args:
        features: one row per frame; may be a read-only memory map.
        device: where to put each chunk.

    Yields:
        Copies of at most 1,024 rows; one without rows when there are none.
    """
    for start in range(0, max(1, len(features)), _CHUNK_ROWS):
        yield torch.from_numpy(features[start : start + _CHUNK_ROWS].astype(np.float32)).to(device)


def mean_and_precision(
    features: Float[np.ndarray, "batch feature"], *, device: str | torch.device = "cpu"
) -> tuple[Float[Tensor, " feature"], Float[Tensor, " feature"]]:
    """Measure how to standardise: `(x - mean) * precision`.

    Args:
        features: one row per training frame.
        device: where to compute.

    Returns:
        Mean and one over the standard deviation, float32 on `device`. The precision of a constant feature is 0, so
        that it has no say, even where it varies later.

    Raises:
        ValueError: when a feature is not finite.
    """
    total = torch.zeros(features.shape[1], dtype=torch.float64, device=device)
    for chunk in feature_chunks(features, device=device):
        total += chunk.sum(dim=0, dtype=torch.float64)
    mean = total / len(features)
    if not bool(torch.isfinite(mean).all()):
        raise ValueError(
            explain(
                expected="finite features",
                got=f"NaN or infinity in {int((~torch.isfinite(mean)).sum())} of {len(mean)} features",
                fix="Encode with dtype float32; if they still occur, the encoder diverged.",
            )
        )
    squares = torch.zeros_like(total)
    for chunk in feature_chunks(features, device=device):
        squares += (chunk - mean.float()).square_().sum(dim=0, dtype=torch.float64)
    std = (squares / len(features)).sqrt()
    precision = torch.where(std > _CONSTANT * mean.abs(), 1.0 / std, torch.zeros_like(std))
    return mean.float(), precision.float()
