from __future__ import annotations

import jaxtyping
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rmr_gym.models import Encoder, PictureFeatures, VideoEncoder
from rmr_gym.models.encoders import NatureCnnConfig, SlotAttentionConfig

SIZE = (8, 10)


def make_encoder() -> Encoder:
    return NatureCnnConfig(resolution="84x84", num_slots=3, slot_dim=2, maps_per_slot=1).build()


def make_video_encoder() -> VideoEncoder:
    config = SlotAttentionConfig(size=SIZE, history=2, num_slots=3, slot_dim=6, channels=2, slot_size=4, hidden_dim=4)
    return config.build().eval()


def draw_pictures(batch: int, count: int, channels: int, size: tuple[int, int], seed: int = 0) -> torch.Tensor:
    shape = (batch, count, channels, *size)
    return torch.from_numpy(np.random.default_rng(seed).integers(0, 256, shape, np.uint8))


def all_layouts(pictures: torch.Tensor) -> dict[str, torch.Tensor]:
    """Return the same pictures `(batch, n, c, h, w)` in every layout that can hold them."""
    joined = pictures.flatten(1, 2)
    layouts = {
        "khw": joined,
        "hwk": joined.permute(0, 2, 3, 1).contiguous(),
        "hwk, not contiguous": joined.permute(0, 2, 3, 1),
        "nchw": pictures,
        "nhwc": pictures.permute(0, 1, 3, 4, 2).contiguous(),
    }
    if joined.shape[1] == 1:
        layouts["hw"] = joined[:, 0]
    return layouts


@given(batch=st.integers(1, 3), count=st.sampled_from([1, 2, 4, 5]), seed=st.integers(0, 100))
def test_gray_features_are_the_same_bits_in_every_layout(batch: int, count: int, seed: int) -> None:
    encoder = make_encoder()
    pictures = draw_pictures(batch, count, 1, (84, 84), seed)
    with torch.no_grad():
        expected = encoder(pictures.flatten(0, 1)).view(batch, -1)  # frame by frame, oldest first, slot by slot
        for name, pixels in all_layouts(pictures).items():
            features = PictureFeatures(encoder, pixels.shape[1:])
            assert features.num_frames == count
            assert features.features_dim == count * 6
            assert torch.equal(features(pixels), expected), name


@given(batch=st.integers(1, 3), windows=st.integers(1, 2), seed=st.integers(0, 100))
def test_colour_features_are_the_same_bits_in_every_layout(batch: int, windows: int, seed: int) -> None:
    encoder = make_video_encoder()
    pictures = draw_pictures(batch, 2 * windows, 3, SIZE, seed)
    with torch.no_grad():
        outcomes = {}
        for name, pixels in all_layouts(pictures).items():
            features = PictureFeatures(encoder, pixels.shape[1:])
            assert features.num_frames == windows
            assert features.slot_noise is not None
            noise = features.slot_noise.expand(batch * windows, -1, -1)
            expected = encoder(pictures.view(-1, 2, 3, *SIZE), noise).view(batch, -1)
            outcomes[name] = torch.equal(features(pixels), expected)
    assert all(outcomes.values()), outcomes


def test_mean_readout_averages_the_slots_of_each_frame() -> None:
    encoder, pictures = make_encoder(), draw_pictures(2, 4, 1, (84, 84))
    features = PictureFeatures(encoder, (4, 84, 84), readout="mean")
    assert features.features_dim == 8
    expected = torch.cat([encoder(pictures[:, index]).mean(1) for index in range(4)], 1)
    torch.testing.assert_close(features(pictures.flatten(1, 2)), expected)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_floats_stand_for_the_bytes_over_255(dtype: torch.dtype) -> None:
    for encoder, pictures in (
        (make_encoder(), draw_pictures(2, 4, 1, (84, 84))),
        (make_video_encoder(), draw_pictures(2, 4, 3, SIZE)),
    ):
        features = PictureFeatures(encoder, pictures.shape[1:])
        scaled = features(pictures.to(dtype) / 255)
        assert scaled.dtype == torch.float32
        torch.testing.assert_close(scaled, features(pictures), atol=1e-6, rtol=1e-4)


def test_every_observation_of_windows_gets_the_same_noise_that_is_part_of_the_state() -> None:
    features = PictureFeatures(make_video_encoder(), (2, *SIZE, 3))
    again = PictureFeatures(make_video_encoder(), (2, *SIZE, 3))
    assert features.slot_noise is not None
    assert again.slot_noise is not None
    assert torch.equal(features.slot_noise, again.slot_noise)
    assert "slot_noise" in features.state_dict()
    window = draw_pictures(1, 2, 3, SIZE).permute(0, 1, 3, 4, 2)
    both = features(torch.cat([window, window]))
    torch.testing.assert_close(both[0], both[1])


def test_gradients_reach_the_encoder_unless_it_is_frozen() -> None:
    features = PictureFeatures(make_encoder(), (84, 84))
    features(draw_pictures(2, 1, 1, (84, 84))[:, 0, 0]).sum().backward()
    assert all(parameter.grad is not None for parameter in features.encoder.parameters())


def test_an_empty_batch_gives_no_features() -> None:
    assert PictureFeatures(make_encoder(), (84, 84, 4))(torch.zeros(0, 84, 84, 4)).shape == (0, 24)


def test_whole_numbers_that_are_no_bytes_are_refused() -> None:
    features = PictureFeatures(make_encoder(), (84, 84))
    with pytest.raises(ValueError, match=r"Expected uint8 or floats in \[0, 1\]; got torch\.int64"):
        features(torch.zeros(1, 84, 84, dtype=torch.int64))


def test_observations_of_another_shape_are_refused() -> None:
    features = PictureFeatures(make_encoder(), (4, 84, 84))
    with pytest.raises(ValueError, match=r"shape \(batch, \*\(4, 84, 84\)\); got \(2, 84, 84, 4\)"):
        features(torch.zeros(2, 84, 84, 4))


def test_a_number_of_pictures_that_makes_no_whole_windows_is_refused() -> None:
    with pytest.raises(
        ValueError, match="Expected a multiple of 2 pictures; got 3 in .* Stack 2 frames, or a multiple"
    ):
        PictureFeatures(make_video_encoder(), (3, *SIZE, 3))


def test_an_unknown_readout_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)  # users run without the checks of the tests
    with pytest.raises(ValueError, match="a known readout; got project. Choose one of flatten, mean"):
        PictureFeatures(make_encoder(), (84, 84), readout="project")  # type: ignore[arg-type]
