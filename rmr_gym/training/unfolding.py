"""Convolutions as matrix products, for members whose convolutions would otherwise become one with many groups."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode


class UnfoldedConvolutions(TorchFunctionMode):
    """Inside of this block every ungrouped 2-d convolution is computed as patches times weights.

    Under `torch.func.vmap` with weights per member, a convolution becomes one with as many groups as members; a
    product of patches becomes a batched matrix product instead, which suits some devices better. The patches cost
    memory: kernel area over stride area times that of the input.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Replace `conv2d` where `unfolded_conv2d` can do its work."""
        del types
        if func is torch.conv2d and _is_plain(*args, **(kwargs or {})):
            return unfolded_conv2d(
                *args[:6], **{key: value for key, value in (kwargs or {}).items() if key != "groups"}
            )
        return func(*args, **(kwargs or {}))


def unfolded_conv2d(
    pixels: Float[Tensor, "batch channel height width"],
    weight: Float[Tensor, "out channel kernel_height kernel_width"],
    bias: Float[Tensor, " out"] | None = None,
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int] = 0,
    dilation: int | tuple[int, int] = 1,
) -> Float[Tensor, "batch out out_height out_width"]:
    """Compute what `torch.nn.functional.conv2d` computes, with one matrix product.

    Args:
        pixels: input.
        weight: kernels.
        bias: one number per output channel.
        stride: steps of the kernel.
        padding: zeros around the input.
        dilation: distance of the kernel's points.

    Returns:
        The convolution, up to rounding.
    """
    (height, width), (down, right) = weight.shape[2:], _pair(stride)
    (top, left), (tall, wide) = _pair(padding), _pair(dilation)
    rows = (pixels.shape[2] + 2 * top - tall * (height - 1) - 1) // down + 1
    columns = (pixels.shape[3] + 2 * left - wide * (width - 1) - 1) // right + 1
    if (height, width, down, right, top, left) == (1, 1, 1, 1, 0, 0):
        patches = pixels.flatten(2)
    else:
        patches = functional.unfold(
            pixels, (height, width), dilation=(tall, wide), padding=(top, left), stride=(down, right)
        )
    # All samples in one product per member: a product per sample would need a weight gradient per sample.
    flat = patches.transpose(1, 2).reshape(-1, patches.shape[1])
    result = functional.linear(flat, weight.flatten(1), bias)
    return result.view(len(pixels), rows, columns, len(weight)).permute(0, 3, 1, 2).contiguous()


def _is_plain(
    pixels: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> bool:
    return groups == 1 and not isinstance(padding, str) and pixels.dim() == 4


def _pair(value: int | Sequence[int]) -> tuple[int, int]:
    """Spread one number over height and width."""
    return (value, value) if isinstance(value, int) else (value[0], value[-1])
