from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage
from sklearn.metrics import adjusted_rand_score

from rmr_gym.evaluation.metrics import adjusted_rand_index, ball_labels, mask_centroids
from rmr_gym.seeding import numpy_generator

LABELS = hnp.arrays(np.int64, (2, 5, 4, 3), elements=st.integers(-1, 3))


def test_ball_labels_hand_case() -> None:
    # Pixels of 0.25 m; the first ball sits at the top left, the second on the pixel of row 2, column 3.
    positions = np.array([[[-0.375, 0.375], [0.375, -0.125]]])
    labels = ball_labels(positions, box_size=1.0, radius=0.26, size=4)
    assert labels[0].tolist() == [[0, 0, -1, -1], [0, -1, -1, 1], [-1, -1, 1, 1], [-1, -1, -1, 1]]


def test_ball_labels_count_a_rim_on_the_centre_of_a_pixel() -> None:
    labels = ball_labels(np.array([[[-0.25, 0.25]]]), box_size=1.0, radius=0.5, size=2)
    assert labels[0].tolist() == [[0, 0], [0, -1]]


def test_ball_labels_take_the_nearest_ball_and_the_first_of_equals() -> None:
    positions = np.array([[[-0.3, 0.0], [0.3, 0.0]], [[0.1, 0.0], [0.1, 0.0]]])
    labels = ball_labels(positions, box_size=1.0, radius=2.0, size=4)
    assert labels[0].tolist() == [[0, 0, 1, 1]] * 4
    assert labels[1].tolist() == [[0] * 4] * 4


def test_ball_labels_equal_the_definition() -> None:
    positions = numpy_generator(0, "balls").uniform(-1.0, 1.0, (6, 5, 2)).astype(np.float32)
    labels = ball_labels(positions, box_size=2.0, radius=0.3, size=16)
    for picture, row, column in np.ndindex(6, 16, 16):
        centre = ((column + 0.5) / 8 - 1.0, 1.0 - (row + 0.5) / 8)
        distance = np.hypot(*(positions[picture].astype(np.float64) - centre).T)
        expected = int(distance.argmin()) if distance.min() <= 0.3 else -1
        assert labels[picture, row, column] == expected


def test_ball_labels_cover_the_area_of_the_discs() -> None:
    labels = ball_labels(np.array([[[-0.2, 0.1], [0.3, -0.3]]]), box_size=1.0, radius=0.06, size=640)
    areas = [(labels == ball).mean() for ball in range(2)]
    assert areas == pytest.approx([math.pi * 0.06**2] * 2, rel=0.01)


@pytest.mark.parametrize("wrong", [{"box_size": 0.0}, {"radius": -0.1}, {"size": 0}])
def test_ball_labels_refuse_worlds_without_extent(wrong: dict[str, float]) -> None:
    world = {"box_size": 1.0, "radius": 0.1, "size": 4, **wrong}
    with pytest.raises(ValueError, match="above 0"):
        ball_labels(np.zeros((1, 1, 2)), **world)


def test_mask_centroids_find_the_balls_of_their_labels() -> None:
    positions = numpy_generator(0, "centroids").uniform(-0.9, 0.9, (20, 1, 2))
    labels = ball_labels(positions, box_size=2.0, radius=0.1, size=64)
    centroids = mask_centroids((labels[:, None] == 0).astype(np.float32), box_size=2.0)
    assert np.abs(centroids - positions).max() < 0.5 * 2 / 64


def test_mask_centroids_equal_scipy() -> None:
    masks = numpy_generator(0, "masks").random((3, 4, 6, 8))
    found = mask_centroids(masks, box_size=1.0)
    for picture, slot in np.ndindex(3, 4):
        row, column = ndimage.center_of_mass(masks[picture, slot])
        assert found[picture, slot] == pytest.approx([(column + 0.5) / 8 - 0.5, 0.5 - (row + 0.5) / 6])


