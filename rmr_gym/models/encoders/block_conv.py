"""A first convolution for gray pictures that reads them in blocks."""

from __future__ import annotations

from jaxtyping import Float, Num
from torch import Tensor, nn
from torch.nn import functional


class BlockConv2d(nn.Conv2d):
    """Convolution of one channel whose kernel is two strides wide, computed on blocks of one stride.

    Libraries are slow on a single input channel. Cut into blocks of `stride x stride` pixels, the picture has
    `stride ** 2` channels and the kernel is 2x2 with stride 1; products and sums are the same. Parameters are those of
    `torch.nn.Conv2d(1, out_channels, 2 * stride, stride)`.

    Args:
        out_channels: number of feature maps.
        stride: width of a block; the kernel is twice as wide.
    """

    def __init__(self, out_channels: int, stride: int) -> None:
        super().__init__(1, out_channels, 2 * stride, stride)

    def forward(self, input: Num[Tensor, "batch 1 height width"]) -> Float[Tensor, "batch maps rows columns"]:  # noqa: A002
        """Convolve pictures.

        Args:
            input: bytes (of any whole type), which stand for 0..1 in steps of 1/255, or floats as they are.

        Returns:
            Feature maps, in memory with the maps last.
        """
        stride = self.stride[0]
        rows, columns = input.shape[2] // stride, input.shape[3] // stride
        whole = input[:, 0, : rows * stride, : columns * stride].reshape(-1, rows, stride, columns, stride)
        blocks = whole.transpose(2, 3).flatten(3)
        weight = self.weight.view(-1, 2, stride, 2, stride).permute(0, 2, 4, 1, 3).flatten(1, 2)
        if not input.is_floating_point():
            weight = weight / 255  # some thousand numbers, where the pictures are some million
        return functional.conv2d(blocks.to(weight.dtype).permute(0, 3, 1, 2), weight, self.bias)
