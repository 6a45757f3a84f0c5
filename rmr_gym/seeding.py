"""Independent random streams, derived from one seed by name.

Two arms of an experiment that draw different amounts of randomness stay paired, because every purpose
("batches", "negatives", "encoder") has a stream of its own. The global generators are never used.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch


def derive(seed: int, *names: str | int) -> int:
    """Derive the seed of a named stream.

    Args:
        seed: the seed of the experiment.
        *names: purpose of the stream, from general to special, for example `"batches", 17`.

    Returns:
        An integer in `[0, 2**63)`, equal on every platform and version.

    Example:
        >>> derive(0, "batches") == derive(0, "batches"), derive(0, "batches") == derive(0, "negatives")
        (True, False)
    """
    text = "\x1f".join(str(part) for part in (seed, *names))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


def numpy_generator(seed: int, *names: str | int) -> np.random.Generator:
    """Return a fresh numpy generator for a named stream."""
    return np.random.default_rng(derive(seed, *names))


def torch_generator(seed: int, *names: str | int) -> torch.Generator:
    """Return a fresh torch generator for a named stream, on the CPU so that every device sees the same draws."""
    import torch  # not needed by environments and wrappers

    return torch.Generator().manual_seed(derive(seed, *names))
