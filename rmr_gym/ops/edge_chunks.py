"""The edges of a complete graph in chunks that fit into a processor's cache."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from rmr_gym.ops.edge_products import edge_layer, edge_layer_backward

# Numbers in the widest layer of a chunk. On a CPU these 4 MB (a sample of 128 slots of width 64) stay in the cache,
# where sums and activations cost little beside the matrix products; a GPU wants large products.
CHUNK_NUMBERS = {"cpu": 1 << 20, "cuda": 1 << 27}


@dataclass(frozen=True, slots=True)
class Chunk:
    """All edges into some receivers: whole samples, or some slots of one sample."""

    samples: slice
    receivers: slice

    def of(self, slots: Tensor) -> Tensor:
        """View what belongs to the receivers of the chunk, of a tensor [batch, slot, ...]."""
        return slots[self.samples, self.receivers]


def chunks(batch: int, num_slots: int, widest: int, device: torch.device) -> Iterator[Chunk]:
    """Cut the edges of a batch into chunks.

    Args:
        batch: samples.
        num_slots: slots of a sample.
        widest: width of the widest layer.
        device: where the edges will be.

    Yields:
        Every receiver once; nothing where there is none.
    """
    if not batch or not num_slots:
        return
    budget = CHUNK_NUMBERS.get(device.type, CHUNK_NUMBERS["cuda"])
    num_receivers = max(1, budget // (num_slots * widest))
    if num_receivers >= num_slots:
        step = num_receivers // num_slots
        for start in range(0, batch, step):
            yield Chunk(slice(start, min(start + step, batch)), slice(0, num_slots))
        return
    for sample in range(batch):
        for start in range(0, num_slots, num_receivers):
            yield Chunk(slice(sample, sample + 1), slice(start, min(start + num_receivers, num_slots)))


class Edges:
    """Hidden layers of the edges of one ensemble member, chunk by chunk, all as [sample, receiver, sender, width].

    Args:
        receiver: first layer applied to the receiving slots.
        sender: first layer applied to the sending slots.
        weights: of the hidden layers after the first.
        biases: of the same layers.
    """

    def __init__(
        self,
        receiver: Float[Tensor, "batch slot hidden"],
        sender: Float[Tensor, "batch slot hidden"],
        weights: Sequence[Float[Tensor, "_ _"]],
        biases: Sequence[Float[Tensor, "_"]],
    ) -> None:
        self._receiver, self._sender, self._weights, self._biases = receiver, sender, weights, biases
        self.num_slots = receiver.shape[1]
        _keep_freed_memory()

    def chunks(self, *further_widths: int) -> Iterator[Chunk]:
        """Cut the edges into chunks.

        Args:
            *further_widths: of layers that the caller makes besides the hidden ones.
        """
        batch, num_slots, width = self._receiver.shape
        widest = max(width, *(weight.shape[0] for weight in self._weights), *further_widths)
        return chunks(batch, num_slots, widest, self._receiver.device)

    def hidden(self, chunk: Chunk) -> list[Tensor]:
        """Compute the first layer and those after it."""
        return self._layers(self._first(chunk), self._weights)

    def hidden_but_last(self, chunk: Chunk, *, only_signs: bool) -> list[Tensor]:
        """Compute the first layer and those after it, but not the last one.

        Args:
            chunk: whose edges.
            only_signs: leave out the ReLU after the last of these layers, whose signs are all that is wanted of it.
        """
        return self._layers(self._first(chunk), self._weights[:-1], rectify_last=not only_signs)

    def hidden_from(self, chunk: Chunk, senders: Int[Tensor, "sample receiver edge"]) -> list[Tensor]:
        """Compute the layers of some edges only: those from given senders into each receiver."""
        sample = torch.arange(chunk.samples.start, chunk.samples.stop, device=senders.device)
        chosen = self._sender[sample[:, None, None], senders]
        return self._layers(chosen.add_(chunk.of(self._receiver).unsqueeze(2)), self._weights)

    def backward(
        self, layers: Sequence[Tensor], grad: Tensor, sums: Sequence[tuple[Tensor, Tensor]]
    ) -> Float[Tensor, "sample receiver sender hidden"]:
        """Propagate from before the last hidden layer's ReLU to before the first one's.

        Args:
            layers: the hidden layers in front of the last one.
            grad: of the last hidden layer before its ReLU.
            sums: where to add the gradients of weights and biases; empty when they need none.
        """
        for index in range(len(self._weights) - 1, -1, -1):
            layer = layers[index]
            if sums:
                sums[index][1].add_(grad.sum((0, 1, 2)))
            grad, grad_weight = edge_layer_backward(grad, layer, self._weights[index], needs_weight=bool(sums))
            if grad_weight is not None:
                sums[index][0].add_(grad_weight)
            grad = close_where_negative(grad, layer, out=grad)
        return grad

    def _first(self, chunk: Chunk) -> Tensor:
        return chunk.of(self._receiver).unsqueeze(2) + self._sender[chunk.samples].unsqueeze(1)

    def _layers(self, first: Tensor, weights: Sequence[Tensor], *, rectify_last: bool = True) -> list[Tensor]:
        layers = [first]
        for weight, bias in zip(weights, self._biases, strict=False):
            layers.append(edge_layer(layers[-1].relu_(), weight, bias))
        if rectify_last:
            layers[-1].relu_()
        return layers


@functools.cache
def _keep_freed_memory() -> None:
    """Let the allocator serve the chunks from memory that it has already, once per process.

    glibc returns freed blocks of megabytes to the system, and the page faults of getting them again take as long as the
    arithmetic. It stops to do so for blocks up to the largest one that was freed, 32 MiB at most: see M_MMAP_THRESHOLD
    in mallopt(3). The block is never touched and takes no memory; elsewhere this does nothing.
    """
    torch.empty(31 << 20, dtype=torch.uint8)


def close_where_negative(grad: Tensor, layer: Tensor, *, out: Tensor) -> Tensor:
    """Propagate a gradient through a ReLU: a layer is positive exactly where its ReLU passed."""
    closed: Tensor = torch.ops.aten.threshold_backward(grad, layer, 0.0, grad_input=out)
    return closed
