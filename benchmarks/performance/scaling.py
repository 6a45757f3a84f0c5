"""How the cost of messages grows with slots, batch and width, beside tensors that hold every pair of slots."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from benchmarks.performance.curves import Curve, Variant, sweep
from benchmarks.performance.harness import Work
from benchmarks.performance.settings import Settings
from rmr_gym.ops import Reduction, all_pairs_messages
from rmr_gym.seeding import derive

_BATCH, _SLOTS, _WIDTH = 8, 128, 64

SLOTS, BATCHES, WIDTHS = (32, 64, 128, 256, 512), (1, 5, 20, 50, 100, 200), (16, 32, 64, 128, 256)
_QUICK_SLOTS, _QUICK_BATCHES, _QUICK_WIDTHS = (4, 8, 16), (1, 2, 4), (4, 8, 16)

Shape = Callable[[int], tuple[int, int, int]]
"""Batch, slots and width at a value of what is varied."""


class Weights(NamedTuple):
    """Three layers of a message function on `[receiver, sender]`; all are as wide as a slot."""

    matrices: tuple[Tensor, Tensor, Tensor]
    """The first has twice as many columns as the others."""

    biases: tuple[Tensor, Tensor, Tensor]
    """Of the same layers."""


def measure(settings: Settings) -> list[Curve]:
    """Measure forward and backward, with gradients of the slots and of all weights.

    The dense implementation is the quicker of the two plain ones that we tried on a CPU: it concatenates all pairs,
    where an edge list has to gather them and scatter the messages back.
    """
    slots = _QUICK_SLOTS if settings.quick else SLOTS
    batches = _QUICK_BATCHES if settings.quick else BATCHES
    widths = _QUICK_WIDTHS if settings.quick else WIDTHS
    num_slots, width = (8, 8) if settings.quick else (_SLOTS, _WIDTH)
    batch = 2 if settings.quick else _BATCH

    def curves(panel: str, fixed: str, sizes: tuple[int, ...], shape: Shape, growth: float) -> list[Curve]:
        variants = _variants(shape, settings.device)
        return sweep(
            # The maximum of the dense one is drawn once: it takes most of the time and grows like its mean.
            [variant for variant in variants if panel == "number of slots" or variant.name != "dense, max"],
            sizes,
            panel=panel,
            work=f"messages, forward + backward, {fixed}",
            repeats=settings.repeats,
            growth=growth,
        )

    return [
        *curves("number of slots", f"batch {batch}, width {width}", slots, lambda size: (batch, size, width), 2.0),
        *curves("batch", f"{num_slots} slots, width {width}", batches, lambda size: (size, num_slots, width), 1.0),
        *curves("width", f"batch {batch}, {num_slots} slots", widths, lambda size: (batch, num_slots, size), 1.5),
    ]


def dense_messages(slots: Tensor, weights: Weights, *, reduction: Reduction) -> Tensor:
    """Compute messages the plain way: all pairs side by side, three layers, a reduction over the senders.

    Args:
        slots: `(batch, slot, dim)`.
        weights: of the message function.
        reduction: how messages are combined.
    """
    num_slots = slots.shape[1]
    receivers = slots.unsqueeze(2).expand(-1, -1, num_slots, -1)
    senders = slots.unsqueeze(1).expand(-1, num_slots, -1, -1)
    (first, hidden, output), (first_bias, hidden_bias, output_bias) = weights
    edges = functional.linear(torch.cat([receivers, senders], dim=-1), first, first_bias).relu()
    edges = functional.linear(edges, hidden, hidden_bias).relu()
    messages = functional.linear(edges, output, output_bias)
    if reduction == "max":
        return messages.amax(2)
    return messages.mean(2) if reduction == "mean" else messages.sum(2)


def our_messages(slots: Tensor, weights: Weights, *, reduction: Reduction) -> Tensor:
    """Compute the same by `rmr_gym.ops`, the two projections of its first layer included; see `dense_messages`."""
    of_receiver, of_sender = weights.matrices[0].chunk(2, dim=1)
    return all_pairs_messages(
        functional.linear(slots, of_receiver, weights.biases[0]),
        functional.linear(slots, of_sender),
        weights.matrices[1:],
        weights.biases[1:],
        reduction=reduction,
    )


def example(batch: int, num_slots: int, width: int, *, device: str = "cpu") -> tuple[Tensor, Weights]:
    """Draw slots and weights, all of which want a gradient."""
    generator = torch.Generator().manual_seed(derive(0, "scaling"))

    def draw(*shape: int, scale: float = 1.0) -> Tensor:
        return (torch.randn(*shape, generator=generator) * scale).to(device).requires_grad_()

    scale = width**-0.5
    slots = draw(batch, num_slots, width)
    matrices = (draw(width, 2 * width, scale=scale), draw(width, width, scale=scale), draw(width, width, scale=scale))
    return slots, Weights(matrices=matrices, biases=(draw(width), draw(width), draw(width)))


def _variants(shape: Shape, device: str) -> list[Variant]:
    def work(messages: Callable[..., Tensor], reduction: Reduction) -> Callable[[int], Work]:
        return lambda size: _forward_backward(messages, *shape(size), reduction=reduction, device=device)

    def dense_bytes(size: int) -> int:
        batch, num_slots, width = shape(size)
        # A pair holds its two slots, two hidden layers and the message; in the backward pass most of it once more.
        return 9 * 4 * batch * num_slots**2 * width

    return [
        Variant(name="rmr_gym, mean", prepare=work(our_messages, "mean")),
        Variant(name="dense, mean", prepare=work(dense_messages, "mean"), num_bytes=dense_bytes),
        Variant(name="rmr_gym, max", prepare=work(our_messages, "max")),
        Variant(name="dense, max", prepare=work(dense_messages, "max"), num_bytes=dense_bytes),
    ]


def _forward_backward(
    messages: Callable[..., Tensor], batch: int, num_slots: int, width: int, *, reduction: Reduction, device: str
) -> Work:
    slots, weights = example(batch, num_slots, width, device=device)
    grad = torch.ones(batch, num_slots, width, device=device)

    wanted = (slots, *weights.matrices, *weights.biases)

    def work() -> None:
        torch.autograd.grad(messages(slots, weights, reduction=reduction), wanted, grad)
        if torch.device(device).type == "cuda":
            torch.cuda.synchronize(device)

    return work
