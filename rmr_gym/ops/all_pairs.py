"""Messages between all pairs of slots, without ever holding all edges at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor

from rmr_gym.errors import explain
from rmr_gym.ops.reduced_pairs import reduce_pairs

Reduction = Literal["mean", "sum", "max"]
REDUCTIONS: tuple[str, ...] = get_args(Reduction)


def all_pairs_messages(
    receiver: Float[Tensor, "*ensemble batch slot hidden"],
    sender: Float[Tensor, "*ensemble batch slot hidden"],
    weights: Sequence[Float[Tensor, "*ensemble _ _"]],
    biases: Sequence[Float[Tensor, "*ensemble _"]],
    *,
    reduction: Reduction = "mean",
    self_edges: bool = True,
) -> Float[Tensor, "*ensemble batch slot dim"]:
    """Compute a message function on every pair of slots and reduce over the senders.

    The message from j to i is a perceptron on `[h_i, h_j]`. Its first layer is a sum of two projections, which the
    caller makes once per slot instead of once per edge; with one hidden layer after it, the message is
    `W3 relu(W2 relu(receiver_i + sender_j) + b2) + b3`. With "mean" and "sum" the last layer is moved behind the
    reduction, which halves the work. Edges are made chunk by chunk and again in the backward pass; what is kept of
    them is a bit per unit of the last hidden layer, which spares one of the products. Weights that need no gradient
    (a frozen processor) cost none. "max" sends gradients to the winners only, to the first of equals.

    float16 and bfloat16 are summed in float32; a mean that is in range stays so.

    Works under `torch.func.vmap` and `torch.func.grad`; gradients of gradients are not implemented.

    Source: message function of the paper, appendix B; layout of the first layer as in the CLRS processors.

    Args:
        receiver: first layer applied to the receiving slots, with its bias. A leading ensemble axis is optional;
            every member then has weights of its own.
        sender: first layer applied to the sending slots, without bias.
        weights: of the layers after the first: at least one hidden layer, with ReLU, and the linear output layer.
        biases: of the same layers.
        reduction: how messages are combined.
        self_edges: whether a slot also sends to itself.

    Returns:
        The reduced message of each slot; zeros where there is no sender.

    Raises:
        ValueError: when layers are missing, receivers and senders differ in shape, or a maximum is asked for without
            self-edges.
    """
    if receiver.dim() not in (3, 4) or receiver.shape != sender.shape:
        expected = "receiver and sender of one shape ([ensemble,] batch, slot, hidden)"
        got, fix = f"{tuple(receiver.shape)} and {tuple(sender.shape)}", "Project the same slots for both."
        raise ValueError(explain(expected=expected, got=got, fix=fix))
    _check(weights, biases, reduction, self_edges)
    dtype = receiver.dtype  # weights may be wider than the slots under autocast
    layers, offsets = [one.to(dtype) for one in weights], [one.to(dtype) for one in biases]
    if receiver.dim() == 4:
        return _messages(receiver, sender, layers, offsets, reduction, self_edges)
    single_layers, single_offsets = ([one.unsqueeze(0) for one in many] for many in (layers, offsets))
    parts = receiver.unsqueeze(0), sender.unsqueeze(0)
    return _messages(*parts, single_layers, single_offsets, reduction, self_edges).squeeze(0)


def _messages(
    receiver: Float[Tensor, "ensemble batch slot hidden"],
    sender: Float[Tensor, "ensemble batch slot hidden"],
    weights: list[Tensor],
    biases: list[Tensor],
    reduction: Reduction,
    self_edges: bool,
) -> Float[Tensor, "ensemble batch slot dim"]:
    if reduction == "max":
        return reduce_pairs("max", receiver, sender, weights, biases[:-1]) + biases[-1][:, None, None]
    num_slots = receiver.shape[2]
    hidden = reduce_pairs("mean", receiver, sender, weights[:-1], biases[:-1])
    num_senders = num_slots if self_edges else max(0, num_slots - 1)
    if not self_edges:
        own = _to_itself(receiver, sender, weights[:-1], biases[:-1])
        wide = torch.promote_types(hidden.dtype, torch.float32)  # sums over many slots leave the range of float16
        others = num_slots * hidden.to(wide) - own.to(wide)
        hidden = (others / max(1, num_senders)).to(hidden.dtype)
    messages = _linear(hidden, weights[-1], biases[-1])
    # A slot that hears nobody gets zeros, and not the bias.
    return num_senders * messages if reduction == "sum" or not num_senders else messages


def _to_itself(receiver: Tensor, sender: Tensor, weights: list[Tensor], biases: list[Tensor]) -> Tensor:
    """Compute the last hidden layer of the self-edges, of which there are few."""
    hidden = (receiver + sender).relu()
    for weight, bias in zip(weights, biases, strict=True):
        hidden = _linear(hidden, weight, bias).relu()
    return hidden


def _linear(slots: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Apply a layer with weights of its own for each member of an ensemble."""
    rows = torch.baddbmm(bias.unsqueeze(1), slots.flatten(1, 2), weight.mT)
    return rows.view(*slots.shape[:3], rows.shape[2])


def _check(weights: Sequence[Tensor], biases: Sequence[Tensor], reduction: str, self_edges: bool) -> None:
    if len(weights) != len(biases) or len(weights) < 2:
        got = f"{len(weights)} weights and {len(biases)} biases"
        fix = "Pass those of the hidden layers after the first and of the output layer."
        raise ValueError(explain(expected="two or more layers, each with weight and bias", got=got, fix=fix))
    if reduction not in REDUCTIONS:
        fix = f"Choose one of {', '.join(REDUCTIONS)}."
        raise ValueError(explain(expected="a known reduction", got=reduction, fix=fix))
    if reduction == "max" and not self_edges:
        fix = "Use mean or sum, or leave the self-edges in."
        raise ValueError(explain(expected="self-edges with the maximum", got="self_edges=False", fix=fix))
