import pytest
import torch

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


@pytest.mark.parametrize(
    ("field", "value"), [("resolution", "100x100"), ("initialisation", "zeros"), ("maps_per_slot", 0), ("slot_dim", -1)]
)
def test_config_refuses_wrong_values(field: str, value: object) -> None:
    config = NatureCnnConfig()
    object.__setattr__(config, field, value)  # past the type check that tests switch on
    with pytest.raises(ValueError, match="Expected"):
        config.__post_init__()
