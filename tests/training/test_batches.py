import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rmr_gym.training.batches import BatchOrder, Prefetcher


@given(num_items=st.integers(1, 60), batch_size=st.integers(1, 20), seed=st.integers(0, 99))
def test_a_pass_visits_each_item_at_most_once(num_items: int, batch_size: int, seed: int) -> None:
    if num_items < batch_size:
        return
    order = BatchOrder(num_items=num_items, batch_size=batch_size, seed=seed)
    visited = np.concatenate([order.indices(step) for step in range(num_items // batch_size)])
    assert len(np.unique(visited)) == len(visited) == num_items // batch_size * batch_size


def test_batches_depend_on_seed_and_step_alone() -> None:
    first, second = (BatchOrder(num_items=100, batch_size=10, seed=4) for _ in range(2))
    forward = [first.indices(step) for step in range(25)]
    backward = [second.indices(step) for step in reversed(range(25))]
    assert all(np.array_equal(a, b) for a, b in zip(forward, reversed(backward), strict=True))
    other = BatchOrder(num_items=100, batch_size=10, seed=5)
    assert not np.array_equal(first.indices(0), other.indices(0))
    assert not np.array_equal(first.indices(0), first.indices(10))  # passes are shuffled anew


def test_permutation_holds_every_sample_once() -> None:
    order = BatchOrder(num_items=50, batch_size=8, seed=0)
    assert sorted(order.permutation(3)) == list(range(8))
    assert not np.array_equal(order.permutation(3), order.permutation(4))


def test_order_refuses_a_data_set_smaller_than_a_batch() -> None:
    with pytest.raises(ValueError, match=r"at least 50 transitions.*got 7.*lower batch_size"):
        BatchOrder(num_items=7, batch_size=50, seed=0)


def test_prefetcher_gives_each_step_its_own_batch_from_another_thread() -> None:
    threads = set()

    def make(step: int) -> int:
        threads.add(threading.get_ident())
        return step * step

    with Prefetcher(make) as batches:
        assert [batches[step] for step in (3, 4, 5, 9, 0)] == [9, 16, 25, 81, 0]
    assert threads.isdisjoint({threading.get_ident()})


def test_prefetcher_passes_on_errors() -> None:
    def make(step: int) -> int:
        if step == 2:
            raise OSError("disk gone")
        return step

    with Prefetcher(make) as batches:
        assert batches[1] == 1
        with pytest.raises(OSError, match="disk gone"):
            batches[2]
