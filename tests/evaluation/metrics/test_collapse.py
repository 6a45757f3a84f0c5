from __future__ import annotations

import numpy as np
import pytest

from rmr_gym.evaluation.metrics import collapse_panel, effective_rank, slot_variance
from rmr_gym.seeding import numpy_generator


def orthogonal_columns(frames: int, columns: int) -> np.ndarray:
    values = numpy_generator(0, "columns").standard_normal((frames, columns))
    return np.linalg.qr(values - values.mean(axis=0))[0]  # centred, orthonormal


@pytest.mark.parametrize("frames", [20, 400])
def test_effective_rank_counts_equally_strong_directions(frames: int) -> None:
    basis = orthogonal_columns(frames, 5)
    features = basis @ numpy_generator(0, "mixing").standard_normal((5, 5))
    mixed = np.hstack([basis, np.zeros((frames, 45))])
    assert effective_rank(mixed) == pytest.approx(5.0, rel=1e-5)
    assert effective_rank(features) < 5.0


def test_effective_rank_hand_case_of_two_directions() -> None:
    features = orthogonal_columns(50, 2) * [3.0, 1.0]
    expected = np.exp(-(0.75 * np.log(0.75) + 0.25 * np.log(0.25)))
    assert effective_rank(features) == pytest.approx(expected, rel=1e-6)


def test_effective_rank_ignores_offset_and_scale() -> None:
    features = orthogonal_columns(50, 4) * [4.0, 3.0, 2.0, 1.0]
    assert effective_rank(1e-3 * features + 7.0) == pytest.approx(effective_rank(features), rel=1e-3)


def test_effective_rank_is_zero_when_collapsed() -> None:
    assert effective_rank(np.full((30, 12), 0.1, dtype=np.float16)) == 0.0
    assert effective_rank(np.zeros((30, 12), dtype=np.float32)) == 0.0


def test_effective_rank_thins_long_inputs() -> None:
    features = orthogonal_columns(90, 30).astype(np.float32)
    assert effective_rank(features, max_frames=11) <= 10.0
    assert effective_rank(features, max_frames=90) == pytest.approx(30.0, rel=1e-3)


@pytest.mark.parametrize(
    ("features", "message"),
    [(np.ones((1, 4)), "at least two frames"), (np.array([[1.0], [np.inf], [0.0]]), "finite features")],
)
def test_effective_rank_refuses_what_has_no_spectrum(features: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        effective_rank(features)


def test_slot_variance_hand_case() -> None:
    features = np.array([[0.0, 0.0, 5.0, 1.0], [2.0, 0.0, 5.0, 3.0]], dtype=np.float16)
    assert slot_variance(features, 2) == pytest.approx([0.5, 0.5])
    assert slot_variance(features, 4) == pytest.approx([1.0, 0.0, 0.0, 1.0])


def test_slot_variance_refuses_uneven_slots() -> None:
    with pytest.raises(ValueError, match="equally wide slots"):
        slot_variance(np.zeros((3, 10)), 4)


def test_collapse_panel_counts_dead_slots() -> None:
    features = numpy_generator(0, "features").standard_normal((100, 12)).astype(np.float32)
    features[:, 3:6] = 2.5
    panel = collapse_panel(features, num_slots=4)
    assert panel.num_dead_slots == 1
    assert panel.smallest_slot_variance == 0.0
    assert panel.median_slot_variance == pytest.approx(1.0, abs=0.2)
    assert 8.0 < panel.effective_rank < 9.0


def test_collapse_panel_calls_every_slot_dead_when_nothing_varies() -> None:
    assert collapse_panel(np.ones((10, 6), dtype=np.float32), num_slots=3).num_dead_slots == 3
