"""The reductions over all pairs as differentiable functions, also under `torch.func.vmap` and `torch.func.grad`."""

from __future__ import annotations

import functools
import importlib
import importlib.util
from collections.abc import Sequence
from types import ModuleType
from typing import Any, Literal

import torch
from torch import Tensor

from rmr_gym.ops import chunked_pairs

Kind = Literal["mean", "max"]


def reduce_pairs(
    kind: Kind, receiver: Tensor, sender: Tensor, weights: Sequence[Tensor], biases: Sequence[Tensor]
) -> Tensor:
    """Reduce the edges into each slot; see `mean_forward` and `max_forward` of `chunked_pairs` for the arguments.

    Returns:
        [ensemble, batch, slot, dim], differentiable once.
    """
    reduced: Tensor = _ReducedPairs.apply(kind, receiver, sender, *weights, *biases)[0]  # type: ignore[no-untyped-call]
    return reduced


class _ReducedPairs(torch.autograd.Function):
    """Returns the reduced edges and what the backward pass wants to know of them.

    With a maximum that is the sender that won each number; with a mean, which ReLUs were open, or nothing.
    """

    @staticmethod
    def forward(kind: Kind, receiver: Tensor, sender: Tensor, *layers: Tensor) -> tuple[Tensor, Tensor]:
        weights, biases = _split(kind, layers)
        kernels = _kernels(kind, receiver, weights)
        if kind == "max":
            maxima: tuple[Tensor, Tensor] = kernels.max_forward(receiver, sender, weights, biases)
            return maxima
        nothing = torch.empty(*receiver.shape[:3], 0, dtype=torch.uint8, device=receiver.device)
        if kernels is not chunked_pairs or not _keeps_bits(receiver, sender, layers, weights[-1]):
            return kernels.mean_forward(receiver, sender, weights, biases), nothing
        bits = nothing.new_empty(*receiver.shape[:3], receiver.shape[2] * weights[-1].shape[1] // 8)
        return chunked_pairs.mean_forward(receiver, sender, weights, biases, open_units=bits), bits

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
        ctx.kind, *tensors = inputs
        ctx.mark_non_differentiable(output[1])
        ctx.save_for_backward(output[1], *tensors)

    @staticmethod
    def backward(ctx: Any, grad: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
        needs_weights = any(ctx.needs_input_grad[3:])
        grads = _PairGradients.apply(ctx.kind, needs_weights, grad, *ctx.saved_tensors)  # type: ignore[no-untyped-call]
        nothing = (None,) * (0 if needs_weights else len(ctx.needs_input_grad) - 3)
        return None, *grads, *nothing

    @staticmethod
    def vmap(
        info: Any, in_dims: tuple[Any, ...], kind: Kind, *tensors: Tensor
    ) -> tuple[tuple[Tensor, Tensor], tuple[int, int]]:
        own_layers = any(dim is not None for dim in in_dims[3:])
        axis = 0 if own_layers else 1  # members with layers of their own, or more samples for the same layers
        count = len(tensors) if own_layers else 2
        merged = [
            _merge(one, dim, info.batch_size, axis) for one, dim in zip(tensors[:count], in_dims[1:], strict=False)
        ]
        outputs = _ReducedPairs.apply(kind, *merged, *tensors[count:])  # type: ignore[no-untyped-call]
        reduced, kept = (one.unflatten(axis, (info.batch_size, -1)) for one in outputs)
        return (reduced, kept), (axis, axis)


class _PairGradients(torch.autograd.Function):
    """The backward pass, a function of its own so that `vmap` finds a rule for it too."""

    @staticmethod
    def forward(
        kind: Kind, needs_weights: bool, grad: Tensor, kept: Tensor, receiver: Tensor, sender: Tensor, *layers: Tensor
    ) -> tuple[Tensor, ...]:
        weights, biases = _split(kind, layers)
        kernels = _kernels(kind, receiver, weights)
        if kind == "max":
            found = kernels.max_backward(grad, receiver, sender, kept, weights, biases, needs_weights=needs_weights)
        elif kept.shape[-1]:
            parts = grad, receiver, sender, weights, biases
            found = chunked_pairs.mean_backward(*parts, needs_weights=needs_weights, open_units=kept)
        else:
            found = kernels.mean_backward(grad, receiver, sender, weights, biases, needs_weights=needs_weights)
        sums = [one.to(receiver.dtype) for one in (*found.weights, *found.biases)]
        return found.receiver, found.sender, *sums

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        del ctx, inputs, output

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[None, ...]:
        raise NotImplementedError("Expected first gradients of all_pairs_messages only, got a gradient of a gradient.")

    @staticmethod
    def vmap(
        info: Any, in_dims: tuple[Any, ...], kind: Kind, needs_weights: bool, *tensors: Tensor
    ) -> tuple[tuple[Tensor, ...], tuple[int, ...]]:
        # Weights have a gradient for each sample of the mapped axis, hence members of their own.
        merged = [_merge(one, dim, info.batch_size, 0) for one, dim in zip(tensors, in_dims[2:], strict=True)]
        outputs = _PairGradients.apply(kind, needs_weights, *merged)  # type: ignore[no-untyped-call]
        return tuple(one.unflatten(0, (info.batch_size, -1)) for one in outputs), (0,) * len(outputs)


def _keeps_bits(receiver: Tensor, sender: Tensor, layers: Sequence[Tensor], last: Tensor) -> bool:
    """Tell whether a mean keeps where ReLUs were open: a backward pass will come, and the bits fill their bytes."""
    needed = any(tensor.requires_grad for tensor in (receiver, sender, *layers))
    return needed and receiver.shape[2] * last.shape[1] % 8 == 0


def _kernels(kind: Kind, receiver: Tensor, weights: Sequence[Tensor]) -> ModuleType:
    """Choose the kernels: those for GPUs where they take these tensors, else plain PyTorch.

    It follows from what forward and backward pass both have, so that they agree on what is kept in between.
    """
    if receiver.device.type == "cuda" and _has_triton():
        triton_pairs = importlib.import_module("rmr_gym.ops.triton_pairs")
        if triton_pairs.supports(kind, receiver, weights):
            return triton_pairs
    return chunked_pairs


@functools.cache
def _has_triton() -> bool:
    return importlib.util.find_spec("triton") is not None


def _split(kind: Kind, layers: Sequence[Tensor]) -> tuple[Sequence[Tensor], Sequence[Tensor]]:
    """Part weights and biases; with a maximum, the output layer comes without its bias."""
    num_weights = (len(layers) + (kind == "max")) // 2
    return layers[:num_weights], layers[num_weights:]


def _merge(tensor: Tensor, mapped_dim: int | None, size: int, axis: int) -> Tensor:
    """Make the axis that `vmap` hides a part of axis 0 (ensemble) or 1 (batch)."""
    if mapped_dim is None:
        tensor = tensor.unsqueeze(axis).expand(*tensor.shape[:axis], size, *tensor.shape[axis:])
    else:
        tensor = tensor.movedim(mapped_dim, axis)
    return tensor.flatten(axis, axis + 1)
