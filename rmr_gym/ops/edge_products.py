"""Layers on the edges of a chunk, by whatever multiplies matrices fastest there."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

_NO_PADDING = (
    [1, 1],
    [0, 0],
    [1, 1],
    False,
    [0, 0],
    1,
)  # stride, padding, dilation, transposed, output padding, groups


def edge_layer(
    edges: Float[Tensor, "sample receiver sender hidden"],
    weight: Float[Tensor, "dim hidden"],
    bias: Float[Tensor, " dim"],
) -> Float[Tensor, "sample receiver sender dim"]:
    """Apply a linear layer to every edge."""
    if _by_convolution(edges):
        return _as_edges(functional.conv2d(_as_pictures(edges), _as_kernel(weight), bias), edges)
    return torch.addmm(bias, edges.flatten(0, 2), weight.t()).view(*edges.shape[:3], -1)


def edge_layer_backward(
    grad: Float[Tensor, "sample receiver sender dim"],
    edges: Float[Tensor, "sample receiver sender hidden"],
    weight: Float[Tensor, "dim hidden"],
    *,
    needs_weight: bool,
) -> tuple[Float[Tensor, "sample receiver sender hidden"], Float[Tensor, "dim hidden"] | None]:
    """Propagate the gradient of `edge_layer`'s result to the edges, and to the weight if that is needed."""
    if _by_convolution(edges):
        wanted = [True, needs_weight, False]
        grad_edges, grad_kernel, _ = torch.ops.aten.convolution_backward(
            _as_pictures(grad), _as_pictures(edges), _as_kernel(weight), None, *_NO_PADDING, wanted
        )
        return _as_edges(grad_edges, edges), grad_kernel.view_as(weight) if needs_weight else None
    rows = grad.flatten(0, 2)
    grad_weight = torch.mm(rows.t(), edges.flatten(0, 2)) if needs_weight else None
    return torch.mm(rows, weight).view_as(edges), grad_weight


def _by_convolution(edges: Tensor) -> bool:
    """Tell whether oneDNN multiplies, through 1x1 convolutions, and not the library of `torch.mm`.

    In float32 that library is MKL, which holds back on processors that are not Intel's: AVX2 where oneDNN uses AVX-512.
    On an AMD EPYC that has it the products take 2.3 times as long (`benchmarks.performance.messages`), on one with AVX2
    alone a little longer. bfloat16 is oneDNN's anyway.
    """
    if edges.device.type != "cpu" or edges.dtype != torch.float32:
        return False
    return bool(torch.backends.mkldnn.is_available())  # type: ignore[no-untyped-call]


def _as_pictures(edges: Float[Tensor, "sample receiver sender dim"]) -> Float[Tensor, "picture dim 1 sender"]:
    """View the edges into each receiver as a picture of one line.

    PyTorch asks oneDNN for 1x1 convolutions of 16 pictures or more only, unless it has several threads.
    """
    return edges.flatten(0, 1).unsqueeze(1).permute(0, 3, 1, 2)


def _as_edges(pictures: Tensor, like: Tensor) -> Float[Tensor, "sample receiver sender dim"]:
    return pictures.permute(0, 2, 3, 1).reshape(*like.shape[:3], -1)  # a copy only where PyTorch chose another layout


def _as_kernel(weight: Tensor) -> Tensor:
    return weight[:, :, None, None].contiguous(memory_format=torch.channels_last)
