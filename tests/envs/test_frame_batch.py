"""Pictures that are made together, against those that are made one by one."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from rmr_gym.envs.console import Console, ConsoleConfig
from rmr_gym.envs.frame_batch import FrameBatch
from rmr_gym.envs.frames import pool_frames


def filled(size: int, gray: NDArray[np.uint8] | None) -> FrameBatch:
    """Frames that differ from each other in a few pixels, as those of a game do."""
    generator, batch = np.random.default_rng(0), FrameBatch(size, gray)
    batch.later[:] = generator.integers(256, size=batch.later.shape, dtype=np.uint8)
    batch.earlier[:] = batch.later
    batch.earlier[:, 20:30, 7:19] = generator.integers(256, size=(size, 10, 12), dtype=np.uint8)
    return batch


def test_pictures_are_pooled_by_luminance_and_can_be_made_again() -> None:
    gray = np.random.default_rng(1).integers(8, size=256, dtype=np.uint8)  # with many ties
    batch = filled(5, gray)
    earlier, later = batch.earlier.copy(), batch.later.copy()
    rows = [{"earlier_gray": gray[first], "later_gray": gray[last]} for first, last in zip(earlier, later, strict=True)]
    expected = np.stack([pool_frames(*pair, **row) for *pair, row in zip(earlier, later, rows, strict=True)])
    np.testing.assert_array_equal(batch.pictures(2, 4), expected[2:4])
    np.testing.assert_array_equal(batch.earlier[[0, 1, 4]], earlier[[0, 1, 4]])
    np.testing.assert_array_equal(batch.pictures(0, 5), expected)
    np.testing.assert_array_equal(batch.pictures(0, 5), expected)
    np.testing.assert_array_equal(batch.later, later)
    assert len(batch) == 5


def test_pictures_without_pooling_are_the_last_frames() -> None:
    batch = filled(3, None)
    assert batch.pictures(1, 3).base is batch.later
    np.testing.assert_array_equal(batch.pictures(1, 3), batch.later[1:])


@pytest.mark.parametrize("max_pool", [True, False])
@pytest.mark.parametrize("frame_skip", [1, 2, 3, 4])
@pytest.mark.parametrize("size", [1, 7])
def test_console_fills_a_batch_with_what_its_steps_show(size: int, frame_skip: int, max_pool: bool) -> None:
    config = ConsoleConfig(game="berzerk", frame_skip=frame_skip, max_pool=max_pool)
    alone, together = Console(config), Console(config)
    actions = np.random.default_rng(2).integers(18, size=4_000).tolist()
    alone.reset(0), together.reset(0)
    batch, expected, terminated = together.new_batch(size), [], False
    for number, action in enumerate(actions):
        pair, *outcome = alone.step(action)
        ram, *same = together.step_into(batch, number % size, action)
        np.testing.assert_array_equal(ram, pair.ram)
        assert same == outcome
        expected.append(pair.screen)
        terminated = bool(outcome[1])
        if len(expected) == size or terminated:
            np.testing.assert_array_equal(batch.pictures(0, len(expected)), expected)
            expected.clear()
        if terminated:
            break
    assert terminated
