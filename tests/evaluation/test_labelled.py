from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rmr_gym.evaluation.labelled import LabelledFeatures, labelled_frames


@given(
    st.lists(st.integers(0, 6), min_size=1, max_size=60).map(np.array),
    st.integers(1, 70),
    st.integers(0, 3),
)
def test_labelled_frames_are_spread_evenly(episodes: np.ndarray, count: int, seed: int) -> None:
    rows = labelled_frames(episodes, count, seed=seed)
    assert len(rows) == min(count, len(episodes))
    assert (np.diff(rows) > 0).all()
    drawn = {name: int((episodes[rows] == name).sum()) for name in np.unique(episodes)}
    whole = {name: int((episodes == name).sum()) for name in drawn}
    most = max(drawn.values())
    assert all(number >= min(whole[name], most - 1) for name, number in drawn.items())


def test_labelled_frames_depend_on_the_seed() -> None:
    episodes = np.repeat(np.arange(10), 50)
    first, again, other = (labelled_frames(episodes, 100, seed=seed).tolist() for seed in (0, 0, 1))
    assert first == again
    assert first != other


def test_labelled_frames_takes_all_without_a_count() -> None:
    assert labelled_frames(np.array([3, 3, 1]), None, seed=0).tolist() == [0, 1, 2]


def test_labelled_features_refuse_arrays_of_different_frames() -> None:
    with pytest.raises(ValueError, match=r"\(3, 2, 3\) rows"):
        LabelledFeatures(
            features=np.zeros((3, 4), np.float16), ram=np.zeros((2, 4), np.uint8), episodes=np.zeros(3, int)
        )
