"""The comparison of message functions runs, and compares functions that compute the same."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.performance.message_peers import (
    LAYOUTS,
    DenseMessages,
    EdgeListMessages,
    OurMessages,
    ScatterMessages,
    bare_products,
    message_mlp,
)
from benchmarks.performance.messages import CONVOLUTIONS, DENSE, GEOMETRIC, OURS, PRODUCTS, SCATTER, measure
from benchmarks.performance.peak_memory import extra_peak_bytes
from benchmarks.performance.settings import Settings
from rmr_gym.models.blocks import initial_weights
from rmr_gym.ops import Reduction

PEERS = {
    **{layout: functools.partial(EdgeListMessages, layout=layout) for layout in LAYOUTS},
    SCATTER: ScatterMessages,
    DENSE: DenseMessages,
}


def messages_and_gradients(module: nn.Module, mlp: nn.Module, slots: Tensor, grad: Tensor) -> list[Tensor]:
    messages = module(slots)
    return [messages, *torch.autograd.grad((messages * grad).sum(), [slots, *mlp.parameters()])]


@pytest.mark.parametrize("reduction", ["mean", "sum", "max"])
@pytest.mark.parametrize("peer", PEERS)
def test_peers_compute_what_we_compute(peer: str, reduction: Reduction) -> None:
    with initial_weights(0):
        mlp = message_mlp(5).double()
    generator = torch.Generator().manual_seed(0)
    slots, grad = torch.randn(2, 3, 7, 5, dtype=torch.float64, generator=generator)
    slots.requires_grad_()
    ours = messages_and_gradients(OurMessages(mlp, reduction), mlp, slots, grad)
    theirs = messages_and_gradients(PEERS[peer](mlp, reduction), mlp, slots, grad)
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("weights", [True, False])
def test_bare_products_are_the_same_number_of_products_of_the_same_size(weights: bool) -> None:
    flops = []
    for convolution in (False, True):
        work = bare_products(3, 8, 4, weights=weights, convolution=convolution)
        with FlopCounterMode(display=False) as counter:
            work()
        flops.append(counter.get_total_flops())
    assert flops == [3 * (3 if weights else 2) * 2 * 8 * 8 * 4 * 4] * 2


def test_extra_memory_is_what_the_work_takes() -> None:
    prepare = functools.partial(functools.partial, np.ones, 64 << 20, dtype=np.uint8)
    assert 63 << 20 < extra_peak_bytes(prepare) < 80 << 20


def test_measure_gives_a_line_for_every_peer_and_every_bar_of_the_issue() -> None:
    lines = measure(Settings(repeats=1, quick=True))
    assert {line.peer for line in lines} == {GEOMETRIC, SCATTER, DENSE, PRODUCTS, CONVOLUTIONS}
    assert {line.ours for line in lines} == {OURS}
    bars = {(line.peer, line.direction, line.unit): line.bar for line in lines if line.bar is not None and line.bar < 8}
    assert bars == {
        (GEOMETRIC, "at least", "x"): 3.0,
        (GEOMETRIC, "at most", "share"): 1 / 20,
        (PRODUCTS, "at most", "times as long"): 1.6,
    }
    assert [line.what for line in lines if line.bar == 8] == [
        "message function, forward + backward, mean, 2 x 8 slots x 4"
    ]
    assert all(line.figure.lowest <= line.figure.median <= line.figure.highest for line in lines)
    assert all(line.figure.lowest > 0 for line in lines if line.unit != "share")
