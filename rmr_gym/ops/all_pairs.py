"""Messages between all pairs of slots, without ever holding all edges at once."""

from __future__ import annotations

from typing import Any, Literal, get_args

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

Reduction = Literal["mean", "sum", "max"]
REDUCTIONS: tuple[str, ...] = get_args(Reduction)

# Edges computed at once. On a CPU one sample of 128 slots (16,384 edges x 64 = 4 MB) stays in the cache, whereas a
# GPU wants large products.
_EDGES_PER_CHUNK = {"cpu": 16_384, "cuda": 2_097_152}


def all_pairs_messages(
    receiver: Float[Tensor, "batch slot hidden"],
    sender: Float[Tensor, "batch slot hidden"],
    hidden_weight: Float[Tensor, "hidden2 hidden"],
    hidden_bias: Float[Tensor, "hidden2"],
    output_weight: Float[Tensor, "dim hidden2"],
    output_bias: Float[Tensor, "dim"],
    *,
    reduction: Reduction = "mean",
) -> Float[Tensor, "batch slot dim"]:
    """Compute a three-layer message function on every pair of slots and reduce over the senders.

    The message from j to i is `W3 relu(W2 relu(receiver_i + sender_j) + b2) + b3`: the first layer of an MLP on the
    concatenation `[h_i, h_j]` is a sum of two projections, which the caller makes once per slot instead of once per
    edge. With "mean" and "sum" the last layer is moved behind the reduction, which halves the work. The backward pass
    recomputes the edges chunk by chunk, so that memory does not grow with `slot ** 2 * batch`; weights that need no
    gradient (a frozen processor) cost none.

    Source: message function of the paper, appendix B; layout of the first layer as in the CLRS processors.

    Args:
        receiver: first layer applied to the receiving slots, with its bias.
        sender: first layer applied to the sending slots, without bias.
        hidden_weight: W2.
        hidden_bias: b2.
        output_weight: W3.
        output_bias: b3.
        reduction: how messages are combined; the graph is complete and includes self-edges.

    Returns:
        The reduced message of each slot.
    """
    weights = (hidden_weight, hidden_bias, output_weight, output_bias)  # may be wider than the slots under autocast
    hidden_weight, hidden_bias, output_weight, output_bias = (weight.to(receiver.dtype) for weight in weights)
    if reduction == "max":
        messages: Tensor = _MaxMessages.apply(  # type: ignore[no-untyped-call]
            receiver, sender, hidden_weight, hidden_bias, output_weight, output_bias
        )
        return messages
    mean_hidden = _MeanHidden.apply(receiver, sender, hidden_weight, hidden_bias)  # type: ignore[no-untyped-call]
    if reduction == "sum":
        num_slots = receiver.shape[1]
        return functional.linear(num_slots * mean_hidden, output_weight) + num_slots * output_bias
    return functional.linear(mean_hidden, output_weight, output_bias)


