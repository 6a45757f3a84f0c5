import pytest
import torch
from torch import nn
from torch.nn import functional

from rmr_gym.models.blocks import initial_weights
from rmr_gym.models.encoders import NatureCnnConfig


@pytest.mark.parametrize(
    ("resolution", "trunk_shape"), [("210x160", (64, 9, 6)), ("84x84", (64, 7, 7))], ids=["210x160", "84x84"]
)
def test_trunk_has_the_shape_of_the_table(resolution: str, trunk_shape: tuple[int, int, int]) -> None:
    encoder = NatureCnnConfig(resolution=resolution, maps_per_slot=1).build()  # type: ignore[arg-type]
    assert encoder.trunk(torch.zeros(1, *encoder.input_shape)).shape[1:] == trunk_shape
    assert encoder.head.in_features == trunk_shape[1] * trunk_shape[2]


def test_slots_take_neighbouring_maps() -> None:
    # Channel = slot * m + map: a change of channel 3 with two maps a slot reaches slot 1 and no other.
    with initial_weights(0):
        encoder = NatureCnnConfig(resolution="84x84", num_slots=4, slot_dim=5, maps_per_slot=2).build()
    pixels = torch.rand(1, 1, 84, 84)
    before = encoder(pixels)
    with torch.no_grad():
        encoder.maps.bias[3] += 1.0
    changed = (encoder(pixels) != before).any(-1)[0]
    assert changed.tolist() == [False, True, False, False]


def test_orthogonal_initialisation_is_orthogonal_with_zero_biases() -> None:
    with initial_weights(0):
        encoder = NatureCnnConfig(resolution="84x84").build()
    weight = encoder.trunk[0].weight.flatten(1)
    torch.testing.assert_close(weight @ weight.T, 2 * torch.eye(len(weight)), rtol=1e-4, atol=1e-4)  # gain sqrt(2)
    assert encoder.trunk[0].bias.abs().max() == 0


def test_encoder_refuses_frames_of_another_size() -> None:
    encoder = NatureCnnConfig(resolution="84x84").build()
    with pytest.raises(ValueError, match=r"\(1, 84, 84\).*got \(batch, 1, 210, 160\)"):
        encoder(torch.zeros(2, 1, 210, 160))


def test_calibration_gives_every_feature_the_asked_deviation() -> None:
    config = NatureCnnConfig(resolution="84x84", num_slots=4, slot_dim=5, maps_per_slot=2, output_std=0.4)
    with initial_weights(0):
        encoder = config.build()
    pixels = torch.randint(0, 256, (150, 1, 84, 84), dtype=torch.uint8)
    raw = encoder(pixels)
    for _ in range(2):  # again gives the same
        encoder.calibrate(pixels)
        slots = encoder(pixels)
        torch.testing.assert_close(slots.mean(0), torch.zeros(4, 5), atol=1e-3, rtol=0)
        torch.testing.assert_close(slots.std(0), torch.full((4, 5), 0.4), atol=1e-3, rtol=0)
    torch.testing.assert_close(slots, (raw - encoder.shift) * encoder.scale)


def test_calibration_does_not_blow_up_a_constant_feature() -> None:
    encoder = NatureCnnConfig(resolution="84x84", num_slots=2, slot_dim=3, maps_per_slot=1, output_std=0.4).build()
    with torch.no_grad():
        encoder.head.weight[0] = 0.0
    encoder.calibrate(torch.randint(0, 256, (50, 1, 84, 84), dtype=torch.uint8))
    assert encoder.scale[:, 0].max() <= 20 * 0.4 / (0.4 / encoder.scale).median() * 1.01


@pytest.mark.parametrize("count", [1, 60])
def test_calibration_refuses_frames_that_do_not_differ(count: int) -> None:
    encoder = NatureCnnConfig(resolution="84x84", num_slots=2, slot_dim=3, maps_per_slot=1, output_std=0.4).build()
    frame = torch.randint(0, 256, (1, 1, 84, 84), dtype=torch.uint8)
    with pytest.raises(ValueError, match=f"got {count} on which they do not"):
        encoder.calibrate(frame.expand(count, -1, -1, -1))


def test_bytes_of_a_wider_type_are_bytes() -> None:
    encoder = NatureCnnConfig(resolution="84x84", num_slots=2, slot_dim=3, maps_per_slot=1).build()
    pixels = torch.randint(0, 256, (2, 1, 84, 84), dtype=torch.uint8)
    assert torch.equal(encoder(pixels.long()), encoder(pixels))


def test_an_empty_batch_gives_no_slots() -> None:
    encoder = NatureCnnConfig(resolution="84x84", num_slots=2, slot_dim=3, maps_per_slot=1).build()
    assert encoder(torch.zeros(0, 1, 84, 84, dtype=torch.uint8)).shape == (0, 2, 3)


def test_encoder_without_output_std_is_left_as_it_is() -> None:
    encoder = NatureCnnConfig(resolution="84x84", num_slots=2, slot_dim=3, maps_per_slot=1).build()
    encoder.calibrate(torch.randint(0, 256, (5, 1, 84, 84), dtype=torch.uint8))
    assert encoder.shift.abs().max() == 0
    assert (encoder.scale == 1).all()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("resolution", "100x100"),
        ("initialisation", "zeros"),
        ("maps_per_slot", 0),
        ("slot_dim", -1),
        ("output_std", 0.0),
    ],
)
def test_config_refuses_wrong_values(field: str, value: object) -> None:
    config = NatureCnnConfig()
    object.__setattr__(config, field, value)  # past the type check that tests switch on
    with pytest.raises(ValueError, match="Expected"):
        config.__post_init__()


@pytest.mark.parametrize("resolution", ["210x160", "84x84"])
def test_slots_and_gradients_are_those_of_the_plain_layers(resolution: str) -> None:
    config = NatureCnnConfig(resolution=resolution, num_slots=3, slot_dim=5, maps_per_slot=2)  # type: ignore[arg-type]
    with initial_weights(0):
        encoder = config.build().double()
    pixels = torch.randint(0, 256, (27, *encoder.input_shape), dtype=torch.uint8)  # more than are encoded at once
    maps = pixels.double() / 255
    for layer in encoder.trunk:
        if isinstance(layer, nn.Conv2d):
            maps = functional.conv2d(maps, layer.weight, layer.bias, layer.stride).relu()
    expected = encoder.head(encoder.maps(maps).reshape(27, 3, -1))
    found = encoder(pixels)
    torch.testing.assert_close(found, expected)
    weights, parameters = torch.randn_like(expected), list(encoder.parameters())
    for one, other in zip(
        torch.autograd.grad((found * weights).sum(), parameters),
        torch.autograd.grad((expected * weights).sum(), parameters),
        strict=True,
    ):
        torch.testing.assert_close(one, other)
