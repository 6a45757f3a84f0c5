import pytest
import torch
from torch.func import vmap
from torch.nn import functional

from rmr_gym.training.unfolding import UnfoldedConvolutions, unfolded_conv2d


def draw(*shape: int, seed: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(
    ("kernel", "stride", "padding", "dilation"),
    [((8, 8), 4, 0, 1), ((3, 3), 1, 0, 1), ((1, 1), 1, 0, 1), ((1, 1), 2, 0, 1), ((3, 2), (2, 1), (1, 2), (2, 1))],
)
def test_product_of_patches_is_the_convolution_with_its_gradients(kernel, stride, padding, dilation) -> None:
    inputs = [draw(3, 2, 17, 19, seed=0), draw(5, 2, *kernel, seed=1), draw(5, seed=2)]
    results = []
    for convolve in (functional.conv2d, unfolded_conv2d):
        leaves = [value.clone().requires_grad_() for value in inputs]
        output = convolve(*leaves, stride, padding, dilation)
        weights = torch.arange(output.numel(), dtype=output.dtype).view_as(output).cos()
        results.append([output, *torch.autograd.grad((output * weights).sum(), leaves)])
    for plain, unfolded in zip(*results, strict=True):
        torch.testing.assert_close(unfolded, plain, rtol=1e-10, atol=1e-10)


def test_mode_replaces_ungrouped_convolutions_only() -> None:
    pixels, weight = draw(2, 4, 9, 9, seed=0), draw(6, 4, 3, 3, seed=1)
    grouped, same = draw(6, 2, 3, 3, seed=2), draw(6, 4, 3, 3, seed=3)
    expected = (
        functional.conv2d(pixels, weight, stride=2),
        functional.conv2d(pixels, grouped, groups=2),
        functional.conv2d(pixels, same, padding="same"),
    )
    with UnfoldedConvolutions():
        found = (
            functional.conv2d(pixels, weight, stride=2),
            functional.conv2d(pixels, grouped, groups=2),
            functional.conv2d(pixels, same, padding="same"),
        )
    torch.testing.assert_close(found[0], expected[0], rtol=1e-12, atol=1e-12)
    assert not torch.equal(found[0], expected[0]), "rounding shows that another path was taken"
    assert torch.equal(found[1], expected[1])
    assert torch.equal(found[2], expected[2])


def test_mode_keeps_a_dilation_that_layers_pass_by_place() -> None:
    pixels, weight = draw(2, 4, 9, 9, seed=0), draw(6, 4, 3, 3, seed=1)
    expected = functional.conv2d(pixels, weight, None, 1, 0, 2, 1)  # as `torch.nn.Conv2d` calls it
    with UnfoldedConvolutions():
        found = functional.conv2d(pixels, weight, None, 1, 0, 2, 1)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


def test_mode_works_under_vmap_over_pixels_and_weights() -> None:
    pixels, weight = draw(3, 2, 4, 9, 9, seed=0), draw(3, 6, 4, 3, 3, seed=1)
    with UnfoldedConvolutions():
        found = vmap(lambda x, w: functional.conv2d(x, w, stride=2))(pixels, weight)
    for member in range(3):
        expected = functional.conv2d(pixels[member], weight[member], stride=2)
        torch.testing.assert_close(found[member], expected, rtol=1e-12, atol=1e-12)
