"""The edges of a complete graph in chunks that fit into a processor's cache, in buffers that are used again."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

# Numbers in the widest layer of a chunk. On a CPU these 2 MB (64 receivers of 128 slots of width 64) stay in the cache,
# where sums and activations cost little beside the matrix products; a GPU wants large products.
CHUNK_NUMBERS = {"cpu": 1 << 19, "cuda": 1 << 27}


@dataclass(frozen=True, slots=True)
class Chunk:
    """All edges into some receivers: whole samples, or some slots of one sample."""

    samples: slice
    receivers: slice
    num_slots: int

    @property
    def num_receivers(self) -> int:
        """Receiving slots in the chunk."""
        found: int = (self.samples.stop - self.samples.start) * (self.receivers.stop - self.receivers.start)
        return found

    @property
    def num_edges(self) -> int:
        """Edges in the chunk, self-edges included."""
        return self.num_receivers * self.num_slots

    def of_receivers(self, slots: Tensor) -> Tensor:
        """View what belongs to the receivers of the chunk, of a tensor [batch, slot, ...]."""
        return slots[self.samples, self.receivers]

    def per_edge(self, rows: Tensor) -> Tensor:
        """View rows [edge, dim] as [sample, receiver, sender, dim]."""
        num_samples = self.samples.stop - self.samples.start
        return rows.view(num_samples, -1, self.num_slots, rows.shape[1])

    def add_gradients(self, grad_first: Tensor, grad_receiver: Tensor, grad_sender: Tensor) -> None:
        """Add the gradient of the first layer's rows to those of its summands, [batch, slot, hidden]."""
        grad = self.per_edge(grad_first)
        torch.sum(grad, 2, out=self.of_receivers(grad_receiver))
        if grad.shape[1] == self.num_slots:
            torch.sum(grad, 1, out=grad_sender[self.samples])
        else:
            grad_sender[self.samples] += grad.sum(1)


