"""Pairs of memory and action that occur more than once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rmr_gym.data import TransitionDataset, collect
from rmr_gym.data.determinism import RepeatedPairs, as_keys, count_repeated_pairs
from rmr_gym.players import RandomPlayer, RandomPlayerConfig


def test_repeated_pairs_are_counted_by_hand() -> None:
    ram = np.zeros((7, 128), dtype=np.uint8)
    ram[:, 127] = [1, 1, 1, 2, 2, 3, 3]
    actions = np.array([0, 0, 5, 0, 0, 17, 17], dtype=np.int64)
    after = np.zeros_like(ram)
    after[:, 0] = [4, 4, 9, 5, 6, 7, 7]
    # (1, 0) twice alike, (1, 5) once, (2, 0) twice with two outcomes, (3, 17) twice alike.
    assert count_repeated_pairs(ram, actions, after) == RepeatedPairs(num_pairs=4, num_repeated=3, num_ambiguous=1)
    assert count_repeated_pairs(ram, actions, after).unique_fraction == pytest.approx(2 / 3)


def test_nothing_repeated_has_no_fraction() -> None:
    ram = np.eye(3, 128, dtype=np.uint8)
    counted = count_repeated_pairs(ram, [0, 0, 0], ram)
    assert counted == RepeatedPairs(num_pairs=3, num_repeated=0, num_ambiguous=0)
    assert counted.unique_fraction is None
    empty = np.empty((0, 128), dtype=np.uint8)
    assert count_repeated_pairs(empty, [], empty).num_pairs == 0


def test_keys_are_equal_where_all_bytes_are() -> None:
    rows = np.array([[0, 0], [0, 1], [0, 0]], dtype=np.uint8)
    assert len(np.unique(as_keys(rows))) == 2
    assert len(np.unique(as_keys(rows[:, ::-1]))) == 2  # not contiguous


def test_recorded_play_repeats_itself_without_sticky_actions(tmp_path: Path) -> None:
    # The same short lead from the same few starts: episodes of one persistent player repeat each other's openings.
    player = RandomPlayer(RandomPlayerConfig(persistence=0.95, fire_burst=0.0))
    collect(tmp_path, "breakout", num_episodes=12, max_steps_per_episode=20, players=[player], noop_max=2)
    counted = count_repeated_pairs(*TransitionDataset(tmp_path, split="all").ram_transitions())
    assert counted.num_repeated > 10
    assert counted.num_ambiguous == 0
