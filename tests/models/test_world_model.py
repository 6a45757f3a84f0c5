import numpy as np
import pytest
import torch

from rmr_gym.envs.actions import NUM_ACTIONS as ENVIRONMENT_ACTIONS
from rmr_gym.models import AbstractModel, NaturalModel, unpack_bits
from rmr_gym.models.blocks import initial_weights
from rmr_gym.models.decoders import LatentDecoder
from rmr_gym.models.encoders import NatureCnnConfig
from rmr_gym.models.interfaces import NUM_ACTIONS
from rmr_gym.models.processors import DeepSetsConfig, MpnnConfig


def make_abstract(num_slots: int = 5) -> AbstractModel:
    with initial_weights(0):
        return AbstractModel(DeepSetsConfig(slot_dim=6).build(num_slots), num_slots=num_slots)


def test_models_and_environments_agree_on_the_number_of_actions() -> None:
    assert NUM_ACTIONS == ENVIRONMENT_ACTIONS == 18


def test_unpack_bits_agrees_with_numpy() -> None:
    ram = np.arange(256, dtype=np.uint8).reshape(2, 128)
    expected = np.unpackbits(ram[..., None], axis=-1)
    assert np.array_equal(unpack_bits(torch.from_numpy(ram)).numpy(), expected)


def test_ram_encoder_equals_one_linear_layer_on_bits_and_address() -> None:
    encoder = make_abstract(5).encoder
    bits = torch.randint(0, 2, (2, 5, 8)).float()
    weight = torch.cat([encoder.bits.weight, encoder.address.T], dim=1)
    concatenated = torch.cat([bits, torch.eye(5).expand(2, 5, 5)], dim=-1)
    torch.testing.assert_close(encoder(bits), concatenated @ weight.T + encoder.bits.bias)


def test_predict_copies_bytes_that_the_mask_leaves_alone() -> None:
    model = make_abstract(2)
    with torch.no_grad():
        for layer in (model.decoder.mask, model.decoder.bits):
            layer.weight.zero_()
        model.decoder.bits.bias.copy_(torch.tensor([1.0, -1, 1, -1, 1, -1, 1, -1]))
    bits = unpack_bits(torch.tensor([[0, 255]], dtype=torch.uint8))
    for bias, expected in ((-1.0, [0, 255]), (1.0, [0b10101010, 0b10101010])):
        with torch.no_grad():
            model.decoder.mask.bias.fill_(bias)
        predicted, overwritten = model.predict(bits, torch.tensor([0]))
        assert np.packbits(predicted.numpy(), axis=-1).flatten().tolist() == expected
        assert overwritten.all().item() == (bias > 0)


def test_natural_model_starts_near_the_skip_when_the_decoder_is_the_identity() -> None:
    config = NatureCnnConfig(resolution="84x84", num_slots=4, slot_dim=3, maps_per_slot=1)
    with initial_weights(0):
        processor = MpnnConfig(slot_dim=3).build(4)
        model = NaturalModel(config.build(), processor, LatentDecoder(slot_dim=3, initialisation="identity"))
    pixels, next_pixels = torch.rand(2, 2, 1, 84, 84)
    action = torch.tensor([1, 2])
    latents = model(pixels, action, next_pixels)
    torch.testing.assert_close(latents.predicted, processor(latents.current, action))
    torch.testing.assert_close(latents.following, model.encoder(next_pixels))


def test_natural_model_refuses_slots_of_different_widths() -> None:
    encoder = NatureCnnConfig(resolution="84x84", slot_dim=32, maps_per_slot=1).build()
    with pytest.raises(ValueError, match=r"width 64.*got width 32"):
        NaturalModel(encoder, MpnnConfig().build(128), LatentDecoder(slot_dim=32))
