"""Order of the rows or columns of a matrix by complete-link clustering."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from scipy.cluster import hierarchy
from scipy.spatial.distance import squareform


@dataclass(frozen=True, kw_only=True, slots=True)
class Clustering:
    """A tree over rows."""

    order: tuple[int, ...]
    """Rows from the first leaf to the last."""

    linkage: Float64[np.ndarray, "merge 4"] | None
    """The merges as scipy writes them; None when there is no tree."""


def cluster(matrix: Float64[np.ndarray, "row column"]) -> Clustering:
    """Cluster the rows of a matrix by their Euclidean distances, complete linkage.

    Where a cell is missing (NaN), the distance of two rows is that over the columns that both have, scaled up to all
    columns, as by `sklearn.metrics.pairwise.nan_euclidean_distances`. When two rows share no column, or there is only
    one row, there is no tree and the order stays.

    Source: paper, section 5 (complete-link; the metric is not said) and figure 4.

    Example:
        >>> cluster(np.array([[0.0], [9.0], [1.0]])).order
        (1, 0, 2)
    """
    num_rows = len(matrix)
    distances = _distances(matrix)
    if num_rows < 2 or not np.isfinite(distances).all():
        return Clustering(order=tuple(range(num_rows)), linkage=None)
    linkage = hierarchy.linkage(squareform(distances, checks=False), method="complete")
    return Clustering(order=tuple(int(leaf) for leaf in hierarchy.leaves_list(linkage)), linkage=linkage)


def _distances(matrix: Float64[np.ndarray, "row column"]) -> Float64[np.ndarray, "row row"]:
    difference = matrix[:, None] - matrix[None, :]
    there = np.isfinite(difference)
    num_shared = there.sum(axis=-1)
    squares = np.where(there, difference, 0.0) ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        distances = np.sqrt(squares.sum(axis=-1) * (matrix.shape[1] / num_shared))
    np.fill_diagonal(distances, 0.0)
    return np.asarray(distances, dtype=np.float64)
