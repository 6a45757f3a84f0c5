from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmarks.performance.ensembles import GeneratedTransitions, Sizes, measure
from benchmarks.performance.settings import Settings
from rmr_gym.training.seed_batches import transition_reader


def test_ensemble_is_compared_with_its_members_alone() -> None:
    (line,) = measure(Settings(repeats=1, quick=True))
    assert line.what.startswith("2 seeds x 2 arms, 2 updates of each, batch 8")
    assert line.ours.endswith("in_turn")
    assert (line.bar, line.direction) == (1.0, "at least")
    assert line.figure.lowest > 0


def test_sizes_on_a_cpu_are_those_of_the_bar() -> None:
    sizes = Sizes.of(Settings())
    assert (sizes.num_seeds, sizes.num_seeds_alone, sizes.batch_size) == (4, 4, 50)


def test_sizes_on_a_gpu_are_those_of_the_bar() -> None:
    sizes = Sizes.of(Settings(device="cuda"))
    assert (sizes.num_seeds, sizes.encoder.resolution) == (20, "210x160")
    assert sizes.num_seeds % sizes.num_seeds_alone == 0


@pytest.mark.parametrize("frames", ["stored", "resident"])
def test_generated_transitions_are_consecutive_frames(frames: str) -> None:
    dataset = GeneratedTransitions(6, (4, 5))
    indices = np.array([4, 0])
    read, pictures = transition_reader(dataset, frames, "cpu")(indices), dataset.frames(np.arange(6)).pixels
    assert len(dataset) == 5
    assert pictures is not None
    assert np.array_equal(read.pixels, pictures[indices])
    assert np.array_equal(read.next_pixels, pictures[indices + 1])
    assert np.array_equal(read.action, dataset.ram_transitions()[1][indices])
    assert np.array_equal(read.ram, dataset.ram[indices])
    assert read.action.dtype == torch.int64
