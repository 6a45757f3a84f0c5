from typing import Any

import pytest
import torch

from rmr_gym.models.blocks import initial_weights
from rmr_gym.models.encoders import VIDEO_ENCODERS, KeypointsConfig
from rmr_gym.models.encoders.keypoints import KeypointEncoder

SIZE = (16, 12)


def make_encoder(**fields: Any) -> KeypointEncoder:
    small: dict[str, Any] = {"size": SIZE, "num_slots": 3, "slot_dim": 6, "channels": 4}
    with initial_weights(0):
        return KeypointsConfig(**(small | fields)).build().double()


def make_color_reader(**fields: Any) -> KeypointEncoder:
    """An encoder whose slot k takes the cells in which colour k is bright."""
    encoder = make_encoder(downsample=1, channels=3, num_convs=1, **fields)
    with torch.no_grad():
        for parameter in encoder.parameters():
            parameter.zero_()
        for color in range(3):
            encoder.trunk[0].weight[color, color, 2, 2] = 1.0
            encoder.scores.weight[color, color] = 100.0
        encoder.scores.bias[3] = 50.0  # the background wins where nothing is bright
    return encoder


def make_pixels(history: int = 3) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randint(0, 256, (2, history, 3, *SIZE), dtype=torch.uint8, generator=generator)


def make_noise(batch: int = 2, num_slots: int = 3) -> torch.Tensor:
    return torch.zeros(batch, num_slots, 1)


def test_place_is_the_middle_of_what_a_slot_takes_with_y_upwards() -> None:
    pixels = torch.zeros(1, 1, 3, *SIZE, dtype=torch.float64)
    pixels[0, 0, 0, 0, 0] = 1.0  # red in the corner at the top left
    pixels[0, 0, 1, 15, 9:12] = 1.0  # green at the bottom right
    found = make_color_reader(history=1, epsilon=1e-12).find(pixels)
    half_row, half_column = 1 / 16, 1 / 12
    expected = [[-1 + half_column, 1 - half_row], [1 - 3 * half_column, -1 + half_row], [0.0, 0.0]]
    torch.testing.assert_close(found.places[0, 0], torch.tensor(expected, dtype=torch.float64), rtol=0, atol=1e-6)
    torch.testing.assert_close(found.masks[0, 0].sum((1, 2)), torch.tensor([1.0, 3, 0]).double(), rtol=0, atol=1e-6)
    colors = torch.tensor([[1.0, 0, 0], [0, 1, 0], [1 / 192, 3 / 192, 0]]).double()  # one that finds nothing sees all
    torch.testing.assert_close(found.colors[0, 0], colors, rtol=0, atol=1e-6)


def test_slot_that_finds_nothing_says_the_middle() -> None:
    black = torch.zeros(1, 3, 3, *SIZE, dtype=torch.uint8)
    encoder = make_color_reader(history=3)
    torch.testing.assert_close(encoder.find(black).places, torch.zeros(1, 3, 3, 2).double())


def test_places_of_a_window_are_joined_slot_by_slot_oldest_first_with_the_mean_color() -> None:
    encoder, pixels = make_encoder(slot_dim=9), make_pixels()
    with torch.no_grad():
        encoder.head.weight.copy_(torch.eye(9))
        encoder.head.bias.zero_()
    found = encoder.find(pixels)
    expected = torch.cat([*found.places.unbind(1), found.colors.mean(1)], dim=-1)
    torch.testing.assert_close(encoder(pixels, make_noise()), expected)


def test_cells_are_shared_out_among_the_slots_and_the_background() -> None:
    masks = make_encoder(downsample=4, attention_gain=1.0, background_score=0.0).find(make_pixels()).masks
    assert masks.shape == (2, 3, 3, 4, 3)
    assert masks.min() > 0
    assert masks.sum(2).max() < 1


def test_attention_starts_on_what_is_not_black() -> None:
    pixels = torch.zeros(1, 3, 3, *SIZE, dtype=torch.uint8)
    black = make_encoder().find(pixels).masks
    pixels[..., 4:8, 4:8] = torch.tensor([255, 128, 0], dtype=torch.uint8)[:, None, None]
    masks = make_encoder(num_slots=20).find(pixels).masks
    assert black.max() < 1e-4
    assert masks[:, :, :, 2:4, 2:4].sum(2).min() > 0.5


def test_noise_is_nothing_and_does_not_move_the_generator() -> None:
    generator = torch.Generator().manual_seed(3)
    before = generator.get_state()
    assert torch.equal(make_encoder().noise(2, generator), make_noise())
    assert torch.equal(generator.get_state(), before)


def test_every_parameter_gets_a_gradient() -> None:
    encoder = make_encoder()
    encoder(make_pixels(), make_noise()).square().sum().backward()
    for name, parameter in encoder.named_parameters():
        assert parameter.grad.abs().sum() > 0, name


@pytest.mark.parametrize(
    ("pixels", "noise", "message"),
    [
        (torch.zeros(2, 2, 3, *SIZE), make_noise(), r"\(3, 3, 16, 12\)\); got \(2, 2, 3, 16, 12\)"),
        (torch.zeros(2, 3, 1, *SIZE), make_noise(), r"\(3, 3, 16, 12\)\); got \(2, 3, 1, 16, 12\)"),
        (torch.zeros(2, 3, 3, *SIZE), make_noise(num_slots=4), r"noise of shape \(2, 3, 1\); got \(2, 4, 1\)"),
    ],
)
def test_other_shapes_are_refused(pixels: torch.Tensor, noise: torch.Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make_encoder()(pixels.double(), noise)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("num_slots", 0, "slots.* >= 1"),
        ("size", (64, 0), "size >= 1"),
        ("downsample", 3, r"downsample that divides \(64, 64\); got 3"),
        ("attention_gain", 0.0, "finite attention_gain > 0"),
        ("epsilon", float("inf"), "finite epsilon > 0"),
        ("background_score", float("nan"), "finite background_score"),
    ],
)
def test_config_refuses_wrong_values(field: str, value: object, message: str) -> None:
    fields: dict[str, Any] = {field: value}
    with pytest.raises(ValueError, match=message):
        KeypointsConfig(**fields)


def test_it_stands_in_the_registry_and_is_a_hundredth_of_slot_attention_in_parameters() -> None:
    sizes = {
        name: sum(parameter.numel() for parameter in VIDEO_ENCODERS[name](num_slots=8).build().parameters())
        for name in ("keypoints", "slot_attention")
    }
    assert sizes["keypoints"] == 16 * (3 * 25 + 1) + 9 * (16 + 1) + 128 * (6 + 3 + 1)
    assert sizes["keypoints"] < sizes["slot_attention"] / 30
