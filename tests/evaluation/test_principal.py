from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from rmr_gym.evaluation.principal import fit_principal_components
from rmr_gym.seeding import numpy_generator


def decaying_features(num_frames: int = 1500, num_features: int = 120) -> np.ndarray:
    generator = numpy_generator(0, "features")
    spectrum = np.arange(1, num_features + 1) ** -1.0
    mixing = np.linalg.qr(generator.standard_normal((num_features, num_features)))[0]
    return ((generator.standard_normal((num_frames, num_features)) * spectrum) @ mixing + 3.0).astype(np.float32)


def test_principal_components_equal_scikit_learn() -> None:
    features = decaying_features()
    found = fit_principal_components(features, 10)
    reference = PCA(n_components=10, svd_solver="full").fit(features)
    cosines = np.abs((found.directions.numpy() * reference.components_.T).sum(axis=0))
    assert cosines == pytest.approx(np.ones(10), abs=1e-3)
    variance = found.project(features).var(axis=0, ddof=1)
    assert variance == pytest.approx(reference.explained_variance_, rel=1e-3)
    assert found.mean.numpy() == pytest.approx(reference.mean_, abs=1e-4)


def test_principal_components_are_orthonormal_and_project_centred() -> None:
    features = decaying_features().astype(np.float16)
    found = fit_principal_components(features, 20)
    assert torch.allclose(found.directions.T @ found.directions, torch.eye(20), atol=1e-5)
    projected = found.project(features)
    assert projected.shape == (1500, 20)
    assert projected.mean(axis=0) == pytest.approx(np.zeros(20), abs=1e-3)


def test_principal_components_are_deterministic() -> None:
    features = decaying_features()
    first, again = (fit_principal_components(features, 5, seed=1).directions for _ in range(2))
    assert torch.equal(first, again)


@pytest.mark.parametrize("shape", [(6, 40), (40, 6)])
def test_principal_components_are_no_more_than_there_are(shape: tuple[int, int]) -> None:
    features = numpy_generator(0, "small").standard_normal(shape).astype(np.float32)
    found = fit_principal_components(features, 64)
    assert found.directions.shape == (shape[1], 6)
    lost = features - features.mean(axis=0) - found.project(features) @ found.directions.T.numpy()
    assert np.abs(lost).max() < 1e-4


@pytest.mark.parametrize(("num_frames", "num_components"), [(0, 3), (3, 0)])
def test_principal_components_refuse_nothing(num_frames: int, num_components: int) -> None:
    with pytest.raises(ValueError, match="at least one component"):
        fit_principal_components(np.zeros((num_frames, 4), dtype=np.float32), num_components)
