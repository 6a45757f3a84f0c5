"""Coordinates in which standardised features are uncorrelated, with as few of them as the features need."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from rmr_gym.evaluation.features import feature_chunks, mean_and_precision
from rmr_gym.seeding import torch_generator

# Variance, as a share of the largest, below which a direction is rounding of float32 and not a feature.
_ROUNDING = 1e-6
# Extra directions of the randomised method. One pass is enough for the spectra of our encoders, which fall by seven
# orders of magnitude; a direction that is missed costs nothing but its own small variance.
_OVERSAMPLING = 64
# Columns of one block of the Gram matrix, of which only those on and above the diagonal are computed.
_BLOCK = 1024


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class FeatureSpan:
    """The directions in which standardised features vary.

    A penalty on the squared length of a weight vector does not see a rotation, and no optimum of a penalised loss
    leaves the span of the features. So a model in these coordinates is the model on all features, with a Hessian that
    is nearly diagonal.
    """

    mean: Float[Tensor, " feature"]
    """Mean of the training features."""

    precision: Float[Tensor, " feature"]
    """One over their standard deviation; 0 for constant features."""

    directions: Float[Tensor, "feature component"]
    """Orthonormal columns, the strongest first."""

    variance: Float[Tensor, " component"]
    """Variance of the training features along each."""

    def project(self, features: Float[np.ndarray, "batch feature"]) -> Float[Tensor, "batch component"]:
        """Return the coordinates of features, on the device of the span."""
        projected = self.mean.new_empty(len(features), len(self.variance))
        start = 0
        for chunk in feature_chunks(features, device=self.mean.device):
            stop = start + len(chunk)
            torch.mm((chunk - self.mean).mul_(self.precision), self.directions, out=projected[start:stop])
            start = stop
        return projected


@torch.no_grad()
def fit_feature_span(
    features: Float[np.ndarray, "batch feature"],
    max_components: int,
    *,
    seed: int = 0,
    device: str | torch.device = "cpu",
) -> FeatureSpan:
    """Find the span of standardised features, or its leading directions when it has more than asked for.

    Takes the eigenvectors of the smaller one of the two Gram matrices, of features or of frames.

    Source: for a few directions of many, the randomised range finder with a Rayleigh-Ritz step (Halko, Martinsson and
    Tropp, 2011).

    Args:
        features: one row per training frame; not written to.
        max_components: most directions.
        seed: seed of the random start.
        device: where to compute.

    Returns:
        The span, on `device`. It has no direction when all features are constant.

    Raises:
        ValueError: when a feature is not finite.
    """
    mean, precision = mean_and_precision(features, device=device)
    num_frames, num_features = features.shape
    if num_frames < num_features:
        gram = _gram_of_frames(features, mean, precision)
    else:
        gram = _gram_of_features(features, mean, precision)
    variance, vectors = _leading(gram.div_(num_frames), max_components, seed)
    del gram
    kept = variance > _ROUNDING * variance[:1]
    variance, vectors = variance[kept], vectors[:, kept]
    if num_frames < num_features:
        vectors = _directions_of_features(features, mean, precision, vectors / (variance * num_frames).sqrt())
    return FeatureSpan(mean=mean, precision=precision, directions=vectors.contiguous(), variance=variance)


def _gram_of_features(
    features: Float[np.ndarray, "batch feature"],
    mean: Float[Tensor, " feature"],
    precision: Float[Tensor, " feature"],
) -> Float[Tensor, "feature feature"]:
    gram = mean.new_zeros(len(mean), len(mean))
    starts = range(0, len(mean), _BLOCK)
    for chunk in feature_chunks(features, device=mean.device):
        standard = (chunk - mean).mul_(precision)
        for start in starts:
            stop = start + _BLOCK
            gram[start:stop, start:].addmm_(standard[:, start:stop].T, standard[:, start:])
    return _mirror(gram)


def _gram_of_frames(
    features: Float[np.ndarray, "batch feature"],
    mean: Float[Tensor, " feature"],
    precision: Float[Tensor, " feature"],
) -> Float[Tensor, "batch batch"]:
    gram = mean.new_zeros(len(features), len(features))
    row = 0
    for left in feature_chunks(features, device=mean.device):
        standard, column = (left - mean).mul_(precision), row
        for right in feature_chunks(features[row:], device=mean.device):
            block = standard @ (right - mean).mul_(precision).T
            gram[row : row + len(left), column : column + len(right)] = block
            column += len(right)
        row += len(left)
    return _mirror(gram)


def _mirror(gram: Float[Tensor, "side side"]) -> Float[Tensor, "side side"]:
    """Fill the lower triangle in place from the upper one."""
    for start in range(0, len(gram), _BLOCK):
        stop = start + _BLOCK
        gram[stop:, start:stop] = gram[start:stop, stop:].T
        gram[start:stop, start:stop] = gram[start:stop, start:stop].triu() + gram[start:stop, start:stop].triu(1).T
    return gram


def _directions_of_features(
    features: Float[np.ndarray, "batch feature"],
    mean: Float[Tensor, " feature"],
    precision: Float[Tensor, " feature"],
    scaled: Float[Tensor, "batch component"],
) -> Float[Tensor, "feature component"]:
    """Map eigenvectors over frames, divided by the singular values, to eigenvectors over features."""
    directions = mean.new_zeros(len(mean), scaled.shape[1])
    start = 0
    for chunk in feature_chunks(features, device=mean.device):
        directions.addmm_((chunk - mean).mul_(precision).T, scaled[start : start + len(chunk)])
        start += len(chunk)
    return directions


def _leading(
    gram: Float[Tensor, "side side"], count: int, seed: int
) -> tuple[Float[Tensor, " component"], Float[Tensor, "side component"]]:
    """Return the largest eigenvalues of a symmetric matrix in falling order, and their vectors as columns."""
    side = len(gram)
    width = count + _OVERSAMPLING
    if 3 * width > side:  # then all of them cost no more
        values, vectors = torch.linalg.eigh(gram)
        return values.flip(0)[:count], vectors.flip(1)[:, :count]
    start = torch.randn(side, width, generator=torch_generator(seed, "feature span"))
    basis = torch.linalg.qr(gram @ start.to(gram))[0]
    values, rotation = torch.linalg.eigh(basis.T @ (gram @ basis))
    return values.flip(0)[:count], basis @ rotation.flip(1)[:, :count]
