import math
from typing import Any

import pytest
import torch

from rmr_gym.models.blocks import initial_weights
from rmr_gym.models.encoders import VIDEO_ENCODERS, SlotAttentionConfig
from rmr_gym.models.encoders.slot_attention import SlotAttentionEncoder

ORDER = torch.tensor([2, 0, 3, 1])


def make_encoder(**fields: Any) -> SlotAttentionEncoder:
    small: dict[str, Any] = {
        "size": (16, 12),
        "num_slots": 4,
        "slot_dim": 6,
        "channels": 5,
        "slot_size": 8,
        "hidden_dim": 9,
    }
    with initial_weights(0):
        return SlotAttentionConfig(**(small | fields)).build().double()


def make_pixels(history: int = 3) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randint(0, 256, (2, history, 3, 16, 12), dtype=torch.uint8, generator=generator)


def make_noise(encoder: SlotAttentionEncoder, seed: int = 2) -> torch.Tensor:
    return encoder.noise(2, torch.Generator().manual_seed(seed)).double()


@pytest.mark.parametrize("chain_frames", [False, True])
def test_slots_follow_a_permutation_of_the_noise(chain_frames: bool) -> None:
    encoder, pixels = make_encoder(chain_frames=chain_frames), make_pixels()
    noise = make_noise(encoder)
    slots = encoder(pixels, noise)
    assert slots.shape == (2, 4, 6)
    torch.testing.assert_close(encoder(pixels, noise[:, ORDER]), slots[:, ORDER])
    assert not torch.allclose(slots, slots[:, ORDER])


def test_masks_follow_a_permutation_of_the_noise() -> None:
    encoder, pixels = make_encoder(), make_pixels()
    noise = make_noise(encoder)
    masks = encoder.attend(pixels, noise).masks
    torch.testing.assert_close(encoder.attend(pixels, noise[:, ORDER]).masks, masks[:, :, ORDER])


def test_slot_stays_itself_through_a_window_without_motion() -> None:
    encoder = make_encoder()
    still = make_pixels(1).expand(-1, 3, -1, -1, -1)
    slots = encoder.attend(still, make_noise(encoder)).slots
    torch.testing.assert_close(slots, slots[:, :1].expand(-1, 3, -1, -1))
    # With noise of its own a frame would come to other slots.
    assert not torch.allclose(slots, encoder.attend(still, make_noise(encoder, seed=3)).slots, atol=1e-3)


def test_chained_frames_start_where_the_frame_before_ended() -> None:
    encoder = make_encoder(chain_frames=True, iterations=2)
    twice = make_encoder(chain_frames=True, iterations=4)  # the same seed, so the same weights
    still, noise = make_pixels(1).expand(-1, 3, -1, -1, -1), make_noise(encoder)
    found = encoder.attend(still, noise)
    expected = twice.attend(still, noise)
    torch.testing.assert_close(found.slots[:, 1], expected.slots[:, 0])
    torch.testing.assert_close(found.masks[:, 1], expected.masks[:, 0])


def test_frames_are_joined_slot_by_slot_oldest_first() -> None:
    encoder, pixels = make_encoder(slot_dim=8), make_pixels()
    noise = make_noise(encoder)
    per_frame = encoder.attend(pixels, noise).slots
    for frame in range(3):
        with torch.no_grad():
            encoder.head.weight.zero_()
            encoder.head.bias.zero_()
            encoder.head.weight[:, 8 * frame : 8 * frame + 8] = torch.eye(8)
        torch.testing.assert_close(encoder(pixels, noise), per_frame[:, frame])


