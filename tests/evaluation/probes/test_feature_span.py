"""Directions of features against float64 singular value decompositions."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from rmr_gym.evaluation.probes.feature_span import fit_feature_span
from rmr_gym.seeding import numpy_generator


def low_rank(num_frames: int, num_features: int, rank: int) -> np.ndarray:
    generator = numpy_generator(0, "low rank")
    hidden = generator.standard_normal((num_frames, rank)) * np.geomspace(1, 0.05, rank)
    return (hidden @ generator.standard_normal((rank, num_features)) + 3).astype(np.float32)


def standardised(features: np.ndarray) -> np.ndarray:
    wide = features.astype(np.float64)
    return (wide - wide.mean(axis=0)) / wide.std(axis=0)


@pytest.mark.parametrize(("num_frames", "num_features"), [(200, 40), (40, 200), (60, 60)])
def test_feature_span_holds_the_singular_values(num_frames: int, num_features: int) -> None:
    features = low_rank(num_frames, num_features, 10)
    span = fit_feature_span(features, 500)
    expected = np.linalg.svd(standardised(features), compute_uv=False)[:10] ** 2 / num_frames
    assert len(span.variance) == 10  # the rest is rounding
    np.testing.assert_allclose(span.variance.numpy(), expected, rtol=1e-3)
    torch.testing.assert_close(span.directions.T @ span.directions, torch.eye(10), rtol=0, atol=1e-3)
    projected = span.project(features)
    np.testing.assert_allclose((projected @ span.directions.T).numpy(), standardised(features), atol=2e-3)
    np.testing.assert_allclose(projected.var(dim=0, correction=0).numpy(), expected, rtol=1e-3)


@pytest.mark.parametrize(("num_frames", "num_features"), [(1300, 600), (600, 1300)])
def test_feature_span_finds_the_leading_directions_of_large_tables(num_frames: int, num_features: int) -> None:
    features = low_rank(num_frames, num_features, 200)
    span = fit_feature_span(features, 100, seed=3)
    expected = np.linalg.svd(standardised(features), compute_uv=False)[:100] ** 2 / num_frames
    assert span.directions.shape == (num_features, 100)
    np.testing.assert_allclose(span.variance[:40].numpy(), expected[:40], rtol=1e-2)
    assert float(span.variance.sum()) > 0.99 * expected.sum()


def test_feature_span_reads_float16_in_chunks_and_leaves_it_alone() -> None:
    features = low_rank(2100, 30, 5).astype(np.float16)
    features[:, 4] = 7  # says nothing
    features.flags.writeable = False
    span = fit_feature_span(features, 30)
    assert float(span.precision[4]) == 0
    projected = span.project(features)
    assert projected.dtype == torch.float32
    assert float(projected.mean(dim=0).abs().max()) < 1e-2
    changed = features.copy()
    changed[:, 4] = 100
    torch.testing.assert_close(span.project(changed), projected, rtol=0, atol=0)


def test_feature_span_has_no_direction_when_all_features_are_constant() -> None:
    span = fit_feature_span(np.ones((20, 3), np.float32), 8)
    assert span.project(np.ones((2, 3), np.float32)).shape == (2, 0)
