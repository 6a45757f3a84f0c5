from __future__ import annotations

import numpy as np
import pytest
import torch

from rmr_gym.evaluation.features import feature_chunks, mean_and_precision
from rmr_gym.seeding import numpy_generator


def test_feature_chunks_cover_every_row_in_order() -> None:
    features = np.arange(5000, dtype=np.float32).reshape(2500, 2)
    chunks = list(feature_chunks(features))
    assert max(len(chunk) for chunk in chunks) < 2500
    assert torch.cat(chunks).numpy().tolist() == features.tolist()


def test_feature_chunks_of_no_rows_are_one_without_rows() -> None:
    assert [chunk.shape for chunk in feature_chunks(np.zeros((0, 2), dtype=np.float16))] == [(0, 2)]


def test_feature_chunks_are_copies() -> None:
    features = np.zeros((3, 2), dtype=np.float32)
    next(iter(feature_chunks(features))).fill_(1.0)
    assert not features.any()


def test_feature_chunks_read_a_read_only_memory_map(tmp_path) -> None:
    np.save(tmp_path / "features.npy", np.ones((4, 3), dtype=np.float16))
    features = np.load(tmp_path / "features.npy", mmap_mode="r")
    assert sum(float(chunk.sum()) for chunk in feature_chunks(features)) == 12.0


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_mean_and_precision_equal_numpy(dtype: type) -> None:
    values = numpy_generator(0, "values").standard_normal((3000, 7)) * np.geomspace(0.01, 10, 7) + 5
    features = values.astype(dtype)
    mean, precision = mean_and_precision(features)
    assert mean.numpy() == pytest.approx(features.astype(np.float64).mean(axis=0), rel=1e-5)
    assert precision.numpy() == pytest.approx(1 / features.astype(np.float64).std(axis=0), rel=1e-4)


@pytest.mark.parametrize("value", [0.0, 0.1, -3e4])
def test_mean_and_precision_is_zero_for_constant_features(value: float) -> None:
    features = np.full((2000, 2), value, dtype=np.float32)
    features[:, 1] = np.arange(2000)
    _, precision = mean_and_precision(features)
    assert precision[0] == 0.0
    assert precision[1] > 0.0


def test_mean_and_precision_refuses_what_is_not_finite() -> None:
    features = np.zeros((2000, 3), dtype=np.float16)
    features[1999, 1] = np.nan
    with pytest.raises(ValueError, match="NaN or infinity in 1 of 3 features"):
        mean_and_precision(features)
