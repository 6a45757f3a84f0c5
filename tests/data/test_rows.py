"""Index arithmetic over episodes that are laid end to end."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rmr_gym.data.rows import Rows, checked_indices


@given(st.lists(st.integers(2, 9), min_size=1, max_size=8), st.data())
def test_windows_are_all_that_fit_into_one_episode(lengths: list[int], data: st.DataObject) -> None:
    history = data.draw(st.integers(1, max(lengths) - 1))
    rows = Rows(lengths, history=history)
    frames = [(episode, place) for episode, length in enumerate(lengths) for place in range(length)]
    assert list(zip(rows.episode.tolist(), rows.place.tolist(), strict=True)) == frames
    expected = [(e, p) for e, length in enumerate(lengths) for p in range(length) if p + history < length]
    assert [frames[start] for start in rows.windows] == expected
    for start in rows.windows:
        assert {frames[row][0] for row in range(start, start + history + 1)} == {frames[start][0]}
    assert [frames[start] for start in rows.transitions] == [(e, p) for e, p in frames if p + 1 < lengths[e]]


def test_window_of_one_frame_is_a_transition() -> None:
    rows = Rows([3, 5, 2])
    np.testing.assert_array_equal(rows.windows, rows.transitions)
    assert len(rows) == 10


@pytest.mark.parametrize("history", [0, -1, 5, True])
def test_history_that_fits_no_episode_is_an_error(history: object) -> None:
    with pytest.raises(ValueError, match=rf"history as an integer in 1\.\.4, .*; got {history}"):
        Rows([3, 5, 2], history=history)  # type: ignore[arg-type]


def test_indices_out_of_range_are_an_error() -> None:
    assert checked_indices([2, 0, 2], 3, "Draw.").tolist() == [2, 0, 2]
    assert checked_indices([], 3, "Draw.").tolist() == []
    with pytest.raises(IndexError, match=r"integers in 0\.\.2; got int64 of shape \(2,\), 1 to 3\. Draw fewer\."):
        checked_indices([1, 3], 3, "Draw fewer.")
