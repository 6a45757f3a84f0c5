import math
from typing import Any

import pytest
import torch

from rmr_gym.models.blocks import initial_weights
from rmr_gym.models.decoders import VIDEO_DECODERS, DiscDecoder, DiscDecoderConfig


def make_decoder(input_dim: int = 6, **fields: Any) -> DiscDecoder:
    small: dict[str, Any] = {"size": (16, 12)}
    with initial_weights(0):
        return DiscDecoderConfig(**(small | fields)).build(input_dim).double()


def make_slots(dim: int = 6) -> torch.Tensor:
    return torch.randn(2, 3, dim, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def make_reader(**fields: Any) -> DiscDecoder:
    """A decoder of slots that are `x, y, red, green, blue`, with sharp discs of radius 1/4."""
    decoder = make_decoder(5, radius=0.25, edge=1e-3, separation=1e-3, **fields)
    with torch.no_grad():
        for layer, columns in ((decoder.place, slice(0, 2)), (decoder.color, slice(2, 5))):
            layer.weight.zero_()
            layer.weight[:, columns] = math.sqrt(5) * torch.eye(layer.out_features)
            layer.bias.zero_()
    return decoder


def test_disc_lies_at_its_place_with_y_upwards_and_in_its_color() -> None:
    bright = 100.0
    slots = torch.tensor([[[0.5, 0.5, bright, -bright, -bright], [-0.5, -0.5, -bright, bright, -bright]]])
    image = make_reader(size=(16, 16))(slots.double()).image[0].detach()
    red, green, blue = image
    assert red[:8, 8:].sum() == pytest.approx(red.sum())  # the quarter at the top right
    assert green[8:, :8].sum() == pytest.approx(green.sum())
    assert red.sum() == green.sum() == pytest.approx(12)  # pixels whose middle is within 2 of the middle of 4x4
    assert blue.sum() == pytest.approx(0)


def test_picture_is_mixed_from_its_layers_and_every_pixel_is_shared_out() -> None:
    decoded = make_decoder()(make_slots())
    assert decoded.masks.shape == (2, 3, 16, 12)
    assert decoded.colors.shape == (2, 3, 3, 16, 12)
    torch.testing.assert_close(decoded.masks.sum(1), torch.ones(2, 16, 12, dtype=torch.float64))
    torch.testing.assert_close((decoded.masks.unsqueeze(2) * decoded.colors).sum(1), decoded.image)
    assert decoded.masks.std() > 1e-4
    assert 0 < decoded.image.min() < decoded.image.max() < 1


def test_pixel_belongs_to_the_nearest_disc() -> None:
    slots = torch.tensor([[[-0.5, 0.0, 0, 0, 0], [0.5, 0.0, 0, 0, 0]]]).double()
    masks = make_reader()(slots).masks[0]
    torch.testing.assert_close(masks[0, :, :6], torch.ones(16, 6, dtype=torch.float64))
    torch.testing.assert_close(masks[1, :, 6:], torch.ones(16, 6, dtype=torch.float64))


def test_picture_does_not_depend_on_the_order_of_the_slots() -> None:
    decoder, slots, order = make_decoder(), make_slots(), torch.tensor([2, 0, 1])
    decoded, permuted = decoder(slots), decoder(slots[:, order])
    torch.testing.assert_close(permuted.image, decoded.image)
    torch.testing.assert_close(permuted.masks, decoded.masks[:, order])


def test_every_parameter_gets_a_finite_gradient_even_in_the_middle_of_a_disc() -> None:
    decoder = make_reader(size=(15, 15))
    slots = torch.zeros(1, 2, 5, dtype=torch.float64)
    slots[0, 1] = 0.7
    decoder.log_edge.data.fill_(-1.0)
    decoder.log_separation.data.fill_(-1.0)
    decoder(slots).image.square().sum().backward()
    for name, parameter in decoder.named_parameters():
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.abs().sum() > 0, name


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("size", (0, 64), "height and width >= 1"),
        ("radius", 0.0, "finite radius > 0"),
        ("edge", -1.0, "finite edge > 0"),
        ("separation", float("nan"), "finite separation > 0"),
    ],
)
def test_config_refuses_wrong_values(field: str, value: object, message: str) -> None:
    fields: dict[str, Any] = {field: value}
    with pytest.raises(ValueError, match=message):
        DiscDecoderConfig(**fields)


def test_decoders_of_pictures_stand_in_the_registry() -> None:
    assert list(VIDEO_DECODERS) == ["broadcast", "discs"]
    assert VIDEO_DECODERS["discs"] is DiscDecoderConfig
