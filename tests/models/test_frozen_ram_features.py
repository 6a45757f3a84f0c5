from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

import rmr_gym
from rmr_gym.models import AbstractModel, RamFeatures, RamStateFeatures, fingerprint, freeze, save_abstract_model
from rmr_gym.models.abstract_checkpoint import AbstractParts
from rmr_gym.models.misrouted import Misrouted
from rmr_gym.models.processors import MpnnConfig


def make_model() -> AbstractModel:
    return AbstractModel(MpnnConfig(slot_dim=4).build(128), num_slots=128).eval()


def draw_ram(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


@pytest.mark.parametrize("through_processor", [True, False])
def test_features_are_those_of_the_module(tmp_path: Path, through_processor: bool) -> None:
    model, ram = make_model(), draw_ram(3, 128)
    features = RamFeatures(save_abstract_model(model, tmp_path), through_processor=through_processor)
    module = RamStateFeatures(model.encoder, model.processor if through_processor else None)
    vectors = features(ram)
    assert vectors.dtype == np.float32
    assert features.features_shape((128,)) == vectors.shape[1:] == (512,)
    np.testing.assert_array_equal(vectors, module(torch.from_numpy(ram)).detach().numpy())
    assert features.fingerprint == fingerprint(module)


def test_bits_and_floats_are_told_by_shape_and_dtype() -> None:
    features, ram = RamFeatures(make_model(), through_processor=False), draw_ram(2, 128)
    expected = features(ram)
    np.testing.assert_array_equal(features(np.unpackbits(ram, axis=1)), expected)
    np.testing.assert_array_equal(features(ram.astype(np.float32) / np.float32(255)), expected)
    assert features.features_shape((1024,)) == (512,)


def test_a_format_that_is_given_goes_before_the_shape() -> None:
    model, ram = make_model(), draw_ram(2, 8 * 128)
    features = RamFeatures(model, through_processor=False, ram_format="bytes")
    assert features.features_shape((1024,)) == (8 * 512,)
    last = RamFeatures(model, through_processor=False)(ram[:, -128:])
    np.testing.assert_array_equal(features(ram)[:, -512:], last)


@pytest.mark.parametrize("through_processor", [True, False])
def test_a_pickled_copy_gives_the_same(through_processor: bool) -> None:
    features = RamFeatures(freeze(make_model()), through_processor=through_processor, readout="mean")
    ram = draw_ram(2, 128)
    vectors = features(ram)
    again = pickle.loads(pickle.dumps(features))
    np.testing.assert_array_equal(again(ram), vectors)
    assert (again.fingerprint, repr(again)) == (features.fingerprint, repr(features))


def test_a_processor_that_its_config_does_not_build_stays_in_its_process() -> None:
    model = make_model()
    wrong = Misrouted(model.processor, torch.arange(128).roll(1))
    features, without = (RamFeatures(AbstractParts(model.encoder, wrong), through_processor=on) for on in (True, False))
    assert features(draw_ram(2, 128)).shape == (2, 512)
    with pytest.raises(ValueError, match="what its MpnnConfig builds; got Misrouted"):
        pickle.dumps(features)
    assert pickle.loads(pickle.dumps(without)).fingerprint == without.fingerprint


def test_features_are_what_wrappers_ask_for() -> None:
    from rmr_gym.wrappers.feature_function import FeatureFunction

    assert isinstance(rmr_gym.RamFeatures(make_model()), FeatureFunction)


def test_memories_of_another_size_are_refused() -> None:
    with pytest.raises(ValueError, match="memories of 128 numbers each"):
        RamFeatures(make_model()).features_shape((100,))


def test_a_folder_with_the_processor_alone_is_refused(tmp_path: Path) -> None:
    from rmr_gym.models import save_processor

    save_processor(make_model().processor, tmp_path, num_slots=128)
    with pytest.raises(ValueError, match="the processor alone"):
        RamFeatures(tmp_path)
