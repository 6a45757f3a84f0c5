from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from rmr_gym.evaluation.encoding import encode_frames, fitting_dtype
from rmr_gym.models import fingerprint
from rmr_gym.models.blocks import initial_weights
from rmr_gym.models.encoders import NatureCnnConfig
from rmr_gym.seeding import numpy_generator


class CountingEncoder(nn.Module):
    """Writes the mean of the frame times 1, 2, 3, 4 into two slots; batch statistics would give it away."""

    def __init__(self, scale: float = 1.0) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(4)
        self.dropout = nn.Dropout(0.5)
        self.scale = nn.Parameter(torch.tensor(scale))
        self.batches: list[int] = []

    def forward(self, pixels: Tensor) -> Tensor:
        assert not torch.is_grad_enabled()
        self.batches.append(len(pixels))
        mean = pixels.float().mean(dim=(1, 2, 3)).unsqueeze(1) * torch.arange(1, 5) * self.scale
        return self.dropout(self.norm(mean)).unflatten(1, (2, 2))


@dataclass
class Frames:
    pixels: np.ndarray | None


class Source:
    def __init__(self, pixels: np.ndarray | None) -> None:
        self.pixels = pixels

    def frames(self, indices: np.ndarray) -> Frames:
        return Frames(None if self.pixels is None else self.pixels[indices])


PIXELS = np.repeat(np.arange(10, dtype=np.uint8), 9).reshape(10, 1, 3, 3)


def test_encode_frames_concatenates_slots_of_each_frame() -> None:
    encoder = CountingEncoder()
    features = encode_frames(encoder, PIXELS, batch_size=4, dtype=np.float32)
    assert features == pytest.approx(np.arange(10)[:, None] * np.arange(1, 5), rel=1e-4)
    assert encoder.batches == [4, 4, 2]


def test_encode_frames_reads_a_data_set_in_the_order_of_the_indices() -> None:
    features = encode_frames(CountingEncoder(), Source(PIXELS), np.array([7, 2, 2]))
    assert features.dtype == np.float16
    assert features[:, 0] == pytest.approx([7, 2, 2], rel=1e-3)


def test_encode_frames_leaves_the_encoder_unchanged() -> None:
    with initial_weights(0):
        encoder = NatureCnnConfig(resolution="84x84", num_slots=4, slot_dim=8, maps_per_slot=1).build()
    pixels = numpy_generator(0, "pixels").integers(0, 256, (5, 1, 84, 84), dtype=np.uint8)
    before = fingerprint(encoder)
    first, again = (encode_frames(encoder, pixels, batch_size=2) for _ in range(2))
    assert fingerprint(encoder) == before
    assert (first == again).all()
    assert first.shape == (5, 32)
    assert all(parameter.grad is None for parameter in encoder.parameters())


def test_encode_frames_gives_every_submodule_its_mode_back() -> None:
    encoder = CountingEncoder()
    encoder.train()
    encoder.norm.eval()
    before = fingerprint(encoder)
    encode_frames(encoder, PIXELS)
    assert (encoder.training, encoder.norm.training, encoder.dropout.training) == (True, False, True)
    assert fingerprint(encoder) == before


def test_encode_frames_gives_the_modes_back_after_an_error() -> None:
    encoder = CountingEncoder(float("nan"))
    with pytest.raises(ValueError, match="features that fit"):
        encode_frames(encoder, PIXELS)
    assert encoder.training
    assert encoder.dropout.training


def test_encode_frames_does_not_depend_on_the_batch_size() -> None:
    one, many = (encode_frames(CountingEncoder(), PIXELS, batch_size=size) for size in (1, 10))
    assert (one == many).all()


@pytest.mark.parametrize(("scale", "dtype"), [(1e5, np.float16), (float("nan"), np.float32)])
def test_encode_frames_refuses_features_that_do_not_fit(scale: float, dtype: type) -> None:
    with pytest.raises(ValueError, match="features that fit"):
        encode_frames(CountingEncoder(scale), PIXELS, dtype=dtype)


def test_encode_frames_keeps_large_features_in_float32() -> None:
    assert encode_frames(CountingEncoder(1e5), PIXELS, dtype=np.float32).max() > 1e5


def test_encode_frames_refuses_no_frames() -> None:
    with pytest.raises(ValueError, match="no indices"):
        encode_frames(CountingEncoder(), Source(PIXELS))
    with pytest.raises(ValueError, match="empty list"):
        encode_frames(CountingEncoder(), PIXELS[:0])


def test_encode_frames_refuses_a_source_without_pixels() -> None:
    with pytest.raises(ValueError, match="RAM only"):
        encode_frames(CountingEncoder(), Source(None), np.array([0]))


@pytest.mark.parametrize(
    ("offset", "scale", "dtype"),
    [
        (0.0, 1.0, np.float16),
        (0.0, 1e-3, np.float16),
        (1.0, 0.05, np.float16),
        (0.3, 1e-4, np.float32),
        (-5.0, 0.02, np.float32),
        (0.0, 30_000.0, np.float32),
        (0.0, 1e-6, np.float16),
        (0.0, 1e-7, np.float32),
        (0.0, 1e-8, np.float32),
        (1e-5, 1e-7, np.float32),
        (1.0, 0.0, np.float32),
    ],
)
def test_features_are_kept_so_that_rounding_is_little_beside_what_varies(
    offset: float, scale: float, dtype: type
) -> None:
    waves = np.random.default_rng(0).standard_normal((200, 32)).astype(np.float32)
    features = (offset + scale * waves).astype(np.float32)
    assert fitting_dtype(features) is dtype
    if dtype is np.float16:
        rounding = (features.astype(dtype).astype(np.float32) - features).std(axis=0)
        assert (rounding < 0.05 * features.std(axis=0)).all()
