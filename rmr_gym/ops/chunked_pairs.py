"""Message passing over all pairs in plain PyTorch, without ever holding all edges.

Every function takes a leading ensemble axis with weights of its own. The backward passes make the edges again, chunk by
chunk. All that is kept of them is a bit per unit of the last hidden layer: for a mean it is enough to know which ReLUs
were open, and its backward pass is spared one matrix product.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from rmr_gym.ops.edge_chunks import Chunk, Edges, close_where_negative
from rmr_gym.ops.edge_products import edge_layer, edge_layer_backward
from rmr_gym.ops.unit_bits import pack_open_, unpack_open


class PairGradients(NamedTuple):
    """Gradients of `mean_forward` or `max_forward`; the lists are empty where weights need none."""

    receiver: Float[Tensor, "ensemble batch slot hidden"]
    sender: Float[Tensor, "ensemble batch slot hidden"]
    weights: list[Tensor]
    biases: list[Tensor]


def mean_forward(
    receiver: Float[Tensor, "ensemble batch slot hidden"],
    sender: Float[Tensor, "ensemble batch slot hidden"],
    weights: Sequence[Float[Tensor, "ensemble _ _"]],
    biases: Sequence[Float[Tensor, "ensemble _"]],
    *,
    open_units: UInt8[Tensor, "ensemble batch slot byte"] | None = None,
) -> Float[Tensor, "ensemble batch slot last"]:
    """Average the last hidden layer of all edges into a slot.

    Args:
        receiver: first layer applied to the receiving slots, with its bias.
        sender: first layer applied to the sending slots, without bias.
        weights: of the hidden layers after the first, at least one.
        biases: of the same layers.
        open_units: takes one bit per sender and unit of the last layer, for `mean_backward`.
    """
    mean = receiver.new_empty(*receiver.shape[:3], weights[-1].shape[1])
    for member in range(len(receiver)):
        edges = Edges(receiver[member], sender[member], _of(weights, member), _of(biases, member))
        for chunk in edges.chunks():
            last = edges.hidden(chunk)[-1]
            torch.mean(last, dim=2, out=chunk.of(mean[member]))
            if open_units is not None:
                chunk.of(open_units[member]).copy_(pack_open_(last))
            del last  # the next chunk finds its memory free, and in the cache
    return mean


def mean_backward(
    grad_mean: Float[Tensor, "ensemble batch slot last"],
    receiver: Float[Tensor, "ensemble batch slot hidden"],
    sender: Float[Tensor, "ensemble batch slot hidden"],
    weights: Sequence[Float[Tensor, "ensemble _ _"]],
    biases: Sequence[Float[Tensor, "ensemble _"]],
    *,
    needs_weights: bool,
    open_units: UInt8[Tensor, "ensemble batch slot byte"] | None = None,
) -> PairGradients:
    """Propagate the gradients of the means back; see `mean_forward`.

    Args:
        grad_mean: of the means.
        receiver: as in the forward pass.
        sender: as in the forward pass.
        weights: as in the forward pass.
        biases: as in the forward pass.
        needs_weights: whether weights and biases get gradients, too.
        open_units: from the forward pass; without it the last layer is made again.
    """
    sums = _Sums(weights, biases, wanted=needs_weights)
    grad_receiver, grad_sender = torch.empty_like(receiver), _zeros_to_sum(sender)
    grad_edge = (grad_mean / receiver.shape[2]).unsqueeze(3)
    for member in range(len(receiver)):
        edges = Edges(receiver[member], sender[member], _of(weights, member), _of(biases, member))
        for chunk in edges.chunks():
            bits = None if open_units is None else chunk.of(open_units[member])
            grad = _to_first_layer(edges, chunk, chunk.of(grad_edge[member]), bits, sums.of(member))
            torch.sum(grad, 2, out=chunk.of(grad_receiver[member]))
            grad_sender[member, chunk.samples] += grad.sum(1)
            del grad  # as in the forward pass
    return PairGradients(grad_receiver, grad_sender.to(sender.dtype), sums.weights, sums.biases)


def _to_first_layer(
    edges: Edges, chunk: Chunk, grad: Tensor, bits: Tensor | None, sums: list[tuple[Tensor, Tensor]]
) -> Float[Tensor, "sample receiver edge hidden"]:
    """Propagate the gradient of the means, alike for all senders, to before the first layer's ReLU."""
    if bits is None:
        *layers, last = edges.hidden(chunk)
        grad = close_where_negative(grad.expand_as(last), last, out=last)
    else:
        layers = edges.hidden_but_last(chunk, only_signs=not sums)
        grad = unpack_open(bits, grad.shape[-1], grad.dtype).mul_(grad)
    return edges.backward(layers, grad, sums)


