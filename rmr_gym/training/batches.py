"""Which samples make up which batch: a function of the seed and the step, and of nothing else."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

import numpy as np
from jaxtyping import Int64

from rmr_gym.errors import explain
from rmr_gym.seeding import numpy_generator

T = TypeVar("T")


class BatchOrder:
    """Shuffled passes over a data set, addressed by step.

    Arms of one seed see identical batches, and a resumed run goes on where it was, since no state is carried.

    Args:
        num_items: size of the data set.
        batch_size: items per batch; the last, smaller batch of a pass is left out.
        seed: seed of the experiment.

    Raises:
        ValueError: when the data set is smaller than a batch.
    """

    def __init__(self, *, num_items: int, batch_size: int, seed: int) -> None:
        check_batch_size(num_items, batch_size)
        self._num_items, self._batch_size, self._seed = num_items, batch_size, seed
        self._pass, self._order = -1, np.empty(0, np.int64)

    def indices(self, step: int) -> Int64[np.ndarray, " batch"]:
        """Return the items of a batch."""
        number, position = divmod(step, self._num_items // self._batch_size)
        if number != self._pass:
            self._pass = number
            self._order = numpy_generator(self._seed, "batches", number).permutation(self._num_items)
        start = position * self._batch_size
        return self._order[start : start + self._batch_size]

    def permutation(self, step: int) -> Int64[np.ndarray, " batch"]:
        """Return the permutation that pairs each sample with its negative."""
        return numpy_generator(self._seed, "negatives", step).permutation(self._batch_size)


def check_batch_size(num_items: int, batch_size: int) -> None:
    """Refuse batches larger than the data set, for callers who want to know before they begin.

    Raises:
        ValueError: when the data set is smaller than a batch.
    """
    if num_items < batch_size:
        expected = f"at least {batch_size} transitions, one batch"
        raise ValueError(explain(expected=expected, got=num_items, fix="Collect more or lower batch_size."))


class Prefetcher(Generic[T]):
    """Makes the batch of the next step in a thread while the current one is used.

    Args:
        make: maps a step to its batch; called from the thread, one call at a time.
    """

    def __init__(self, make: Callable[[int], T]) -> None:
        self._make = make
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="rmr-batches")
        self._pending: dict[int, Future[T]] = {}

    def __enter__(self) -> Prefetcher[T]:
        """Start."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the thread; a batch under way is dropped."""
        self._thread.shutdown(wait=True, cancel_futures=True)

    def __getitem__(self, step: int) -> T:
        """Return the batch of `step` and start on the next."""
        future = self._pending.pop(step, None) or self._thread.submit(self._make, step)
        self._pending = {step + 1: self._thread.submit(self._make, step + 1)}
        return future.result()
