"""Message passing over all pairs on a GPU: what `chunked_pairs` computes, by the kernels of `triton_kernels`.

Edges never reach the memory of the GPU, and nothing of their size is kept for the backward pass, which computes the
second layer again. Products of float32 use TF32 where PyTorch is allowed to
(`torch.set_float32_matmul_precision("high")`) and otherwise three TF32 products, which are as good as float32 within
a few units of its last place. bfloat16 is summed in float32. Results do not depend on the order in which programs run.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from rmr_gym.ops import triton_kernels
from rmr_gym.ops.chunked_pairs import PairGradients

_WIDEST = {("mean", torch.float32): 64, ("mean", torch.bfloat16): 128}
_WIDEST |= {("max", torch.float32): 64, ("max", torch.bfloat16): 64}
_SHARED_MEMORY = 131_072
"""Bytes that a program of the widest kernel, the gradient of a maximum in float32, takes of a multiprocessor."""

_SMALLEST = 16
"""Matrix units take no less in any direction."""

_START_COST = 6
"""What the start of a program costs, in senders."""

_MOST_SPLITS = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class Tiling:
    """How a kernel divides its work. Moves the order of summation, and speed."""

    rows: int
    """Receivers of a program; a power of two from 16."""

    num_warps: int = 4
    """Warps of a program. Four make up the group that a Hopper matrix unit works for."""

    resident: int = 2
    """Programs that fit on a multiprocessor at a time, as their registers allow."""


TILINGS: dict[str, Tiling] = {
    "mean_forward": Tiling(rows=64),
    "mean_backward": Tiling(rows=32),
    "max_forward": Tiling(rows=64),
    "max_backward": Tiling(rows=32),
}
"""Tiling of each kernel, from the registers and instructions of the compiled code; `benchmarks.performance.gpu` tries
others."""


class Work(NamedTuple):
    """How the work of a launch is divided among programs."""

    rows: int
    """Receivers of a program."""

    tiles: int
    """Parts of the receivers of a sample."""

    splits: int
    """Parts of the senders of a sample."""

    senders_per_split: int
    """Senders of all parts but the last."""

    samples_per_group: int
    """Samples that a program takes one after another, to add up their weight gradients."""

    groups: int
    """Parts of the samples of a member."""


def supports(kind: str, receiver: Tensor, weights: Sequence[Tensor]) -> bool:
    """Tell whether the kernels take these tensors.

    Args:
        kind: "mean" or "max".
        receiver: [ensemble, batch, slot, hidden].
        weights: as for the functions below: one hidden layer, and with a maximum the output layer.
    """
    if receiver.device.type != "cuda" or not receiver.numel() or len(weights) != (2 if kind == "max" else 1):
        return False
    properties = torch.cuda.get_device_properties(receiver.device)
    # Older versions of PyTorch do not tell how much a program can have; on Hopper it is 227 kB.
    memory = getattr(properties, "shared_memory_per_block_optin", 232_448 if properties.major == 9 else 0)
    if properties.major < 8 or memory < _SHARED_MEMORY:
        return False
    widest = max(receiver.shape[-1], *(size for weight in weights for size in weight.shape[1:]))
    return widest <= _WIDEST.get((kind, receiver.dtype), 0)


def work_of(kernel: str, receiver: Tensor, *, in_groups: bool) -> Work:
    """Divide work so that the multiprocessors are busy to the end, and the parts of weight gradients stay few.

    Args:
        kernel: name in `TILINGS`.
        receiver: [ensemble, batch, slot, hidden].
        in_groups: whether a program may take several samples.
    """
    num_members, batch, num_slots, _ = receiver.shape
    tiling = TILINGS[kernel]
    rows = max(_SMALLEST, min(tiling.rows, _padded(num_slots)))
    tiles = math.ceil(num_slots / rows)
    at_once = tiling.resident * _multiprocessors(receiver.device)
    num_programs = num_members * batch * tiles

    def cost(splits: int) -> int:
        return math.ceil(num_programs * splits / at_once) * (math.ceil(num_slots / splits) + _START_COST)

    senders_per_split = math.ceil(num_slots / min(range(1, min(num_slots, _MOST_SPLITS) + 1), key=cost))
    splits = math.ceil(num_slots / senders_per_split)
    samples_per_group = max(1, num_programs * splits // (8 * at_once)) if in_groups else 1
    groups = math.ceil(batch / samples_per_group)
    return Work(rows, tiles, splits, senders_per_split, samples_per_group, groups)


def mean_forward(
    receiver: Float[Tensor, "ensemble batch slot hidden"],
    sender: Float[Tensor, "ensemble batch slot hidden"],
    weights: Sequence[Float[Tensor, "ensemble _ _"]],
    biases: Sequence[Float[Tensor, "ensemble _"]],
) -> Float[Tensor, "ensemble batch slot last"]:
    """Average the hidden layer of all edges into a slot; see `chunked_pairs.mean_forward`."""
    (weight,), (bias,) = weights, biases
    _, batch, num_slots, width = receiver.shape
    grid = work_of("mean_forward", receiver, in_groups=False)
    parts = _empty(receiver, grid.splits, *receiver.shape[:3], weight.shape[1])
    triton_kernels.mean_forward_kernel[_programs(receiver, grid)](
        *_contiguous(receiver, sender, weight, bias),
        parts,
        len(receiver) * batch,
        batch,
        num_slots,
        width,
        weight.shape[1],
        grid.senders_per_split,
        BLOCK_H=_padded(width),
        BLOCK_K=_padded(weight.shape[1]),
        **_options("mean_forward", grid, receiver),
    )
    return _total(parts, receiver.dtype)


def mean_backward(
    grad_mean: Float[Tensor, "ensemble batch slot last"],
    receiver: Float[Tensor, "ensemble batch slot hidden"],
    sender: Float[Tensor, "ensemble batch slot hidden"],
    weights: Sequence[Float[Tensor, "ensemble _ _"]],
    biases: Sequence[Float[Tensor, "ensemble _"]],
    *,
    needs_weights: bool,
) -> PairGradients:
    """Propagate the gradients of the means back; see `chunked_pairs.mean_backward`.

    Returns:
        Gradients; those of the weights in float32.
    """
    (weight,), (bias,) = weights, biases
    grid = work_of("mean_backward", receiver, in_groups=needs_weights)
    slots = _slot_parts(receiver, grid)
    layers = _layer_parts((weight, bias), grid, wanted=needs_weights)
    _, batch, num_slots, width = receiver.shape
    triton_kernels.mean_backward_kernel[_programs(receiver, grid, groups=grid.groups)](
        *_contiguous(grad_mean.to(receiver.dtype), receiver, sender, weight, bias),
        *slots,
        *layers,
        len(receiver) * batch,
        batch,
        num_slots,
        width,
        weight.shape[1],
        grid.senders_per_split,
        grid.samples_per_group,
        NEEDS_WEIGHTS=needs_weights,
        BLOCK_H=_padded(width),
        BLOCK_K=_padded(weight.shape[1]),
        **_options("mean_backward", grid, receiver),
    )
    grad_receiver, grad_sender = (_total(part, receiver.dtype) for part in slots)
    sums = [part.sum(1) for part in layers] if needs_weights else []
    return PairGradients(grad_receiver, grad_sender, sums[:1], sums[1:])


def max_forward(
    receiver: Float[Tensor, "ensemble batch slot hidden"],
    sender: Float[Tensor, "ensemble batch slot hidden"],
    weights: Sequence[Float[Tensor, "ensemble _ _"]],
    biases: Sequence[Float[Tensor, "ensemble _"]],
) -> tuple[Float[Tensor, "ensemble batch slot dim"], Int[Tensor, "ensemble batch slot dim"]]:
    """Take the maximum of the messages into a slot; see `chunked_pairs.max_forward`.

    Returns:
        Maxima without the bias of the output layer, and the sender that won each (the first of equals), int32.
    """
    (weight, output_weight), (bias,) = weights, biases
    _, batch, num_slots, width = receiver.shape
    grid = work_of("max_forward", receiver, in_groups=False)
    maxima = _empty(receiver, grid.splits, *receiver.shape[:3], output_weight.shape[1])
    winners = torch.empty_like(maxima, dtype=torch.int32)
    triton_kernels.max_forward_kernel[_programs(receiver, grid)](
        *_contiguous(receiver, sender, weight, bias, output_weight),
        maxima,
        winners,
        len(receiver) * batch,
        batch,
        num_slots,
        width,
        weight.shape[1],
        output_weight.shape[1],
        grid.senders_per_split,
        BLOCK_H=_padded(width),
        BLOCK_K=_padded(weight.shape[1]),
        BLOCK_D=_padded(output_weight.shape[1]),
        **_options("max_forward", grid, receiver),
    )
    if grid.splits == 1:
        return maxima[0].to(receiver.dtype), winners[0]
    maximum, split = maxima.max(0)
    return maximum.to(receiver.dtype), winners.gather(0, split.unsqueeze(0)).squeeze(0)


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
    """Propagate the gradients of the maxima back to the winners only; see `chunked_pairs.max_backward`.

    Returns:
        Gradients; those of the weights in float32.
    """
    (weight, output_weight), (bias,) = weights, biases
    grid = work_of("max_backward", receiver, in_groups=needs_weights)
    slots = _slot_parts(receiver, grid)
    layers = _layer_parts((weight, bias, output_weight), grid, wanted=needs_weights)
    _, batch, num_slots, width = receiver.shape
    triton_kernels.max_backward_kernel[_programs(receiver, grid, groups=grid.groups)](
        *_contiguous(grad_maximum.to(receiver.dtype), winner.to(torch.int32), receiver, sender, weight, bias),
        output_weight.contiguous(),
        *slots,
        *layers,
        len(receiver) * batch,
        batch,
        num_slots,
        width,
        weight.shape[1],
        output_weight.shape[1],
        grid.senders_per_split,
        grid.samples_per_group,
        NEEDS_WEIGHTS=needs_weights,
        BLOCK_H=_padded(width),
        BLOCK_K=_padded(weight.shape[1]),
        BLOCK_D=_padded(output_weight.shape[1]),
        **_options("max_backward", grid, receiver),
    )
    grad_receiver, grad_sender = (_total(part, receiver.dtype) for part in slots)
    sums = [part.sum(1) for part in layers] if needs_weights else []
    return PairGradients(grad_receiver, grad_sender, sums[::2], sums[1:2])


def _multiprocessors(device: torch.device) -> int:
    # The interpreter runs one program after another on the CPU.
    return torch.cuda.get_device_properties(device).multi_processor_count if device.type == "cuda" else 1


def _programs(receiver: Tensor, grid: Work, *, groups: int | None = None) -> tuple[int, int, int]:
    return len(receiver) * (groups or receiver.shape[1]), grid.tiles, grid.splits


def _options(kernel: str, grid: Work, receiver: Tensor) -> dict[str, Any]:
    return {"ROWS": grid.rows, "PRECISION": _precision(receiver), "num_warps": TILINGS[kernel].num_warps}


def _precision(receiver: Tensor) -> str:
    """Return how products are computed; on a GPU of no meaning for bfloat16."""
    if receiver.device.type != "cuda":
        return "interpreted"
    settings = torch.backends.cuda.matmul
    chosen = getattr(settings, "fp32_precision", None) or ("tf32" if settings.allow_tf32 else "ieee")
    return "tf32" if receiver.dtype == torch.bfloat16 or chosen == "tf32" else "tf32x3"


def _padded(width: int) -> int:
    return max(_SMALLEST, 1 << (width - 1).bit_length())


def _contiguous(*tensors: Tensor) -> list[Tensor]:
    return [tensor.contiguous() for tensor in tensors]


def _empty(like: Tensor, *shape: int) -> Tensor:
    return torch.empty(*shape, dtype=torch.float32, device=like.device)


def _slot_parts(receiver: Tensor, grid: Work) -> tuple[Tensor, Tensor]:
    return _empty(receiver, grid.splits, *receiver.shape), _empty(receiver, grid.tiles, *receiver.shape)


def _layer_parts(layers: Sequence[Tensor], grid: Work, *, wanted: bool) -> list[Tensor]:
    """Return room for the gradient of each layer by each program; without need of it, something to point at."""
    num_parts = grid.groups * grid.tiles * grid.splits if wanted else 0
    return [_empty(layer, len(layer), num_parts, *layer.shape[1:]) for layer in layers]


def _total(parts: Tensor, dtype: torch.dtype) -> Tensor:
    return (parts[0] if len(parts) == 1 else parts.sum(0)).to(dtype)