@pytest.mark.parametrize("chain_frames", [False, True])
@pytest.mark.parametrize("downsample", [1, 2, 4])
def test_masks_share_out_every_cell(downsample: int, chain_frames: bool) -> None:
    encoder = make_encoder(downsample=downsample, chain_frames=chain_frames)
    masks = encoder.attend(make_pixels(), make_noise(encoder)).masks
    assert masks.shape == (2, 3, 4, 16 // downsample, 12 // downsample)
    torch.testing.assert_close(masks.sum(2), torch.ones_like(masks[:, :, 0]))


def test_masks_lie_on_the_picture_as_it_lies() -> None:
    encoder = make_encoder()
    with torch.no_grad():
        for name, parameter in encoder.trunk.named_parameters():
            if name.endswith("bias"):
                parameter.zero_()  # a black picture leaves nothing but the position
        encoder.position.linear.weight[:, [1, 3]] = 0.0  # of which only x counts
    masks = encoder.attend(torch.zeros(2, 3, 3, 16, 12, dtype=torch.uint8), make_noise(encoder)).masks
    torch.testing.assert_close(masks, masks[..., :1, :].expand(-1, -1, -1, 16, -1))
    assert masks.std(-1).min() > 1e-4


def test_learned_slots_do_not_depend_on_the_noise() -> None:
    encoder, pixels = make_encoder(initialisation="learned"), make_pixels()
    slots = encoder(pixels, make_noise(encoder, seed=2))
    assert torch.equal(slots, encoder(pixels, make_noise(encoder, seed=3)))
    assert not torch.allclose(slots[:, 0], slots[:, 1], atol=1e-3)


def test_noise_is_scaled_and_shifted_by_learned_numbers() -> None:
    encoder, pixels = make_encoder(), make_pixels()
    noise = make_noise(encoder)
    expected = encoder.mu.detach() + encoder.log_sigma.detach().exp() * noise
    found = encoder(pixels, noise)
    with torch.no_grad():
        encoder.mu.zero_()
        encoder.log_sigma.zero_()
    torch.testing.assert_close(encoder(pixels, expected), found)


def test_bytes_and_floats_give_the_same_slots() -> None:
    encoder, pixels = make_encoder(), make_pixels()
    noise = make_noise(encoder)
    torch.testing.assert_close(encoder(pixels.double() / 255, noise), encoder(pixels, noise))


def test_windows_do_not_see_each_other() -> None:
    encoder, pixels = make_encoder(), make_pixels()
    noise = make_noise(encoder)
    torch.testing.assert_close(encoder(pixels[1:], noise[1:]), encoder(pixels, noise)[1:])


def test_gain_scales_the_weights_of_queries_and_keys_and_nothing_else() -> None:
    plain, raised = make_encoder().state_dict(), make_encoder(attention_gain=3.0).state_dict()
    scaled = {"attention.query.weight", "attention.key.weight"}
    for name, value in plain.items():
        torch.testing.assert_close(raised[name], (3 if name in scaled else 1) * value, rtol=1e-6, atol=0)


def test_gain_makes_the_first_attention_uneven() -> None:
    def spread(gain: float) -> float:
        encoder = make_encoder(attention_gain=gain)
        return float(encoder.attend(make_pixels(), make_noise(encoder)).masks.detach().std(2).mean())

    assert spread(5.0) > 2 * spread(1.0)


def test_noise_comes_from_the_generator_alone() -> None:
    encoder = make_encoder()
    first, again = (encoder.noise(3, torch.Generator().manual_seed(5)) for _ in range(2))
    assert torch.equal(first, again)
    assert first.shape == (3, 4, 8)
    assert not torch.equal(first[0], first[1])


@pytest.mark.parametrize("initialisation", ["shared_noise", "learned"])
def test_every_parameter_gets_a_gradient(initialisation: str) -> None:
    encoder = make_encoder(initialisation=initialisation)
    encoder(make_pixels(), make_noise(encoder)).square().sum().backward()
    without = [
        name
        for name, parameter in encoder.named_parameters()
        if parameter.grad is None or not parameter.grad.abs().sum() > 0
    ]
    assert without == []


def test_encoder_refuses_windows_of_another_shape() -> None:
    encoder = make_encoder()
    with pytest.raises(ValueError, match=r"\(batch, \*\(3, 3, 16, 12\)\); got \(2, 2, 3, 16, 12\)"):
        encoder(make_pixels(2), make_noise(encoder))


def test_encoder_refuses_noise_of_another_shape() -> None:
    encoder = make_encoder()
    with pytest.raises(ValueError, match=r"noise of shape \(2, 4, 8\); got \(2, 5, 8\)"):
        encoder(make_pixels(), torch.zeros(2, 5, 8, dtype=torch.float64))


def test_registry_builds_the_encoder_of_the_paper() -> None:
    encoder = VIDEO_ENCODERS["slot_attention"]().build()
    assert encoder.input_shape == (3, 3, 64, 64)
    assert (encoder.num_slots, encoder.slot_dim, encoder.head.in_features) == (10, 128, 192)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("num_slots", 0, "counts and widths >= 1"),
        ("size", (0, 64), "counts and widths >= 1"),
        ("iterations", 0, "counts and widths >= 1"),
        ("downsample", 3, "1, 2 or 4"),
        ("size", (62, 62), "1, 2 or 4"),
        ("epsilon", 0.0, "epsilon > 0"),
        ("attention_gain", 0.0, "finite attention_gain > 0"),
        ("attention_gain", -3.0, "finite attention_gain > 0"),
        ("attention_gain", math.inf, "finite attention_gain > 0"),
        ("attention_gain", math.nan, "finite attention_gain > 0"),
    ],
)
def test_config_refuses_wrong_values(field: str, value: object, message: str) -> None:
    fields: dict[str, Any] = {"downsample": 4} | {field: value}
    with pytest.raises(ValueError, match=message):
        SlotAttentionConfig(**fields)


def test_config_refuses_an_unknown_initialisation() -> None:
    config = SlotAttentionConfig()
    object.__setattr__(config, "initialisation", "zeros")  # past the type check that tests switch on
    with pytest.raises(ValueError, match="shared_noise, learned"):
        config.__post_init__()
