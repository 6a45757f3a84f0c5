"""Which episodes are for validation."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rmr_gym.data.split import split_episodes

SKILLS = st.lists(st.sampled_from([0.0, 0.1, 0.5, 0.75, 1.0]), min_size=2, max_size=60)
FRACTIONS = st.floats(0.05, 0.95)


@given(SKILLS, FRACTIONS, st.integers(0, 1000))
def test_split_has_the_asked_size_and_both_halves(skills: list[float], fraction: float, seed: int) -> None:
    validation = split_episodes(skills, validation_fraction=fraction, seed=seed)
    assert validation.dtype == np.bool_
    assert validation.shape == (len(skills),)
    assert validation.sum() == min(max(round(fraction * len(skills)), 1), len(skills) - 1)


@given(st.integers(1, 8), st.integers(2, 8), st.sampled_from([0.25, 0.5]), st.integers(0, 1000))
def test_every_skill_is_in_both_halves_where_possible(groups: int, size: int, fraction: float, seed: int) -> None:
    skills = [group / 8 for group in range(groups)] * size
    validation = split_episodes(skills, validation_fraction=fraction, seed=seed)
    counts = Counter(np.asarray(skills)[validation].tolist())
    assert all(counts[skill] < size for skill in skills)
    if size * fraction >= 1 and (groups * size * fraction) % 1 == 0:
        assert set(counts) == set(skills)
    else:
        assert max(counts.values()) - min(counts.values()) <= 1


def test_split_of_the_paper_takes_half_of_96_episodes_of_32_players() -> None:
    skills = np.repeat(np.arange(32) / 31, 3)
    validation = split_episodes(skills.tolist(), validation_fraction=0.5, seed=0)
    assert validation.sum() == 48
    assert set(validation.reshape(32, 3).sum(axis=1).tolist()) == {1, 2}


def test_players_of_one_episode_take_turns_along_the_skills() -> None:
    skills = np.arange(16) / 15
    for seed in range(10):
        chosen = np.flatnonzero(split_episodes(skills.tolist(), validation_fraction=0.25, seed=seed))
        assert np.diff(chosen).tolist() == [4, 4, 4]


def test_split_depends_on_the_seed_alone() -> None:
    skills = [0.0] * 20
    splits = [tuple(split_episodes(skills, validation_fraction=0.25, seed=seed)) for seed in (0, 0, 1, 2, 3)]
    assert splits[0] == splits[1]
    assert len(set(splits)) == 4


@pytest.mark.parametrize("fraction", [0.0, 1.0, -0.5, float("nan")])
def test_split_refuses_a_fraction_that_leaves_a_half_empty(fraction: float) -> None:
    with pytest.raises(ValueError, match="validation_fraction between 0 and 1"):
        split_episodes([0.0, 1.0], validation_fraction=fraction, seed=0)


def test_split_needs_two_episodes() -> None:
    with pytest.raises(ValueError, match=r'at least two episodes.*split="all"'):
        split_episodes([0.5], validation_fraction=0.5, seed=0)
