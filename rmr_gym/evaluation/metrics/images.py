"""Errors of predicted pictures, over a whole set that never lies in memory as floats at once."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Shaped

from rmr_gym.errors import explain
from rmr_gym.evaluation.metrics.arrays import check_same_shape

FOREGROUND_THRESHOLD = 0.02
"""A pixel is foreground when any channel of the target differs from the background by more than this, of 1. ours: five
steps of 255 leave the shaded edge of a ball inside."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageScores:
    """Errors of predicted pictures over all pixels and channels of a set, values in [0, 1]."""

    mse: float
    """Mean squared error: the paper's number for the natural pipeline. A black picture scores well on it."""

    foreground_mse: float
    """The same over the pixels that are foreground in the target; NaN when none is."""

    foreground_fraction: float
    """Share of the pixels that are foreground in the target."""

    psnr: float
    """Peak signal-to-noise ratio of `mse` in dB; infinite for a perfect prediction."""


class ImageErrors:
    """Adds up the errors of predicted pictures batch by batch.

    Sums are kept, not means, so the result is that of the whole set however it was cut into batches.

    Args:
        threshold: see `FOREGROUND_THRESHOLD`; in [0, 1).
        background: colour behind all things, each channel in [0, 1].

    Raises:
        ValueError: when the threshold or the background is outside its range.
    """

    def __init__(
        self, threshold: float = FOREGROUND_THRESHOLD, *, background: tuple[float, float, float] = (0.0, 0.0, 0.0)
    ) -> None:
        if not 0 <= threshold < 1:
            raise ValueError(explain(expected="a threshold in [0, 1)", got=threshold, fix="Use 0.02."))
        if not all(0 <= part <= 1 for part in background):
            raise ValueError(explain(expected="a background in [0, 1]", got=background, fix="Divide bytes by 255."))
        self.threshold, self.background = threshold, background
        self._squared = self._foreground_squared = 0.0
        self._num_values = self._num_foreground = 0

    def add(
        self,
        predicted: Shaped[np.ndarray, "batch channel height width"],
        target: Shaped[np.ndarray, "_ _ _ _"],
    ) -> None:
        """Add a batch of pictures.

        Args:
            predicted: floats where black is 0 and full is 1, scored as they are where they leave that range; or bytes.
            target: floats in [0, 1], or bytes in 0..255.

        Raises:
            ValueError: when the shapes differ, the dtype is neither, or a target is outside [0, 1].
        """
        check_same_shape(predicted, target, "predicted and target pictures")
        true = _unit_floats(target)
        if true.size and not (true.min() >= 0 and true.max() <= 1):  # NaN fails too
            got = f"values from {true.min():g} to {true.max():g}"
            raise ValueError(explain(expected="target pictures in [0, 1]", got=got, fix="Divide bytes by 255."))
        per_pixel = np.square(_unit_floats(predicted) - true).sum(axis=1, dtype=np.float64)
        behind = np.array(self.background, true.dtype)[:, None, None]
        foreground = (np.abs(true - behind) > self.threshold).any(axis=1)
        self._squared += float(per_pixel.sum())
        self._foreground_squared += float(per_pixel[foreground].sum())
        self._num_values += true.size
        self._num_foreground += int(foreground.sum()) * true.shape[1]

    def result(self) -> ImageScores:
        """Return the scores of everything added so far.

        Raises:
            ValueError: when nothing was added.
        """
        if self._num_values == 0:
            raise ValueError(explain(expected="at least one picture", got="none", fix="Call add before result."))
        mse = self._squared / self._num_values
        return ImageScores(
            mse=mse,
            foreground_mse=self._foreground_squared / self._num_foreground if self._num_foreground else math.nan,
            foreground_fraction=self._num_foreground / self._num_values,
            psnr=psnr(mse),
        )


def image_mse(
    predicted: Shaped[np.ndarray, "batch channel height width"],
    target: Shaped[np.ndarray, "_ _ _ _"],
) -> float:
    """Mean squared error over pictures, channels and pixels; see `ImageErrors.add` and `ImageScores.mse`."""
    return _score(predicted, target, FOREGROUND_THRESHOLD).mse


def foreground_mse(
    predicted: Shaped[np.ndarray, "batch channel height width"],
    target: Shaped[np.ndarray, "_ _ _ _"],
    threshold: float = FOREGROUND_THRESHOLD,
) -> float:
    """Mean squared error where the target is foreground; see `ImageErrors.add` and `ImageScores.foreground_mse`."""
    return _score(predicted, target, threshold).foreground_mse


def psnr(mse: float) -> float:
    """Peak signal-to-noise ratio of pictures whose brightest value is 1.

    The ratio of the mean error of a set is not the mean of the ratios of its pictures; pass the former.

    Args:
        mse: mean squared error of values in [0, 1].

    Returns:
        Decibels; infinite when there is no error.

    Raises:
        ValueError: when the error is negative.

    Example:
        >>> psnr(0.001)
        30.0
    """
    if mse < 0:
        raise ValueError(explain(expected="a mean squared error >= 0", got=mse, fix="Pass image_mse(...)."))
    return math.inf if mse == 0 else -10 * math.log10(mse)


def _score(predicted: np.ndarray, target: np.ndarray, threshold: float) -> ImageScores:
    errors = ImageErrors(threshold)
    errors.add(predicted, target)
    return errors.result()


def _unit_floats(pictures: Shaped[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    if pictures.dtype == np.uint8:
        return pictures.astype(np.float32) / np.float32(255)
    if not np.issubdtype(pictures.dtype, np.floating):
        raise ValueError(explain(expected="pictures of floats or bytes", got=pictures.dtype, fix="Pass the pixels."))
    return pictures.astype(np.float32) if pictures.dtype == np.float16 else pictures