def max_forward(
    receiver: Float[Tensor, "ensemble batch slot hidden"],
    sender: Float[Tensor, "ensemble batch slot hidden"],
    weights: Sequence[Float[Tensor, "ensemble _ _"]],
    biases: Sequence[Float[Tensor, "ensemble _"]],
) -> tuple[Float[Tensor, "ensemble batch slot dim"], Int[Tensor, "ensemble batch slot dim"]]:
    """Take the maximum of the messages into a slot.

    Args:
        receiver: first layer applied to the receiving slots, with its bias.
        sender: first layer applied to the sending slots, without bias.
        weights: of the hidden layers after the first, and of the linear output layer.
        biases: of the hidden layers after the first; the output layer's does not move the choice.

    Returns:
        Maxima without the bias of the output layer, and the sender that won each (the first of equals).
    """
    *hidden, output = weights
    maximum = receiver.new_empty(*receiver.shape[:3], output.shape[1])
    winner = torch.empty(maximum.shape, dtype=torch.int64, device=maximum.device)
    for member in range(len(receiver)):
        edges = Edges(receiver[member], sender[member], _of(hidden, member), _of(biases, member))
        for chunk in edges.chunks(output.shape[1]):
            messages = edge_layer(edges.hidden(chunk)[-1], output[member], output.new_zeros(output.shape[1]))
            torch.max(messages, dim=2, out=(chunk.of(maximum[member]), chunk.of(winner[member])))
    return maximum, winner


def max_backward(
    grad_maximum: Float[Tensor, "ensemble batch slot dim"],
    receiver: Float[Tensor, "ensemble batch slot hidden"],
    sender: Float[Tensor, "ensemble batch slot hidden"],
    winner: Int[Tensor, "ensemble batch slot dim"],
    weights: Sequence[Float[Tensor, "ensemble _ _"]],
    biases: Sequence[Float[Tensor, "ensemble _"]],
    *,
    needs_weights: bool,
) -> PairGradients:
    """Propagate the gradients of the maxima back to the winners only; see `max_forward`."""
    *hidden, output = weights
    sums = _Sums(weights, biases, wanted=needs_weights)
    grad_receiver, grad_sender = torch.empty_like(receiver), _zeros_to_sum(sender)
    propagate = _to_winners if output.shape[1] < receiver.shape[2] else _to_all
    for member in range(len(receiver)):
        edges = Edges(receiver[member], sender[member], _of(hidden, member), _of(biases, member))
        for chunk in edges.chunks(output.shape[1]):
            won, grad = chunk.of(winner[member]), chunk.of(grad_maximum[member])
            found = propagate(edges, chunk, won, grad, output[member], sums.of(member))
            if found.output is not None:
                sums.weights[-1][member] += found.output
            torch.sum(found.first, 2, out=chunk.of(grad_receiver[member]))
            grad_sender[member, chunk.samples] += found.sender
    return PairGradients(grad_receiver, grad_sender.to(sender.dtype), sums.weights, sums.biases)


class _ChunkGradients(NamedTuple):
    first: Float[Tensor, "sample receiver edge hidden"]
    sender: Float[Tensor, "sample slot hidden"]
    output: Float[Tensor, "dim last"] | None


def _to_winners(
    edges: Edges, chunk: Chunk, won: Tensor, grad: Tensor, output: Tensor, sums: list[tuple[Tensor, Tensor]]
) -> _ChunkGradients:
    """Make those edges again that have won, one for each number of the maxima.

    An edge that has won several numbers is made several times, since telling equal ones apart would cost more.
    """
    *layers, last = edges.hidden_from(chunk, won)
    grad = grad.unsqueeze(3)
    grad_output = (grad * last).sum((0, 1)) if sums else None
    first = edges.backward(layers, close_where_negative(grad * output, last, out=last), sums)
    index = won.flatten(1).unsqueeze(2).expand(-1, -1, first.shape[3])
    senders = _zeros_to_sum(first.new_empty(len(won), edges.num_slots, first.shape[3]))
    return _ChunkGradients(first, senders.scatter_add_(1, index, first.flatten(1, 2).to(senders.dtype)), grad_output)


def _to_all(
    edges: Edges, chunk: Chunk, won: Tensor, grad: Tensor, output: Tensor, sums: list[tuple[Tensor, Tensor]]
) -> _ChunkGradients:
    """Make all edges again; most gradients of their messages are zero."""
    *layers, last = edges.hidden(chunk)
    grad_messages = grad.new_zeros(*last.shape[:3], len(output)).scatter_(2, won.unsqueeze(2), grad.unsqueeze(2))
    grad_last, grad_output = edge_layer_backward(grad_messages, last, output, needs_weight=bool(sums))
    first = edges.backward(layers, close_where_negative(grad_last, last, out=last), sums)
    return _ChunkGradients(first, first.sum(1), grad_output)


class _Sums:
    """Gradients of weights and biases, added up over the chunks."""

    def __init__(self, weights: Sequence[Tensor], biases: Sequence[Tensor], *, wanted: bool) -> None:
        self.weights, self.biases = ([_zeros_to_sum(one) for one in many if wanted] for many in (weights, biases))

    def of(self, member: int) -> list[tuple[Tensor, Tensor]]:
        """Return the pairs of the layers that have both."""
        return [(weight[member], bias[member]) for weight, bias in zip(self.weights, self.biases, strict=False)]


def _zeros_to_sum(like: Tensor) -> Tensor:
    """Return zeros to add to: in float32 or wider, since bfloat16 would stop growing after a few chunks."""
    return torch.zeros_like(like, dtype=torch.promote_types(like.dtype, torch.float32))


def _of(many: Sequence[Tensor], member: int) -> list[Tensor]:
    return [one[member] for one in many]
