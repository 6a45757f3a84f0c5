"""The message function in the ways in which people write it today, all with the same weights, beside ours."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Literal, get_args

import torch
import torch_scatter
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from rmr_gym.models.blocks import perceptron
from rmr_gym.ops import Reduction, all_pairs_messages

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # of torch.jit, which torch-geometric uses as it is imported
    from torch_geometric.nn import MessagePassing

Slots = Float[Tensor, "batch slot dim"]
Layout = Literal["disjoint graphs", "batch axis"]
LAYOUTS: tuple[Layout, ...] = get_args(Layout)
Aggregate = Callable[[Tensor], Tensor]


def message_mlp(dim: int) -> nn.Sequential:
    """Build the message function: three layers on `[receiver, sender]` with ReLU between them."""
    return perceptron([2 * dim, dim, dim, dim])


def linear_layers(mlp: nn.Sequential) -> list[nn.Linear]:
    """List the layers with weights."""
    return [layer for layer in mlp if isinstance(layer, nn.Linear)]


class OurMessages(nn.Module):
    """Our messages from the weights that the peers have: the first layer falls into two halves.

    Both halves are applied to the slots here, so that every variant starts at the slots and ends at the messages.
    """

    def __init__(self, mlp: nn.Sequential, reduction: Reduction) -> None:
        super().__init__()
        self.mlp, self.reduction = mlp, reduction

    def forward(self, slots: Slots) -> Slots:
        """Compute the reduced message of each slot."""
        first, second, third = linear_layers(self.mlp)
        of_receiver, of_sender = first.weight.chunk(2, dim=1)
        return all_pairs_messages(
            functional.linear(slots, of_receiver, first.bias),
            functional.linear(slots, of_sender),
            [second.weight, third.weight],
            [second.bias, third.bias],
            reduction=self.reduction,
        )


class EdgeListMessages(MessagePassing):  # type: ignore[misc]
    """A layer of torch-geometric over the complete graph, as its tutorial on message passing networks writes one.

    Args:
        mlp: message function.
        reduction: name of the aggregation.
        layout: the samples as disjoint graphs with one long list of edges, as its loaders make them, or as a batch
            axis before the nodes with the edges of one sample (`node_dim=-2`).
    """

    def __init__(self, mlp: nn.Sequential, reduction: Reduction, layout: Layout) -> None:
        super().__init__(aggr=reduction, node_dim=-2)
        self.mlp, self.layout = mlp, layout
        self._edges = functools.lru_cache(maxsize=1)(_edge_index)  # made once per shape

    def forward(self, slots: Slots) -> Slots:
        """Compute the reduced message of each slot."""
        batch, num_slots, dim = slots.shape
        if self.layout == "batch axis":
            messages: Tensor = self.propagate(self._edges(1, num_slots, slots.device), x=slots)
            return messages
        joined: Tensor = self.propagate(self._edges(batch, num_slots, slots.device), x=slots.flatten(0, 1))
        return joined.view(batch, num_slots, dim)

    def message(self, x_i: Tensor, x_j: Tensor) -> Tensor:
        """Compute the message of every edge from its receiver and its sender."""
        message: Tensor = self.mlp(torch.cat([x_i, x_j], dim=-1))
        return message


class ScatterMessages(nn.Module):
    """The edge list by hand: gather, message function, and the reduction of torch-scatter for sorted receivers.

    `segment_csr` is what torch-scatter recommends for sorted indices, as the fastest that it has.
    """

    def __init__(self, mlp: nn.Sequential, reduction: Reduction) -> None:
        super().__init__()
        self.mlp, self.reduction = mlp, reduction
        self._edges = functools.lru_cache(maxsize=1)(_edge_index)

    def forward(self, slots: Slots) -> Slots:
        """Compute the reduced message of each slot."""
        batch, num_slots, dim = slots.shape
        nodes = slots.flatten(0, 1)
        sender, receiver = self._edges(batch, num_slots, slots.device)
        edges = self.mlp(torch.cat([nodes.index_select(0, receiver), nodes.index_select(0, sender)], dim=1))
        first_edge = torch.arange(0, len(edges) + 1, num_slots, device=slots.device)
        messages: Tensor = torch_scatter.segment_csr(edges, first_edge, reduce=self.reduction)
        return messages.view(batch, num_slots, dim)


class DenseMessages(nn.Module):
    """Concatenated pairs as one tensor `[batch, receiver, sender, 2 dim]`, and a reduction over an axis."""

    def __init__(self, mlp: nn.Sequential, reduction: Reduction) -> None:
        super().__init__()
        self.mlp = mlp
        reductions: dict[Reduction, Aggregate] = {
            "mean": lambda edges: edges.mean(2),
            "sum": lambda edges: edges.sum(2),
            "max": lambda edges: edges.max(2).values,
        }
        self.aggregate = reductions[reduction]

    def forward(self, slots: Slots) -> Slots:
        """Compute the reduced message of each slot."""
        batch, num_slots, dim = slots.shape
        shape = (batch, num_slots, num_slots, dim)
        pairs = torch.cat([slots.unsqueeze(2).expand(shape), slots.unsqueeze(1).expand(shape)], dim=-1)
        return self.aggregate(self.mlp(pairs))


def bare_products(batch: int, num_slots: int, dim: int, *, weights: bool, convolution: bool) -> Callable[[], None]:
    """Return the matrix products alone that a mean needs: forward, to the input and, if wanted, to the weights.

    They run sample by sample on buffers that stay in the cache. The last layer and the two halves of the first act on
    slots and are not counted.

    Args:
        batch: number of samples.
        num_slots: slots of a sample.
        dim: width of a slot.
        weights: whether the gradient of the weights is wanted.
        convolution: compute them as 1x1 convolutions by oneDNN, whose kernels are faster than those of `torch.mm` on
            some CPUs, but make new tensors for their results.
    """
    edges, weight = torch.rand(1, num_slots, num_slots, dim), torch.rand(dim, dim)
    rows, output, grad_weight = edges.view(-1, dim), torch.empty(num_slots**2, dim), torch.empty(dim, dim)
    grad_rows = torch.empty_like(rows)
    maps, kernel = edges.permute(0, 3, 1, 2), weight[:, :, None, None]
    wanted = [True, weights, False]

    def products() -> None:
        for _ in range(batch):
            torch.mm(rows, weight.t(), out=output)
            torch.mm(output, weight, out=grad_rows)
            if weights:
                torch.mm(output.t(), rows, out=grad_weight)

    def convolutions() -> None:
        for _ in range(batch):
            found = functional.conv2d(maps, kernel)
            torch.ops.aten.convolution_backward(
                found, maps, kernel, None, [1, 1], [0, 0], [1, 1], False, [0, 0], 1, wanted
            )

    return convolutions if convolution else products


def _edge_index(num_graphs: int, num_slots: int, device: torch.device) -> Tensor:
    """List senders and receivers of all edges, sorted by receiver, as int64 [2, edge]."""
    receiver, sender = torch.cartesian_prod(*[torch.arange(num_slots, device=device)] * 2).unbind(1)
    first = torch.arange(num_graphs, device=device).repeat_interleave(num_slots**2) * num_slots
    return torch.stack([sender, receiver]).repeat(1, num_graphs) + first
