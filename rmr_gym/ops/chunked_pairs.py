"""Message passing over all pairs in plain PyTorch, without ever holding all edges.

Every function takes a leading ensemble axis with weights of its own. The only thing of the size of all edges is one
bit per unit, which tells the backward pass where the last ReLU was open and saves it one of its matrix products.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from rmr_gym.ops.edge_chunks import Edges, pack_positive, unpack_positive


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
    keep_activity: bool,
) -> tuple[Float[Tensor, "ensemble batch slot last"], UInt8[Tensor, "ensemble batch slot byte"]]:
    """Average the last hidden layer of all edges into a slot.

    Args:
        receiver: first layer applied to the receiving slots, with its bias.
        sender: first layer applied to the sending slots, without bias.
        weights: of the hidden layers after the first, at least one.
        biases: of the same layers.
        keep_activity: whether to return where the last ReLU was open, for `mean_backward`.

    Returns:
        Means, and one bit per edge and unit of the last layer (no bytes without `keep_activity`).
    """
    num_members, batch, num_slots, _ = receiver.shape
    last = weights[-1].shape[1]
    mean = receiver.new_empty(num_members, batch, num_slots, last)
    num_bytes = math.ceil(num_slots * last / 8) if keep_activity else 0
    activity = torch.empty(num_members, batch, num_slots, num_bytes, dtype=torch.uint8, device=receiver.device)
    for member in range(num_members):
        edges = Edges(receiver[member], sender[member], _of(weights, member), _of(biases, member))
        for chunk in edges.chunks():
            rows = edges.hidden(chunk)[-1]
            torch.mean(chunk.per_edge(rows), dim=2, out=chunk.of_receivers(mean[member]))
            if keep_activity:
                bits = chunk.of_receivers(activity[member]).flatten(0, 1)
                pack_positive(rows.view(len(bits), -1), bits)
    return mean, activity


def mean_backward(
    grad_mean: Float[Tensor, "ensemble batch slot last"],
    receiver: Float[Tensor, "ensemble batch slot hidden"],
    sender: Float[Tensor, "ensemble batch slot hidden"],
    activity: UInt8[Tensor, "ensemble batch slot byte"],
    weights: Sequence[Float[Tensor, "ensemble _ _"]],
    biases: Sequence[Float[Tensor, "ensemble _"]],
    *,
    needs_weights: bool,
) -> PairGradients:
    """Propagate the gradients of the means back; see `mean_forward`.

    The last hidden layer is not computed again: a mean needs no more of it than where its ReLU was open.
    """
    sums = _Sums(weights, biases, wanted=needs_weights)
    grad_receiver, grad_sender = torch.empty_like(receiver), torch.zeros_like(sender)
    grad_edge = (grad_mean / receiver.shape[2]).unsqueeze(3)
    for member in range(len(receiver)):
        edges = Edges(receiver[member], sender[member], _of(weights, member), _of(biases, member))
        for chunk in edges.chunks():
            layers = edges.hidden(chunk, num_layers=len(weights) - 1)
            grad = edges.buffer("last", chunk.num_edges, weights[-1].shape[1])
            bits = chunk.of_receivers(activity[member]).flatten(0, 1)
            unpack_positive(bits, grad.view(len(bits), -1))
            chunk.per_edge(grad).mul_(chunk.of_receivers(grad_edge[member]))
            grad = edges.backward(layers, grad, sums.of(member))
            chunk.add_gradients(grad, grad_receiver[member], grad_sender[member])
    return PairGradients(grad_receiver, grad_sender, sums.weights, sums.biases)


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
            messages = edges.buffer("messages", chunk.num_edges, output.shape[1])
            torch.mm(edges.hidden(chunk)[-1], output[member].t(), out=messages)
            out = chunk.of_receivers(maximum[member]), chunk.of_receivers(winner[member])
            torch.max(chunk.per_edge(messages), dim=2, out=out)
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
    grad_receiver, grad_sender = torch.empty_like(receiver), torch.zeros_like(sender)
    for member in range(len(receiver)):
        edges = Edges(receiver[member], sender[member], _of(hidden, member), _of(biases, member))
        for chunk in edges.chunks(output.shape[1]):
            won, rows = _winning_edges(chunk.of_receivers(winner[member]).flatten(0, 1), receiver.shape[2])
            layers = edges.hidden_of(chunk, won)
            grad_messages = edges.buffer("messages", len(won), output.shape[1]).zero_()
            grad_messages.scatter_(0, rows, chunk.of_receivers(grad_maximum[member]).flatten(0, 1))
            if needs_weights:
                sums.weights[-1][member] += torch.mm(grad_messages.t(), layers[-1])
            grad = torch.mm(grad_messages, output[member], out=edges.buffer("last", len(won), output.shape[2]))
            grad = torch.ops.aten.threshold_backward(grad, layers[-1], 0.0, grad_input=grad)
            grad_won = edges.backward(layers[:-1], grad, sums.of(member))
            grad = edges.buffer("all", chunk.num_edges, receiver.shape[3]).zero_().index_copy_(0, won, grad_won)
            chunk.add_gradients(grad, grad_receiver[member], grad_sender[member])
    return PairGradients(grad_receiver, grad_sender, sums.weights, sums.biases)


def _winning_edges(
    winner: Int[Tensor, "receiver dim"], num_slots: int
) -> tuple[Int[Tensor, " edge"], Int[Tensor, "receiver dim"]]:
    """List the edges that won anything, which are far fewer than all, and for each maximum its place in that list."""
    edge = winner + num_slots * torch.arange(len(winner), device=winner.device).unsqueeze(1)
    has_won = torch.zeros(len(winner) * num_slots, dtype=torch.bool, device=winner.device)
    has_won[edge] = True
    place = has_won.cumsum(0) - 1
    return has_won.nonzero().squeeze(1), place[edge]


class _Sums:
    """Gradients of weights and biases, added up over the chunks."""

    def __init__(self, weights: Sequence[Tensor], biases: Sequence[Tensor], *, wanted: bool) -> None:
        # bfloat16 would stop growing after a few chunks.
        self.weights, self.biases = (
            [torch.zeros_like(one, dtype=torch.promote_types(one.dtype, torch.float32)) for one in many if wanted]
            for many in (weights, biases)
        )

    def of(self, member: int) -> list[tuple[Tensor, Tensor]]:
        """Return the pairs of the layers that have both."""
        return [(weight[member], bias[member]) for weight, bias in zip(self.weights, self.biases, strict=False)]


def _of(many: Sequence[Tensor], member: int) -> list[Tensor]:
    return [one[member] for one in many]