def test_mask_centroids_ignore_the_background_and_put_empty_masks_in_the_middle() -> None:
    masks = np.ones((1, 2, 4, 4))
    masks[0, 1] = 0.0
    foreground = np.zeros((1, 4, 4), np.bool_)
    foreground[0, 0, 3] = True
    assert mask_centroids(masks, box_size=1.0, foreground=foreground).tolist() == [[[0.375, 0.375], [0.0, 0.0]]]
    assert mask_centroids(masks, box_size=1.0).tolist() == [[[0.0, 0.0], [0.0, 0.0]]]


@given(LABELS)
def test_adjusted_rand_index_equals_scikit_learn(labels: np.ndarray) -> None:
    predicted, true = labels
    scores = adjusted_rand_index(predicted, true)
    for score, found, wanted in zip(scores, predicted, true, strict=True):
        shown = wanted >= 0
        if shown.any():
            assert score == pytest.approx(adjusted_rand_score(wanted[shown], found[shown]), abs=1e-12)
        else:
            assert math.isnan(score)


def test_adjusted_rand_index_equals_scikit_learn_on_whole_pictures() -> None:
    generator = numpy_generator(0, "pictures")
    positions = generator.uniform(-0.44, 0.44, (12, 10, 2))
    true = ball_labels(positions, box_size=1.0, radius=0.06, size=64)
    noise = generator.random(true.shape) < np.linspace(0, 1, 12)[:, None, None]
    predicted = np.where(noise, generator.integers(0, 11, true.shape), true).astype(np.int64)
    scores = adjusted_rand_index(predicted, true)
    expected = [adjusted_rand_score(one[one >= 0], other[one >= 0]) for one, other in zip(true, predicted, strict=True)]
    assert scores == pytest.approx(expected, abs=1e-12)
    assert scores[0] == 1.0
    assert abs(scores[-1]) < 0.05


@pytest.mark.parametrize(
    ("predicted", "true", "expected"),
    [
        ([0, 0, 0, 0], [5, 5, 5, 5], 1.0),  # one cluster on both sides
        ([0, 1, 2, 3], [3, 2, 1, 0], 1.0),  # nothing but single pixels on both sides
        ([0, 0, 0, 0], [0, 0, 1, 1], 0.0),  # everything in one slot
        ([0, 1, 2, 3], [0, 0, 1, 1], 0.0),  # a slot for every pixel
        ([0, 1, 0, 1], [0, 0, 1, 1], -0.5),  # worse than chance
        ([7, 7, 9, 9], [1, 1, 0, 0], 1.0),  # other names
    ],
)
def test_adjusted_rand_index_edge_cases(predicted: list[int], true: list[int], expected: float) -> None:
    assert adjusted_rand_score(true, predicted) == pytest.approx(expected)
    score = adjusted_rand_index(np.array(predicted).reshape(1, 2, 2), np.array(true).reshape(1, 2, 2))
    assert score == pytest.approx([expected])


def test_adjusted_rand_index_of_a_single_pixel_is_one() -> None:
    true = np.array([[[-1, 4]]])
    assert adjusted_rand_index(np.array([[[3, 3]]]), true).tolist() == [1.0]


def test_adjusted_rand_index_looks_at_the_foreground_given() -> None:
    true, predicted = np.array([[[0, 0, 1, 1, 1]]]), np.array([[[0, 0, 1, 1, 0]]])
    foreground = np.array([[[True, True, True, True, False]]])
    assert adjusted_rand_index(predicted, true, foreground).tolist() == [1.0]
    assert adjusted_rand_index(predicted, true)[0] < 1.0


def test_adjusted_rand_index_is_nan_without_foreground() -> None:
    nothing = np.full((2, 3, 3), -1)
    assert np.isnan(adjusted_rand_index(np.zeros_like(nothing), nothing)).all()


def test_adjusted_rand_index_refuses_other_pictures() -> None:
    with pytest.raises(ValueError, match="one shape"):
        adjusted_rand_index(np.zeros((2, 4, 4), np.int64), np.zeros((1, 4, 4), np.int64))
