from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rmr_gym.evaluation.probes.hold_out import hold_out_episodes


@given(
    st.lists(st.integers(0, 9), min_size=2, max_size=60).map(np.array),
    st.floats(0, 0.99),
    st.integers(0, 5),
)
def test_hold_out_episodes_splits_between_episodes(episodes: np.ndarray, fraction: float, seed: int) -> None:
    kept, held = hold_out_episodes(episodes, fraction, seed=seed)
    assert sorted([*kept, *held]) == list(range(len(episodes)))
    assert len(kept) > 0
    assert (len(held) > 0) == (fraction > 0)
    if len(np.unique(episodes)) > 1:
        assert not set(episodes[kept]) & set(episodes[held])


def test_hold_out_episodes_holds_out_the_share() -> None:
    episodes = np.repeat(np.arange(40), 3)
    _, held = hold_out_episodes(episodes, 0.1, seed=0)
    assert len(np.unique(episodes[held])) == 4
    assert len(held) == 12


def test_hold_out_episodes_depends_on_the_seed_only() -> None:
    episodes = np.repeat(np.arange(40), 3)
    first, again, other = (hold_out_episodes(episodes, 0.1, seed=seed)[1].tolist() for seed in (0, 0, 1))
    assert first == again
    assert first != other


def test_hold_out_episodes_takes_the_last_frames_of_a_single_episode() -> None:
    kept, held = hold_out_episodes(np.zeros(20, np.int64), 0.1, seed=0)
    assert kept.tolist() == list(range(18))
    assert held.tolist() == [18, 19]


def test_hold_out_episodes_leaves_one_of_two() -> None:
    kept, held = hold_out_episodes(np.array([4, 4, 7]), 0.9, seed=0)
    assert len(kept) > 0
    assert len(held) > 0


def test_hold_out_episodes_refuses_a_single_frame() -> None:
    with pytest.raises(ValueError, match="at least two labelled frames"):
        hold_out_episodes(np.array([3]), 0.1, seed=0)
    assert hold_out_episodes(np.array([3]), 0.0, seed=0)[0].tolist() == [0]
