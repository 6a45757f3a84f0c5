"""Masks of objects: which ball a pixel shows, where a mask lies, and how well masks agree with the truth.

A picture shows the whole box from above: its first row is the top edge, where y is largest, and its first column the
left edge, where x is smallest. A pixel stands for its centre.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Float64, Int, Int16

from rmr_gym.errors import explain
from rmr_gym.evaluation.metrics.arrays import check_same_shape

BACKGROUND = -1
"""Label of a pixel that shows no ball."""


def ball_labels(
    positions: Float[np.ndarray, "batch ball 2"], *, box_size: float, radius: float, size: int
) -> Int16[np.ndarray, "batch {size} {size}"]:
    """Label every pixel with the ball whose disc covers its centre.

    Args:
        positions: x and y of the centres in metres, the origin in the middle of the box.
        box_size: length of an edge of the box in metres.
        radius: of every ball, in metres.
        size: height and width of the picture in pixels.

    Returns:
        Index of the ball, the nearest one where discs overlap (the first of equally near ones); -1 elsewhere.

    Raises:
        ValueError: when `box_size`, `radius` or `size` is not positive.
    """
    if not (box_size > 0 and radius > 0 and size > 0):
        got = f"box_size={box_size}, radius={radius}, size={size}"
        raise ValueError(explain(expected="box_size, radius and size above 0", got=got, fix="Pass those of the world."))
    x, y = _pixel_centres(size, size, box_size)
    labels = np.full((len(positions), size, size), BACKGROUND, np.int16)
    nearest = np.full(labels.shape, np.nextafter(radius**2, np.inf))  # a rim on the centre of a pixel still covers it
    for ball in range(positions.shape[1]):  # one at a time: all distances at once would be ten times the pictures
        across = np.square(x - positions[:, ball, :1])
        down = np.square(y - positions[:, ball, 1:])
        distance = down[:, :, None] + across[:, None, :]
        covers = distance < nearest
        labels[covers], nearest[covers] = ball, distance[covers]
    return labels


def mask_centroids(
    masks: Float[np.ndarray, "batch slot height width"],
    *,
    box_size: float,
    foreground: Bool[np.ndarray, "batch height width"] | None = None,
) -> Float64[np.ndarray, "batch slot 2"]:
    """Centre of mass of each mask, in the coordinates of the world.

    Args:
        masks: non-negative weight of each slot at each pixel, such as the alpha masks of a decoder.
        box_size: length of an edge of the box in metres.
        foreground: pixels that count; None takes all. With soft masks the background, which nobody owns, pulls every
            centroid to the middle, so give it.

    Returns:
        x and y in metres, the origin in the middle of the box; the middle for a mask without any weight.
    """
    weights = masks if foreground is None else masks * foreground[:, None]
    x, y = _pixel_centres(masks.shape[2], masks.shape[3], box_size)
    columns, rows = weights.sum(axis=2, dtype=np.float64), weights.sum(axis=3, dtype=np.float64)
    total = rows.sum(axis=2)
    moments = np.stack([columns @ x, rows @ y], axis=-1)
    centroids = np.zeros_like(moments)
    np.divide(moments, total[..., None], out=centroids, where=total[..., None] > 0)
    return centroids


def adjusted_rand_index(
    predicted: Int[np.ndarray, "batch height width"],
    true: Int[np.ndarray, "_ _ _"],
    foreground: Bool[np.ndarray, "_ _ _"] | None = None,
) -> Float64[np.ndarray, " batch"]:
    """Agreement of two ways to divide the foreground of a picture, corrected for chance.

    What the labels are called does not matter, so slots need not be matched with balls first.

    Source: Hubert and Arabie (1985), in pairs of pixels; over the foreground only, as is usual for Slot Attention.

    Args:
        predicted: label of each pixel, such as the slot with the largest alpha mask.
        true: label of each pixel, such as `ball_labels`.
        foreground: pixels that count; None takes those with `true >= 0`.

    Returns:
        One number per picture: 1 for equal divisions, about 0 for random ones, NaN without foreground. The score of a
        set is the mean over the pictures that have one.

    Raises:
        ValueError: when the shapes differ.
    """
    check_same_shape(predicted, true, "predicted and true labels")
    chosen = true > BACKGROUND if foreground is None else foreground
    check_same_shape(chosen, true, "foreground and labels")
    picture = np.nonzero(chosen)[0]
    # Consecutive numbers for whatever labels occur, so that the tables are as small as can be.
    names, rows = np.unique(predicted[chosen], return_inverse=True)
    true_names, columns = np.unique(true[chosen], return_inverse=True)
    shape = (len(true), len(names), len(true_names))
    cells = (picture * shape[1] + rows) * shape[2] + columns
    table = np.bincount(cells, minlength=np.prod(shape, dtype=int)).reshape(shape)
    together = _pairs(table).sum(axis=(1, 2))  # pairs of pixels that both divisions keep together
    only_predicted = _pairs(table.sum(axis=2)).sum(axis=1) - together
    only_true = _pairs(table.sum(axis=1)).sum(axis=1) - together
    apart = _pairs(table.sum(axis=(1, 2))) - together - only_predicted - only_true
    above_chance = 2 * (together * apart - only_predicted * only_true)
    scale = (together + only_true) * (only_true + apart) + (together + only_predicted) * (only_predicted + apart)
    # No scale is left only where the divisions agree on every pair and one of them is trivial: a single cluster, say.
    score: Float64[np.ndarray, " batch"] = np.ones_like(scale)
    np.divide(above_chance, scale, out=score, where=scale > 0)
    score[~chosen.any(axis=(1, 2))] = np.nan
    return score


def _pixel_centres(
    height: int, width: int, box_size: float
) -> tuple[Float64[np.ndarray, " width"], Float64[np.ndarray, " height"]]:
    """Return x of the columns and y of the rows, in metres."""
    x = ((np.arange(width) + 0.5) / width - 0.5) * box_size
    y = (0.5 - (np.arange(height) + 0.5) / height) * box_size
    return x, y


def _pairs(counts: Int[np.ndarray, "..."]) -> Float64[np.ndarray, "..."]:
    """Return the number of pairs in groups of these sizes; their products outgrow int64 in large pictures."""
    pairs: Float64[np.ndarray, "..."] = counts * (counts - 1) / 2
    return pairs
