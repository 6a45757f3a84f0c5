"""Messages along given edges, for graphs that are not complete: radius graphs of balls, graphs of users."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from types import ModuleType
from typing import Literal, get_args

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from rmr_gym.errors import explain, missing_extra
from rmr_gym.ops.all_pairs import REDUCTIONS, Reduction

Backend = Literal["auto", "torch_scatter", "torch"]


def edge_list_messages(
    receiver: Float[Tensor, "node hidden"],
    sender: Float[Tensor, "node hidden"],
    edge_index: Int[Tensor, "2 edge"],
    weights: Sequence[Float[Tensor, "_ _"]],
    biases: Sequence[Float[Tensor, "_"]],
    *,
    reduction: Reduction = "mean",
    backend: Backend = "auto",
) -> Float[Tensor, "node dim"]:
    """Compute the message function of `all_pairs_messages` on some edges and reduce it at each receiver.

    Time and memory grow with the number of edges. On a complete graph `all_pairs_messages` is many times faster.
    float16 and bfloat16 are summed in float32, and so are their gradients: a mean that is in range stays so.

    Args:
        receiver: first layer applied to the receiving nodes, with its bias. A batch of graphs is one graph of disjoint
            parts, whose nodes are numbered through.
        sender: first layer applied to the sending nodes, without bias.
        edge_index: sending nodes in the first row and receiving nodes in the second, as in PyTorch Geometric.
        weights: of the layers after the first: hidden ones, with ReLU, and the linear output layer.
        biases: of the same layers.
        reduction: how messages are combined; "max" sends gradients to the winners only, to the first of equals, and
            is NaN where a message is.
        backend: torch-scatter (extra `scatter`), plain PyTorch, or the former where it is installed. Both give the same
            numbers; only PyTorch works under `torch.func.vmap`.

    Returns:
        The reduced message of each node, zeros where none arrives.

    Raises:
        ValueError: when an option is unknown or layers are missing.
        gymnasium.error.DependencyNotInstalled: when torch-scatter is asked for and missing.
    """
    scatter = _torch_scatter(backend)
    if len(weights) != len(biases) or not weights or reduction not in REDUCTIONS:
        got = f"{len(weights)} weights, {len(biases)} biases and {reduction!r}"
        expected = f"layers with weight and bias each, and one of {', '.join(REDUCTIONS)}"
        raise ValueError(explain(expected=expected, got=got, fix="Correct the arguments."))
    source, target = edge_index
    edges = _first_layer(receiver, sender, source, target).relu()
    for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
        edges = functional.linear(edges, weight, bias).relu()
    num_nodes, output = len(receiver), (weights[-1], biases[-1])
    if reduction == "max":
        return _maximum(functional.linear(edges, *output), target, num_nodes, scatter)
    # The output layer acts on nodes instead of edges; its bias arrives with each message.
    weight, bias = output
    wide = torch.promote_types(_wide(edges.dtype), weight.dtype)
    count = torch.bincount(target, minlength=num_nodes).to(wide).unsqueeze(1)
    with _without_autocast(edges.device):  # it would narrow the sums before they are divided
        total = functional.linear(_total(edges.to(wide), target, num_nodes, scatter), weight.to(wide)) + count * bias
    reduced = total if reduction == "sum" else total / count.clamp_min(1)
    return reduced.to(torch.promote_types(edges.dtype, bias.dtype))


def radius_edges(positions: Float[Tensor, "batch slot axis"], radius: float) -> Int[Tensor, "2 edge"]:
    """Connect the slots of each sample that are within a distance of one another, in both directions.

    Args:
        positions: of the slots of each sample.
        radius: largest distance, in the unit of the positions.

    Returns:
        Edges without self-edges, nodes numbered through as `sample * slot + index`.
    """
    # By default more than 25 slots are compared through a matrix product, which cancels far from the origin.
    near = torch.cdist(positions, positions, compute_mode="donot_use_mm_for_euclid_dist") <= radius
    near.diagonal(dim1=1, dim2=2).fill_(False)
    sample, target, source = near.nonzero().unbind(1)
    return torch.stack([source, target]) + sample * positions.shape[1]


def _first_layer(receiver: Tensor, sender: Tensor, source: Tensor, target: Tensor) -> Tensor:
    """Add both ends of every edge, in the type of the nodes.

    Backward, a gather adds up the edges of a node in its own type, in which sums of low precision stop growing. Adding
    in float32 and rounding is what PyTorch does with low precision anyway, so the values are the same.
    """
    dtype = torch.promote_types(receiver.dtype, sender.dtype)
    ends = receiver.to(_wide(receiver.dtype))[target], sender.to(_wide(sender.dtype))[source]
    return (ends[0] + ends[1]).to(dtype)


def _wide(dtype: torch.dtype) -> torch.dtype:
    """Return the type in which numbers of a type are summed."""
    return torch.promote_types(dtype, torch.float32)


def _without_autocast(device: torch.device) -> AbstractContextManager[object]:
    known = torch.amp.is_autocast_available(device.type)
    return torch.autocast(device.type, enabled=False) if known else nullcontext()


def _total(edges: Tensor, target: Tensor, num_nodes: int, scatter: ModuleType | None) -> Tensor:
    if scatter:
        total: Tensor = scatter.scatter_add(edges, target, 0, dim_size=num_nodes)
        return total
    index = target.unsqueeze(1).expand_as(edges)
    return torch.zeros(num_nodes, edges.shape[1], dtype=edges.dtype, device=edges.device).scatter_add(0, index, edges)


def _maximum(messages: Tensor, target: Tensor, num_nodes: int, scatter: ModuleType | None) -> Tensor:
    # torch-scatter passes over NaN, of which one message makes the maximum NaN; a sum shows it in a single pass.
    if scatter and bool(messages.detach().sum().isfinite()):
        maximum: Tensor = scatter.scatter_max(messages, target, 0, dim_size=num_nodes)[0]
        return maximum
    index = target.unsqueeze(1).expand_as(messages)
    with torch.no_grad():
        low = torch.full((num_nodes, messages.shape[1]), -torch.inf, dtype=messages.dtype, device=messages.device)
        highest = low.scatter_reduce(0, index, messages, "amax")
        # `scatter_reduce` would share a gradient among equals; the lowest edge that reaches the maximum takes it. Where
        # the maximum is NaN, which equals nothing, that is the lowest edge with NaN.
        edge = torch.arange(len(messages), device=messages.device).unsqueeze(1)
        reaches = torch.where((messages == highest.gather(0, index)) | messages.isnan(), edge, len(messages))
        nobody = torch.full_like(low, len(messages), dtype=torch.int64)
        winner = nobody.scatter_reduce(0, index, reaches, "amin")
    with_nothing = torch.cat([messages, messages.new_zeros(1, messages.shape[1])])
    return with_nothing.gather(0, winner)


def _torch_scatter(backend: str) -> ModuleType | None:
    """Return the module if it is to be used."""
    if backend not in get_args(Backend):
        fix = f"Choose one of {', '.join(get_args(Backend))}."
        raise ValueError(explain(expected="a known backend", got=backend, fix=fix))
    if backend == "torch" or (backend == "auto" and importlib.util.find_spec("torch_scatter") is None):
        return None
    try:
        import torch_scatter
    except ImportError as error:
        raise missing_extra("torch_scatter", "scatter") from error
    module: ModuleType = torch_scatter
    return module
