import numpy as np
import pytest
import torch

from rmr_gym.data import TransitionDataset
from rmr_gym.training.batches import BatchOrder
from rmr_gym.training.seed_batches import SeedBatches, transition_reader


def test_resident_frames_give_the_stored_transitions(pong: TransitionDataset) -> None:
    stored, resident = (transition_reader(pong, frames, "cpu") for frames in ("stored", "resident"))
    for indices in (np.arange(len(pong)), np.array([5, 5, len(pong) - 1, 0])):
        for expected, found in zip(stored(indices), resident(indices), strict=True):
            assert expected.dtype == found.dtype
            assert torch.equal(expected, found)


def test_each_seed_gets_its_own_order_and_permutation(pong: TransitionDataset) -> None:
    orders = {seed: BatchOrder(num_items=len(pong), batch_size=8, seed=seed) for seed in (3, 7)}
    with SeedBatches(transition_reader(pong, "stored", "cpu"), orders, "cpu") as batches:
        for step in (0, 1, 5):
            for seed, order in orders.items():
                found, expected = batches.batch(step, seed), pong.batch(order.indices(step))
                assert np.array_equal(found.pixels, expected.pixels)
                assert np.array_equal(found.action, expected.action)
                assert np.array_equal(found.next_pixels, expected.next_pixels)
                assert np.array_equal(found.ram, expected.ram)
                assert np.array_equal(found.permutation, order.permutation(step))
                assert batches.batch(step, seed).pixels is found.pixels


def test_unknown_place_for_frames_is_refused(pong: TransitionDataset) -> None:
    with pytest.raises(ValueError, match="auto, stored, resident"):
        transition_reader(pong, "disk", "cpu")
