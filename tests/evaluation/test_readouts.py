from __future__ import annotations

import numpy as np
import pytest

from rmr_gym.evaluation.metrics import bit_f1, kept_slots, target_bits
from rmr_gym.evaluation.probes import LinearProbeConfig
from rmr_gym.evaluation.readouts import (
    READOUTS,
    LabelledFeatures,
    ReadoutConfig,
    fit_readout,
    score_majority,
    score_readout,
)
from rmr_gym.seeding import numpy_generator

FAST = LinearProbeConfig(batch_size=64, learning_rate=1e-2, max_epochs=15, final_learning_rate_fraction=0.0)
KEPT = np.array([1, 3])


def world(num_frames: int, *names: str) -> LabelledFeatures:
    """Draw memory of four bytes, two of them constant, and features that hold its bits linearly among noise."""
    generator = numpy_generator(0, "world", *names)
    ram = generator.integers(0, 256, (num_frames, 4), dtype=np.uint8)
    ram[:, 0], ram[:, 2] = 7, 0
    mixing = numpy_generator(0, "mixing").standard_normal((16, 96))
    features = (2.0 * target_bits(ram, KEPT) - 1.0) @ mixing + 0.5 * generator.standard_normal((num_frames, 96))
    return LabelledFeatures(features=features.astype(np.float16), ram=ram, episodes=np.arange(num_frames) // 20)


@pytest.mark.parametrize("name", READOUTS)
def test_score_readout_reads_what_is_there(name: str) -> None:
    scores = score_readout(world(1300, "train"), world(300, "test"), KEPT, READOUTS[name], FAST)
    assert scores.bit_f1.weighted > 0.95
    assert scores.slot_accuracy > 0.7


def test_score_readout_shows_the_probe_what_the_readout_says() -> None:
    train, test = world(1300, "train"), world(100, "test")
    sizes = {}
    for name, readout in READOUTS.items():
        scores = score_readout(train, test, KEPT, readout, LinearProbeConfig(max_epochs=1))
        sizes[name] = (scores.num_labelled_frames, scores.num_features)
    assert sizes == {"full": (1300, 96), "few_labels": (1000, 96), "low_dimensional": (1300, 64)}


def test_score_readout_combines_few_labels_and_few_components() -> None:
    readout = ReadoutConfig(num_labelled_frames=200, num_components=16)
    scores = score_readout(world(600, "train"), world(200, "test"), KEPT, readout, FAST)
    assert (scores.num_labelled_frames, scores.num_features) == (200, 16)
    assert scores.bit_f1.weighted > 0.9


def test_fit_readout_keeps_what_predicts_further_frames() -> None:
    train, test = world(600, "train"), world(100, "test")
    readout = ReadoutConfig(num_components=16)
    fitted = fit_readout(train, KEPT, readout, FAST)
    predicted = fitted.predict(test.features)
    assert predicted.shape == (100, 16)
    assert (fitted.predict(test.features[40:50]) == predicted[40:50]).all()
    scores = fitted.score(test, KEPT)
    assert scores == score_readout(train, test, KEPT, readout, FAST)
    assert scores.bit_f1 == bit_f1(predicted, target_bits(test.ram, KEPT))


def test_score_readout_is_at_the_majority_when_features_say_nothing() -> None:
    train, test = world(600, "train"), world(300, "test")
    noise = numpy_generator(0, "noise").standard_normal((900, 8)).astype(np.float32)
    blind = [
        LabelledFeatures(features=noise[:600], ram=train.ram, episodes=train.episodes),
        LabelledFeatures(features=noise[600:], ram=test.ram, episodes=test.episodes),
    ]
    scores = score_readout(blind[0], blind[1], KEPT, ReadoutConfig(), FAST)
    assert scores.slot_accuracy < 0.05
    assert scores.bit_f1.micro < 0.6


def test_score_readout_is_a_function_of_its_seed() -> None:
    train, test = world(400, "train"), world(200, "test")
    readout = ReadoutConfig(num_labelled_frames=60, num_components=12)
    first, again, other = (score_readout(train, test, KEPT, readout, FAST, seed=seed) for seed in (0, 0, 1))
    assert first == again
    assert first != other


def test_score_readout_leaves_the_features_alone() -> None:
    train, test = world(200, "train"), world(100, "test")
    for array in (train.features, train.ram, train.episodes, test.features, test.ram):
        array.flags.writeable = False
    readout = ReadoutConfig(num_labelled_frames=100, num_components=4)
    assert score_readout(train, test, KEPT, readout, FAST).num_features == 4


def test_score_readout_refuses_a_game_in_which_nothing_varies() -> None:
    train = world(50, "train")
    with pytest.raises(ValueError, match="at least one kept slot"):
        score_readout(train, train, np.empty(0, np.int64), ReadoutConfig(), FAST)


def test_score_majority_predicts_the_most_frequent_value() -> None:
    train = np.array([[0b11], [0b01], [0b01]], dtype=np.uint8)
    test = np.array([[0b01], [0b11]], dtype=np.uint8)
    scores = score_majority(train, test, np.array([0]))
    assert scores.slot_accuracy == 0.5
    assert scores.bit_f1 == bit_f1(np.tile([0, 0, 0, 0, 0, 0, 0, 1], (2, 1)), target_bits(test))
    assert scores.num_labelled_frames == 3


def test_kept_slots_of_the_world_are_those_that_vary() -> None:
    assert kept_slots(world(300, "test").ram).tolist() == KEPT.tolist()


@pytest.mark.parametrize("change", [{"num_labelled_frames": 1}, {"num_components": 0}])
def test_readout_config_refuses_nonsense(change: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="at least"):
        ReadoutConfig(**change)
