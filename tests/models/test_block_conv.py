import pytest
import torch
from torch.nn import functional

from rmr_gym.models.encoders.block_conv import BlockConv2d


@pytest.mark.parametrize("size", [(16, 16), (23, 18), (8, 11)], ids=str)
def test_blocks_give_the_plain_convolution_and_its_gradients(size: tuple[int, int]) -> None:
    layer = BlockConv2d(3, stride=4).double()
    pixels = torch.rand(2, 1, *size, dtype=torch.float64, requires_grad=True)
    expected = functional.conv2d(pixels, layer.weight, layer.bias, stride=4)
    found = layer(pixels)
    torch.testing.assert_close(found, expected)
    weights = torch.randn_like(expected)
    inputs = (pixels, layer.weight, layer.bias)
    for one, other in zip(
        torch.autograd.grad((found * weights).sum(), inputs),
        torch.autograd.grad((expected * weights).sum(), inputs),
        strict=True,
    ):
        torch.testing.assert_close(one, other)


def test_bytes_stand_for_numbers_up_to_one() -> None:
    layer = BlockConv2d(5, stride=2).double()
    pixels = torch.arange(2 * 64, dtype=torch.uint8).mul(2).view(2, 1, 8, 8)
    torch.testing.assert_close(layer(pixels), layer(pixels.double() / 255))


def test_parameters_are_those_of_a_plain_convolution() -> None:
    plain = torch.nn.Conv2d(1, 4, kernel_size=8, stride=4)
    layer = BlockConv2d(4, stride=4)
    layer.load_state_dict(plain.state_dict())
    pixels = torch.rand(1, 1, 20, 20)
    torch.testing.assert_close(layer(pixels), plain(pixels))
