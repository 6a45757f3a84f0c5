"""Features of many frames from a frozen encoder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, Int, Shaped
from torch import nn

from rmr_gym.errors import explain

_FLOAT16 = np.finfo(np.float16)
_FEWEST_STEPS = 8


@runtime_checkable
class PixelBatch(Protocol):
    """Frames as `TransitionDataset.frames` returns them, or stacks of them as `FrameStacks.frames` does."""

    @property
    def pixels(self) -> Shaped[np.ndarray, "batch ..."] | None:
        """Pictures, bytes in 0..255."""


@runtime_checkable
class FrameSource(Protocol):
    """Anything that reads frames by index, such as a `TransitionDataset` or `FrameStacks`."""

    def frames(self, indices: Int[np.ndarray, " batch"]) -> PixelBatch:
        """Read frames."""


def encode_frames(
    encoder: nn.Module,
    frames: FrameSource | Shaped[np.ndarray, "frame ..."],
    indices: Int[np.ndarray, " batch"] | None = None,
    *,
    batch_size: int = 256,
    device: str = "cpu",
    dtype: type[np.float16] | type[np.float32] = np.float16,
) -> Float[np.ndarray, "batch feature"]:
    """Encode frames batch by batch, without gradients and in evaluation mode.

    The encoder comes back as it was: weights, buffers, the mode of every submodule. It stays on its device.

    Args:
        encoder: maps pixels `(batch, channel, height, width)`, or stacks of them where `frames` reads stacks, to slots
            `(batch, slot, dim)` or features `(batch, feature)`; already on `device`.
        frames: a data set, or the pictures themselves.
        indices: which frames, in this order; None takes all rows of an array, and is an error for a data set.
        batch_size: frames at a time.
        device: where the encoder is.
        dtype: of the result; float16 halves the memory and costs a probe nothing measurable, where `fitting_dtype`
            says so.

    Returns:
        Concatenated slots, one row per frame.

    Raises:
        ValueError: when there is no frame, or a feature is not finite in `dtype`.
    """
    rows = _rows(frames, indices)
    features: Float[np.ndarray, "batch feature"] | None = None
    with _evaluation_mode(encoder), torch.no_grad():
        for start in range(0, len(rows), batch_size):
            pixels = _read(frames, rows[start : start + batch_size])
            slots = encoder(torch.from_numpy(pixels).to(device))
            batch = slots.flatten(1).float().cpu().numpy()
            if features is None:
                features = np.empty((len(rows), batch.shape[1]), dtype)
            _check_range(batch, dtype)
            features[start : start + batch_size] = batch
    assert features is not None  # _rows refuses an empty choice
    return features


def fitting_dtype(features: Float[np.ndarray, "batch feature"]) -> type[np.float16] | type[np.float32]:
    """Say in which type the features of an encoder can be kept without a loss that a probe would see.

    float16 has eleven bits: of features that are a large offset and a small variation, as those of a collapsed encoder
    are, it keeps the offset, and the rounding of the rest is what a probe on standardised features would learn from.
    Near 0 its steps stop shrinking at 6e-8, so that features that small are rounded away without any offset.

    Args:
        features: of some hundred frames, float32.

    Returns:
        float16 unless half of those that vary do so by less than eight of its steps, or one is far out of its range.

    Example:
        >>> waves = np.sin(np.arange(12, dtype=np.float32)).reshape(6, 2)
        >>> fitting_dtype(waves).__name__, fitting_dtype(1 + waves / 1_000).__name__
        ('float16', 'float32')
    """
    std, mean = features.std(axis=0, dtype=np.float64), np.abs(features.mean(axis=0, dtype=np.float64))
    varying = std > 1e-6 * mean
    if np.abs(features).max() > float(_FLOAT16.max) / 4:
        return np.float32
    step = np.maximum(float(_FLOAT16.eps) * np.maximum(mean, std), float(_FLOAT16.smallest_subnormal))
    if not varying.any() or np.median(std[varying] / step[varying]) < _FEWEST_STEPS:
        return np.float32
    return np.float16


@contextmanager
def _evaluation_mode(module: nn.Module) -> Iterator[None]:
    """Hold a module in evaluation mode and give every submodule its own mode back."""
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for part, training in modes:
            part.training = training


def _rows(
    frames: FrameSource | Shaped[np.ndarray, "frame ..."], indices: Int[np.ndarray, " batch"] | None
) -> Int[np.ndarray, " batch"]:
    if indices is None and isinstance(frames, np.ndarray):
        indices = np.arange(len(frames))
    if indices is None or len(indices) == 0:
        got = "no indices" if indices is None else "an empty list of indices"
        raise ValueError(explain(expected="frames to encode", got=got, fix="Pass numpy.arange(dataset.num_frames)."))
    return indices


def _read(
    frames: FrameSource | Shaped[np.ndarray, "frame ..."], rows: Int[np.ndarray, " batch"]
) -> Shaped[np.ndarray, "batch ..."]:
    pixels = frames[rows] if isinstance(frames, np.ndarray) else frames.frames(rows).pixels
    if pixels is None:
        raise ValueError(explain(expected="frames with pixels", got="RAM only", fix="Read the data set with pixels."))
    return pixels


def _check_range(batch: Float[np.ndarray, "batch feature"], dtype: type[np.float16] | type[np.float32]) -> None:
    largest = float(np.abs(batch).max())
    if not largest <= float(np.finfo(dtype).max):  # NaN fails too
        raise ValueError(
            explain(
                expected=f"features that fit into {dtype.__name__}",
                got=f"a largest magnitude of {largest:g}",
                fix="Encode with dtype=numpy.float32; if it is not finite there either, the encoder diverged.",
            )
        )
