import math
from typing import Any

import pytest
import torch

from rmr_gym.models.blocks import initial_weights
from rmr_gym.models.decoders import BroadcastDecoder, BroadcastDecoderConfig


def make_decoder(input_dim: int = 6, **fields: Any) -> BroadcastDecoder:
    small: dict[str, Any] = {"size": (16, 16), "channels": 4, "strides": (2, 1)}
    with initial_weights(0):
        return BroadcastDecoderConfig(**(small | fields)).build(input_dim).double()


def make_slots(dim: int = 6) -> torch.Tensor:
    return torch.randn(2, 3, dim, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def make_transparent() -> BroadcastDecoder:
    """A decoder whose layers hand on the slots: channel 0 is the opacity, channel 1 the amount of (1, 2, 3)."""
    decoder = make_decoder(2, size=(8, 8), channels=2, strides=(1,))
    with torch.no_grad():
        for parameter in decoder.parameters():
            parameter.zero_()
        for channel in range(2):
            decoder.trunk[0].weight[channel, channel, 2, 2] = 1.0
        decoder.readout.weight[:, 1, 0, 0] = torch.tensor([1.0, 2, 3, 0])
        decoder.readout.weight[3, 0, 0, 0] = 1.0
    return decoder


def test_picture_is_the_mean_of_the_colors_weighted_by_the_opacities() -> None:
    slots = torch.tensor([[[math.log(3), 1.0], [0.0, 0.5]]], dtype=torch.float64)
    decoded = make_transparent()(slots)
    ones = torch.ones(8, 8, dtype=torch.float64)
    torch.testing.assert_close(decoded.masks, torch.stack([0.75 * ones, 0.25 * ones])[None])
    torch.testing.assert_close(decoded.colors[0, 1], torch.stack([0.5 * ones, ones, 1.5 * ones]))
    torch.testing.assert_close(decoded.image, torch.stack([0.875 * ones, 1.75 * ones, 2.625 * ones])[None])


def test_layers_know_where_a_pixel_lies() -> None:
    decoder = make_transparent()
    with torch.no_grad():
        decoder.position.linear.weight[1] = torch.tensor([1.0, 0, 0, 0])  # x
    colors = decoder(torch.zeros(1, 1, 2, dtype=torch.float64)).colors
    torch.testing.assert_close(colors[0, 0, 0], torch.linspace(0, 1, 8, dtype=torch.float64).expand(8, 8))


@pytest.mark.parametrize(
    ("size", "strides"), [(8, (1,)), (16, (2, 1)), (64, (2, 2, 2, 1, 1)), (64, (1, 1, 2, 2, 2)), (32, (4,))]
)
def test_strides_take_the_grid_to_the_size(size: int, strides: tuple[int, ...]) -> None:
    decoded = make_decoder(size=(size, size), strides=strides)(make_slots())
    assert decoded.image.shape == (2, 3, size, size)
    assert decoded.masks.shape == (2, 3, size, size)
    assert decoded.colors.shape == (2, 3, 3, size, size)


def test_masks_share_out_every_pixel() -> None:
    decoded = make_decoder()(make_slots())
    torch.testing.assert_close(decoded.masks.sum(1), torch.ones(2, 16, 16, dtype=torch.float64))
    assert decoded.masks.std() > 1e-4


def test_picture_does_not_depend_on_the_order_of_the_slots() -> None:
    decoder, slots, order = make_decoder(), make_slots(), torch.tensor([2, 0, 1])
    decoded, permuted = decoder(slots), decoder(slots[:, order])
    torch.testing.assert_close(permuted.image, decoded.image)
    torch.testing.assert_close(permuted.masks, decoded.masks[:, order])
    torch.testing.assert_close(permuted.colors, decoded.colors[:, order])


def test_narrow_slots_are_lifted_to_the_width_of_the_convolutions() -> None:
    narrow, wide = make_decoder(2), make_decoder(6)
    assert narrow.trunk[0].in_channels == narrow.position.linear.out_features == 4
    assert wide.trunk[0].in_channels == wide.position.linear.out_features == 6
    assert not [name for name in wide.state_dict() if name.startswith("lift")]
    assert narrow(make_slots(2)).image.shape == (2, 3, 16, 16)


def test_bounded_colors_start_dark_and_leave_the_masks_alone() -> None:
    linear, bounded = (make_decoder(bounded_colors=bounded)(make_slots()) for bounded in (False, True))
    torch.testing.assert_close(bounded.colors, 1 / (1 + (2 - linear.colors).exp()))
    torch.testing.assert_close(bounded.masks, linear.masks)
    assert bounded.image.min() > 0
    assert bounded.image.max() < 1
    decoder = make_decoder(bounded_colors=True)
    torch.nn.init.zeros_(decoder.readout.weight)
    torch.nn.init.zeros_(decoder.readout.bias)
    image = decoder(make_slots()).image
    torch.testing.assert_close(image, torch.full_like(image, 0.11920292202))  # sigmoid(-2)


def test_every_parameter_gets_a_gradient() -> None:
    decoder = make_decoder(2)
    decoder(make_slots(2)).image.square().sum().backward()
    assert all(bool(parameter.grad.abs().sum() > 0) for parameter in decoder.parameters())


def test_default_is_the_decoder_of_the_paper() -> None:
    decoder = BroadcastDecoderConfig().build(128)
    layers = [layer for layer in decoder.trunk if isinstance(layer, torch.nn.ConvTranspose2d)]
    assert [tuple(layer.weight.shape) for layer in layers] == [(128, 64, 5, 5), *[(64, 64, 5, 5)] * 4]


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("channels", 0, "channels >= 1"),
        ("strides", (), "strides >= 1"),
        ("strides", (2, 0), "strides >= 1"),
        ("strides", (2, 2), r"the size \(32, 32\).*got \(64, 64\)"),
        ("size", (64, 32), r"the size \(64, 64\).*got \(64, 32\)"),
    ],
)
def test_config_refuses_wrong_values(field: str, value: object, message: str) -> None:
    fields: dict[str, Any] = {field: value}
    with pytest.raises(ValueError, match=message):
        BroadcastDecoderConfig(**fields)