class Edges:
    """Hidden layers of all edges of one ensemble member, chunk by chunk.

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

    def chunks(self, *further_widths: int) -> Iterator[Chunk]:
        """Cut the edges into chunks.

        Args:
            *further_widths: of layers that the caller keeps besides the hidden ones.
        """
        batch, num_slots, width = self._receiver.shape
        widest = max(width, *(weight.shape[0] for weight in self._weights), *further_widths)
        budget = CHUNK_NUMBERS.get(self._receiver.device.type, CHUNK_NUMBERS["cuda"])
        rows = max(1, budget // (num_slots * widest))  # receivers at once
        if rows >= num_slots:
            step = rows // num_slots
            for start in range(0, batch, step):
                yield Chunk(slice(start, min(start + step, batch)), slice(0, num_slots), num_slots)
            return
        for sample in range(batch):
            for start in range(0, num_slots, rows):
                yield Chunk(slice(sample, sample + 1), slice(start, min(start + rows, num_slots)), num_slots)

    def hidden(self, chunk: Chunk, *, num_layers: int | None = None) -> list[Tensor]:
        """Compute the first layer and `num_layers` (all) after it, as rows [edge, width]; valid until the next call."""
        first = self.buffer(0, chunk.num_edges, self._receiver.shape[2])
        torch.add(
            chunk.of_receivers(self._receiver).unsqueeze(2),
            self._sender[chunk.samples].unsqueeze(1),
            out=chunk.per_edge(first),
        )
        return self._after(first, num_layers)

    def hidden_of(self, chunk: Chunk, edges: Int[Tensor, " edge"]) -> list[Tensor]:
        """Compute all hidden layers of some edges of a chunk, numbered as its rows; valid until the next call."""
        first = self.buffer(0, len(edges), self._receiver.shape[2])
        receivers = chunk.of_receivers(self._receiver).flatten(0, 1)
        torch.index_select(receivers, 0, edges // chunk.num_slots, out=first)
        sample = edges // (chunk.num_slots * (chunk.receivers.stop - chunk.receivers.start))
        senders = self._sender[chunk.samples].flatten(0, 1)
        return self._after(first.add_(senders[sample * chunk.num_slots + edges % chunk.num_slots]), None)

    def _after(self, first: Tensor, num_layers: int | None) -> list[Tensor]:
        layers = [first.relu_()]
        for index, (weight, bias) in enumerate(zip(self._weights, self._biases, strict=True)):
            if index == num_layers:
                break
            out = self.buffer(index + 1, len(first), weight.shape[0])
            layers.append(torch.addmm(bias, layers[-1], weight.t(), out=out).relu_())
        return layers

    def backward(self, layers: Sequence[Tensor], grad: Tensor, sums: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
        """Propagate from before the last hidden layer's ReLU to before the first one's.

        Args:
            layers: the hidden layers in front of the last one; overwritten.
            grad: rows of the last hidden layer.
            sums: where to add the gradients of weights and biases; empty when they need none.

        Returns:
            Rows of the first layer.
        """
        for index in range(len(self._weights) - 1, -1, -1):
            layer, weight = layers[index], self._weights[index]
            if sums:
                sums[index][0].add_(torch.mm(grad.t(), layer))
                sums[index][1].add_(grad.sum(0))
            grad = torch.mm(grad, weight, out=self.buffer("gradient", len(grad), weight.shape[1]))
            # A layer is positive exactly where its ReLU passed; it is not needed any more and takes the result.
            grad = torch.ops.aten.threshold_backward(grad, layer, 0.0, grad_input=layer)
        return grad

    def buffer(self, name: int | str, num_edges: int, width: int) -> Tensor:
        """Return rows for some edges; their content is what was there before."""
        return _buffer((name, width), self._receiver, num_edges * width).view(num_edges, width)


def pack_positive(values: Float[Tensor, "row number"], out: UInt8[Tensor, "row byte"]) -> None:
    """Write one bit per number, set where it is not zero; `8 * byte >= number`."""
    flags = _flags(out, values.shape[1])
    flags.view(torch.bool)[:, : values.shape[1]].copy_(values)
    # Bit by bit over eighths of a row, since whole bytes in a row are what vectorises.
    *lower, highest = flags.view(len(out), 8, -1).unbind(1)
    out.copy_(highest)
    for plane in reversed(lower):
        torch.add(plane, out, alpha=2, out=out)


def unpack_positive(packed: UInt8[Tensor, "row byte"], out: Float[Tensor, "row number"]) -> None:
    """Write 1 where `pack_positive` saw a number that is not zero, and 0 elsewhere."""
    flags = _flags(packed, out.shape[1])
    shifts = torch.arange(8, dtype=torch.uint8, device=packed.device).view(1, 8, 1)
    torch.bitwise_right_shift(packed.unsqueeze(1), shifts, out=flags.view(len(packed), 8, -1))
    out.copy_(flags.bitwise_and_(1)[:, : out.shape[1]])


def _flags(packed: Tensor, number: int) -> Tensor:
    """Return one byte for each bit of `packed`; those behind `number` are zero."""
    rows, num_bytes = packed.shape
    flags = _buffer("flags", packed, rows * 8 * num_bytes).view(rows, 8 * num_bytes)
    if number < 8 * num_bytes:
        flags[:, number:] = 0
    return flags


class _Buffers(threading.local):
    """Memory of each thread by purpose: fresh pages would cost more than the arithmetic on them."""

    def __init__(self) -> None:
        self.of: dict[object, Tensor] = {}


_BUFFERS = _Buffers()


def _buffer(name: object, like: Tensor, numel: int) -> Tensor:
    """Return `numel` numbers of the kind of `like`, with any content; the next call of that name gets the same ones."""
    key = (name, like.device, like.dtype)
    found = _BUFFERS.of.get(key)
    if found is None or len(found) < numel:
        with torch.inference_mode(mode=False):  # else the memory could never be written to outside of it
            found = torch.empty(numel, dtype=like.dtype, device=like.device)
        _BUFFERS.of[key] = found
    return found[:numel]
