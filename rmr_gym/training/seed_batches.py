"""Batches of several seeds of the natural stage, read once for all arms."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple, get_args

import numpy as np
import torch
from jaxtyping import Int64, UInt8
from torch import Tensor

from rmr_gym.data import TransitionDataset
from rmr_gym.errors import require_choice
from rmr_gym.objectives import NaturalBatch
from rmr_gym.training.batches import BatchOrder, Prefetcher

Frames = Literal["auto", "stored", "resident"]
"""Where frames come from. `stored`: decoded for every batch. `resident`: decoded once and kept on the device. `auto`:
resident on a GPU where they take up at most half of its free memory, else stored."""

_DECODED_AT_ONCE = 1_000


class Transitions(NamedTuple):
    """Transitions on the device of the networks."""

    pixels: UInt8[Tensor, "batch channel height width"]
    action: Int64[Tensor, " batch"]
    next_pixels: UInt8[Tensor, "batch channel height width"]
    ram: UInt8[Tensor, "batch slot"]


ReadTransitions = Callable[[Int64[np.ndarray, " batch"]], Transitions]


class SeedBatches:
    """The batch of each seed at every step, made in a thread while the step before is computed.

    Asking again for the same step returns the same tensors: arms of a seed share its batch.

    Args:
        read: reads transitions by index, see `transition_reader`.
        orders: order of the batches of each seed, all of one batch size.
        device: where the networks are.
    """

    def __init__(self, read: ReadTransitions, orders: Mapping[int, BatchOrder], device: str) -> None:
        self._read, self._orders, self._device = read, orders, device
        self._prefetcher = Prefetcher(self._make)
        self._step, self._batches = -1, dict[int, NaturalBatch]()

    def __enter__(self) -> SeedBatches:
        """Start."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the thread; batches under way are dropped."""
        self._prefetcher.__exit__()

    def batch(self, step: int, seed: int) -> NaturalBatch:
        """Return the batch of a seed at a step."""
        if step != self._step:
            self._batches, self._step = self._prefetcher[step], step
        return self._batches[seed]

    def _make(self, step: int) -> dict[int, NaturalBatch]:
        """Read the batches of all seeds in one go, and cut them apart."""
        indices = [order.indices(step) for order in self._orders.values()]
        rows = self._read(np.concatenate(indices))
        parts = zip(*(torch.split(part, len(indices[0])) for part in rows), strict=True)
        permutations = (torch.from_numpy(order.permutation(step)).to(self._device) for order in self._orders.values())
        return {
            seed: NaturalBatch(pixels, action, next_pixels, permutation, ram)
            for seed, permutation, (pixels, action, next_pixels, ram) in zip(
                self._orders, permutations, parts, strict=True
            )
        }


def check_frame_place(frames: str) -> None:
    """Refuse a place for frames that there is not.

    Raises:
        ValueError: when `frames` is unknown.
    """
    require_choice("place for frames", frames, get_args(Frames))


def transition_reader(dataset: TransitionDataset, frames: str, device: str) -> ReadTransitions:
    """Return the function that reads transitions of a data set to a device.

    Args:
        dataset: a split of a game.
        frames: whether frames are decoded for every batch, or once.
        device: where the networks are.

    Raises:
        ValueError: when `frames` is unknown.
    """
    check_frame_place(frames)
    if frames == "resident" or (frames == "auto" and _fits(dataset, device)):
        return _resident(dataset, device)

    def read(indices: Int64[np.ndarray, " batch"]) -> Transitions:
        rows = dataset.batch(indices)
        arrays = (rows.pixels, rows.action, rows.next_pixels, rows.ram)
        return Transitions(*(torch.from_numpy(array).to(device) for array in arrays))

    return read


def _fits(dataset: TransitionDataset, device: str) -> bool:
    if torch.device(device).type != "cuda":
        return False
    pixels = dataset.frames([0]).pixels
    assert pixels is not None
    return 2 * dataset.num_frames * math.prod(pixels.shape) <= torch.cuda.mem_get_info(device)[0]


def _resident(dataset: TransitionDataset, device: str) -> ReadTransitions:
    """Decode all frames to the device: 2.4 GB for 48 episodes of 1,500 steps at 210x160."""
    parts = []
    for start in range(0, dataset.num_frames, _DECODED_AT_ONCE):
        pixels = dataset.frames(np.arange(start, min(start + _DECODED_AT_ONCE, dataset.num_frames))).pixels
        assert pixels is not None
        parts.append(torch.from_numpy(pixels).to(device))
    frames, ram = torch.cat(parts), torch.from_numpy(dataset.ram).to(device)
    actions = torch.from_numpy(dataset.ram_transitions()[1]).to(device)
    # A transition begins at every frame that another frame of its episode follows.
    begins = np.flatnonzero(dataset.frame_episode[1:] == dataset.frame_episode[:-1])
    rows_of = torch.from_numpy(begins).to(device)

    def read(indices: Int64[np.ndarray, " batch"]) -> Transitions:
        chosen = torch.from_numpy(indices).to(device)
        rows = rows_of[chosen]
        return Transitions(frames[rows], actions[chosen], frames[rows + 1], ram[rows])

    return read