def _chunks(receiver: Tensor) -> list[slice]:
    """Split the batch so that each chunk holds about as many edges as the device likes."""
    batch, num_slots, _ = receiver.shape
    budget = _EDGES_PER_CHUNK.get(receiver.device.type, _EDGES_PER_CHUNK["cuda"])
    size = max(1, budget // num_slots**2)
    return [slice(start, min(start + size, batch)) for start in range(0, batch, size)]


def _accumulator(weight: Tensor) -> Tensor:
    """Return zeros for a sum over many chunks: bfloat16 would stop growing after a few of them."""
    return torch.zeros_like(weight, dtype=torch.promote_types(weight.dtype, torch.float32))


class _Edges:
    """Both hidden layers of all edges of one chunk, in buffers that are reused from chunk to chunk.

    Fresh 4 MB tensors per chunk would cost more in page faults than the arithmetic on them.
    """

    def __init__(self, receiver: Tensor, weight: Tensor, bias: Tensor) -> None:
        self.chunks = _chunks(receiver)
        self._weight, self._bias, self._num_slots = weight, bias, receiver.shape[1]
        num_edges = (self.chunks[0].stop if self.chunks else 0) * self._num_slots**2
        self._first = receiver.new_empty(num_edges, weight.shape[1])
        self._second = receiver.new_empty(num_edges, weight.shape[0])
        self._grad_first: Tensor | None = None

    def hidden(self, receiver: Tensor, sender: Tensor) -> tuple[Tensor, Tensor]:
        """Return the layers of one chunk as [chunk * receiver * sender, hidden]; valid until the next call."""
        shape = (receiver.shape[0], self._num_slots, self._num_slots, -1)
        num_edges = receiver.shape[0] * self._num_slots**2
        first, second = self._first[:num_edges], self._second[:num_edges]
        torch.add(receiver.unsqueeze(2), sender.unsqueeze(1), out=first.view(*shape)).relu_()
        torch.addmm(self._bias, first, self._weight.t(), out=second).relu_()
        return first, second

    def backward(self, grad_second: Tensor, first: Tensor) -> tuple[Tensor, Tensor]:
        """Propagate from the second layer's pre-activation to the summands of the first; `first` is overwritten."""
        if self._grad_first is None:
            self._grad_first = torch.empty_like(self._first)
        grad_first = torch.mm(grad_second, self._weight, out=self._grad_first[: len(first)])
        # `first` is positive exactly where its ReLU passed.
        torch.ops.aten.threshold_backward(grad_first, first, 0.0, grad_input=first)
        per_edge = first.view(-1, self._num_slots, self._num_slots, first.shape[1])
        return per_edge.sum(2), per_edge.sum(1)


class _MeanHidden(torch.autograd.Function):
    """Mean over senders of the second hidden layer."""

    @staticmethod
    def forward(ctx: Any, receiver: Tensor, sender: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(receiver, sender, weight, bias)
        batch, num_slots, _ = receiver.shape
        mean = receiver.new_empty(batch, num_slots, weight.shape[0])
        edges = _Edges(receiver, weight, bias)
        for part in edges.chunks:
            _, second = edges.hidden(receiver[part], sender[part])
            torch.mean(second.view(-1, num_slots, num_slots, weight.shape[0]), dim=2, out=mean[part])
        return mean

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad_mean: Tensor) -> tuple[Tensor | None, ...]:
        receiver, sender, weight, bias = ctx.saved_tensors
        num_slots = receiver.shape[1]
        needs_weight = ctx.needs_input_grad[2] or ctx.needs_input_grad[3]
        grad_receiver, grad_sender = torch.empty_like(receiver), torch.empty_like(sender)
        grad_weight, grad_bias = (_accumulator(weight), _accumulator(bias))
        grad_edge = (grad_mean / num_slots).unsqueeze(2)
        edges = _Edges(receiver, weight, bias)
        for part in edges.chunks:
            first, second = edges.hidden(receiver[part], sender[part])
            active = second.sign_().view(-1, num_slots, num_slots, second.shape[1])  # derivative of the ReLU
            grad_second = active.mul_(grad_edge[part]).flatten(0, 2)
            if needs_weight:
                grad_weight += torch.mm(grad_second.t(), first)
                grad_bias += grad_second.sum(0)
            grad_receiver[part], grad_sender[part] = edges.backward(grad_second, first)
        if not needs_weight:
            return grad_receiver, grad_sender, None, None
        return grad_receiver, grad_sender, grad_weight.to(weight.dtype), grad_bias.to(weight.dtype)


class _MaxMessages(torch.autograd.Function):
    """Maximum over senders of the complete message; the gradient goes to the winners only."""

    @staticmethod
    def forward(
        ctx: Any,
        receiver: Tensor,
        sender: Tensor,
        hidden_weight: Tensor,
        hidden_bias: Tensor,
        output_weight: Tensor,
        output_bias: Tensor,
    ) -> Tensor:
        batch, num_slots, _ = receiver.shape
        output = receiver.new_empty(batch, num_slots, output_weight.shape[0])
        winner: Int[Tensor, "batch slot dim"] = torch.empty_like(output, dtype=torch.int64)
        edges = _Edges(receiver, hidden_weight, hidden_bias)
        for part in edges.chunks:
            _, second = edges.hidden(receiver[part], sender[part])
            messages = torch.mm(second, output_weight.t()).view(-1, num_slots, num_slots, output_weight.shape[0])
            output[part], winner[part] = messages.max(dim=2)
        ctx.save_for_backward(receiver, sender, hidden_weight, hidden_bias, output_weight, winner)
        return output + output_bias

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor | None, ...]:
        receiver, sender, hidden_weight, hidden_bias, output_weight, winner = ctx.saved_tensors
        num_slots = receiver.shape[1]
        needs_weight = any(ctx.needs_input_grad[2:])
        grad_receiver, grad_sender = torch.empty_like(receiver), torch.empty_like(sender)
        weights = (hidden_weight, hidden_bias, output_weight)
        sums = tuple(_accumulator(weight) for weight in weights)
        edges = _Edges(receiver, hidden_weight, hidden_bias)
        for part in edges.chunks:
            first, second = edges.hidden(receiver[part], sender[part])
            shape = (part.stop - part.start, num_slots, num_slots)
            grad_edges = grad_output.new_zeros(*shape, output_weight.shape[0])
            grad_edges.scatter_(2, winner[part].unsqueeze(2), grad_output[part].unsqueeze(2))
            grad_edges = grad_edges.flatten(0, 2)
            grad_second = torch.mm(grad_edges, output_weight).mul_(second > 0)
            if needs_weight:
                sums[0].add_(torch.mm(grad_second.t(), first))
                sums[1].add_(grad_second.sum(0))
                sums[2].add_(torch.mm(grad_edges.t(), second))
            grad_receiver[part], grad_sender[part] = edges.backward(grad_second, first)
        if not needs_weight:
            return grad_receiver, grad_sender, None, None, None, None
        grad_weights = (total.to(receiver.dtype) for total in sums)
        return grad_receiver, grad_sender, *grad_weights, grad_output.sum((0, 1))
