from __future__ import annotations

import multiprocessing
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from rmr_gym.models import (
    Encoder,
    FrozenFeatures,
    PictureFeatures,
    VideoEncoder,
    fingerprint,
    freeze,
    save_encoder,
)
from rmr_gym.models.encoders import NatureCnnConfig, SlotAttentionConfig
from rmr_gym.models.encoders.nature_cnn import NatureCnn


def make_encoder() -> NatureCnnConfig:
    return NatureCnnConfig(resolution="84x84", num_slots=3, slot_dim=2, maps_per_slot=1)


def make_video_encoder() -> SlotAttentionConfig:
    return SlotAttentionConfig(size=(8, 8), history=2, num_slots=3, slot_dim=6, channels=2, slot_size=4, hidden_dim=4)


ENCODERS_AND_SHAPES = [(make_encoder(), (84, 84, 4)), (make_video_encoder(), (8, 8, 6))]


def draw_pixels(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


@pytest.mark.parametrize(("config", "shape"), ENCODERS_AND_SHAPES)
def test_features_are_those_of_the_module(config: NatureCnnConfig, shape: tuple[int, ...]) -> None:
    encoder: Encoder | VideoEncoder = config.build()
    pixels = draw_pixels(5, *shape)
    features = FrozenFeatures(encoder)
    vectors = features(pixels)
    expected = PictureFeatures(encoder, shape)(torch.from_numpy(pixels)).detach().numpy()
    assert vectors.dtype == np.float32
    assert features.features_shape(shape) == vectors.shape[1:]
    np.testing.assert_array_equal(vectors, expected)


@pytest.mark.parametrize(("config", "shape"), ENCODERS_AND_SHAPES)
def test_a_pickled_copy_gives_the_same(config: NatureCnnConfig, shape: tuple[int, ...]) -> None:
    features = FrozenFeatures(freeze(config.build()), readout="mean")  # whose `train` cannot be pickled
    pixels = draw_pixels(2, *shape)
    vectors = features(pixels)
    state = torch.get_rng_state()
    again = pickle.loads(pickle.dumps(features))
    assert torch.equal(torch.get_rng_state(), state)
    np.testing.assert_array_equal(again(pixels), vectors)
    assert again.fingerprint == features.fingerprint
    assert repr(again) == repr(features)


def _encode(features: FrozenFeatures, pixels: np.ndarray, results: multiprocessing.Queue[np.ndarray]) -> None:
    results.put(features(pixels))


def test_features_work_in_a_spawned_process(tmp_path: Path) -> None:
    folder = save_encoder(make_encoder().build(), tmp_path / "encoder")
    features, pixels = FrozenFeatures(folder), draw_pixels(2, 84, 84)
    for file in folder.iterdir():
        file.unlink()  # the weights travel, not the path
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    process = context.Process(target=_encode, args=(features, pixels, results))
    process.start()
    vectors = results.get(timeout=120)
    process.join()
    np.testing.assert_array_equal(vectors, features(pixels))


class Bounded(NatureCnn):
    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return super().forward(pixels).tanh()


def test_an_encoder_that_its_config_does_not_build_stays_in_its_process() -> None:
    features, pixels = FrozenFeatures(Bounded(make_encoder())), draw_pixels(2, 84, 84)
    assert np.abs(features(pixels)).max() <= 1
    with pytest.raises(ValueError, match="what its NatureCnnConfig builds; got Bounded"):
        pickle.dumps(features)


def test_training_the_original_does_not_reach_the_features() -> None:
    encoder = make_encoder().build().train()
    features = FrozenFeatures(encoder)
    before = features.fingerprint
    assert before == fingerprint(encoder)
    with torch.no_grad():
        encoder.head.weight.add_(1)
    assert features.fingerprint == before
    assert not features.encoder.training
    assert not any(parameter.requires_grad for parameter in features.encoder.parameters())
    assert encoder.training
    assert encoder.head.weight.requires_grad


def test_every_call_returns_an_array_of_its_own() -> None:
    features, pixels = FrozenFeatures(make_encoder().build()), draw_pixels(2, 84, 84)
    first = features(pixels)
    kept = first.copy()
    second = features(255 - pixels)
    assert not np.shares_memory(first, second)
    assert first.flags.writeable
    np.testing.assert_array_equal(first, kept)


@pytest.mark.parametrize("kind", ["read only", "mirrored", "strided"])
def test_arrays_of_every_kind_are_read(kind: str) -> None:
    features, pixels = FrozenFeatures(make_encoder().build()), draw_pixels(4, 84, 84)
    views = {"read only": pixels.view(), "mirrored": pixels[:, :, ::-1], "strided": pixels[::2]}
    view = views[kind]
    view.flags.writeable = kind != "read only"
    np.testing.assert_array_equal(features(view), features(view.copy()))


def test_observations_that_do_not_fit_are_refused() -> None:
    features = FrozenFeatures(make_encoder().build())
    with pytest.raises(ValueError, match="84x84 with 1 channel"):
        features.features_shape((210, 160, 3))
    with pytest.raises(ValueError, match="84x84 with 1 channel"):
        features(draw_pixels(2, 210, 160, 3))


def test_a_folder_without_an_encoder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"Expected a folder with config\.json"):
        FrozenFeatures(tmp_path)


@pytest.mark.gpu
@pytest.mark.parametrize(("config", "shape"), ENCODERS_AND_SHAPES)
def test_features_on_a_gpu_are_those_on_the_cpu(config: NatureCnnConfig, shape: tuple[int, ...]) -> None:
    encoder, pixels = config.build(), draw_pixels(3, *shape)
    features = pickle.loads(pickle.dumps(FrozenFeatures(encoder, device="cuda")))
    assert next(features.encoder.parameters()).is_cuda
    expected = FrozenFeatures(encoder)(pixels)
    assert np.abs(features(pixels) - expected).max() < 0.01 * np.abs(expected).max()
