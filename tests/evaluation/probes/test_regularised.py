from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from rmr_gym.evaluation.metrics import bit_f1
from rmr_gym.evaluation.probes import RegularisedProbeConfig, fit_regularised_probe
from rmr_gym.evaluation.probes.hold_out import hold_out_episodes
from rmr_gym.seeding import numpy_generator

Arrays = tuple[np.ndarray, np.ndarray, np.ndarray]


def world(num_frames: int = 600, num_features: int = 12, num_targets: int = 6, *, noise: float = 1.0) -> Arrays:
    """Draw features of unequal scale and offset, and bits from a logistic model of them."""
    generator = numpy_generator(0, "world")
    hidden = generator.standard_normal((num_frames, num_features))
    logits = hidden @ generator.standard_normal((num_features, num_targets))
    targets = (logits + noise * generator.logistic(size=logits.shape) > 0).astype(np.uint8)
    features = hidden * np.geomspace(1e-2, 1e2, num_features) + np.arange(num_features)
    return features.astype(np.float32), targets, np.arange(num_frames) // 20


def exact(penalty: float) -> RegularisedProbeConfig:
    return RegularisedProbeConfig(penalties=(penalty,), held_out_fraction=0.0, tolerance=1e-10, max_steps=500)


def assert_same_as_scikit_learn(features: np.ndarray, targets: np.ndarray, penalty: float) -> None:
    probe = fit_regularised_probe(features, targets, np.arange(len(features)), exact(penalty))
    wide = features.astype(np.float64)
    std = wide.std(axis=0)
    standard = np.divide(wide - wide.mean(axis=0), std, out=np.zeros_like(wide), where=std > 1e-6)
    for bit, truth in enumerate(targets.T):
        reference = LogisticRegression(C=1 / (penalty * len(features)), tol=1e-9, max_iter=20_000).fit(standard, truth)
        np.testing.assert_allclose(probe.weight[bit].numpy(), reference.coef_[0], rtol=2e-2, atol=2e-3)
        assert float(probe.bias[bit]) == pytest.approx(reference.intercept_[0], rel=5e-3, abs=5e-3)
        doubtful = np.abs(reference.decision_function(standard)) < 1e-2
        assert (probe.predict(features)[:, bit] == reference.predict(standard))[~doubtful].all()
        assert doubtful.mean() < 0.05


@pytest.mark.parametrize("penalty", [0.1, 1e-3])
def test_regularised_probe_finds_the_optimum_of_scikit_learn(penalty: float) -> None:
    features, targets, _ = world()
    assert_same_as_scikit_learn(features, targets, penalty)


def test_regularised_probe_finds_the_optimum_of_scikit_learn_when_features_are_collinear_or_constant() -> None:
    features, targets, _ = world()
    copied = np.concatenate([features, features[:, ::-1] * 2, np.full((600, 2), 5, np.float32)], axis=1)
    assert_same_as_scikit_learn(copied, targets, 1e-2)


def test_regularised_probe_finds_the_optimum_of_scikit_learn_when_frames_are_fewer_than_features() -> None:
    features, targets, _ = world(num_frames=60, num_features=150)
    assert_same_as_scikit_learn(features, targets, 1e-2)


def test_regularised_probe_finds_the_optimum_of_scikit_learn_when_bits_are_rare_or_separable() -> None:
    features, targets, _ = world()
    targets[:, 0] = features[:, 5] > features[:, 5].mean()
    targets[:, 1] = np.arange(600) == 17
    targets[:, 2] = np.arange(600) % 300 != 5
    assert_same_as_scikit_learn(features, targets, 1e-3)


def test_regularised_probe_predicts_constant_bits_as_constants() -> None:
    features, targets, episodes = world()
    targets[:, 1], targets[:, 4] = 0, 1
    predicted = fit_regularised_probe(features, targets, episodes).predict(features * 50)
    assert not predicted[:, 1].any()
    assert predicted[:, 4].all()
    constant = np.broadcast_to(np.array([0, 1, 1], np.uint8), (600, 3))
    probe = fit_regularised_probe(features, constant, episodes)
    assert (probe.predict(features) == constant).all()
    assert probe.num_steps == 0


def test_regularised_probe_reads_a_bit_that_varies_in_the_held_out_episodes_only() -> None:
    features, targets, episodes = world()
    _, held = hold_out_episodes(episodes, 0.1, seed=0)
    targets[:, 2] = 0
    targets[held[::2], 2] = 1
    features[:, 3] = 10 * targets[:, 2]
    probe = fit_regularised_probe(features, targets, episodes)
    assert np.isfinite(probe.weight.numpy()).all()
    assert (probe.predict(features)[:, 2] == targets[:, 2]).all()


def test_regularised_probe_takes_the_penalty_that_scores_best_on_held_out_episodes() -> None:
    generator = numpy_generator(0, "overfit")
    features = generator.standard_normal((300, 200)).astype(np.float32)
    targets = ((features[:, :4] + 2 * generator.standard_normal((300, 4))) > 0).astype(np.uint8)
    episodes = np.arange(300) // 10
    penalties = (30.0, 3.0, 0.3, 0.03, 0.003, 0.0003)
    probe = fit_regularised_probe(
        features, targets, episodes, RegularisedProbeConfig(penalties=penalties, tolerance=1e-7)
    )
    rows, held = hold_out_episodes(episodes, 0.1, seed=0)
    scores = {}
    for penalty in penalties:  # scores of fits on the other episodes, each from zero on
        mean, std = features.mean(axis=0), features.std(axis=0)
        models = [
            LogisticRegression(C=1 / (penalty * len(rows)), tol=1e-8, max_iter=5_000).fit(
                (features[rows] - mean) / std, bits
            )
            for bits in targets[rows].T
        ]
        predicted = np.stack([model.predict((features[held] - mean) / std) for model in models], axis=1)
        scores[penalty] = bit_f1(predicted, targets[held]).weighted
    tried = probe.held_out_scores
    assert list(tried) == list(penalties[: len(tried)])
    assert tried == pytest.approx({penalty: scores[penalty] for penalty in tried}, abs=0.02)
    assert tried[probe.penalty] == max(tried.values())
    assert 1 < len(tried) < len(penalties)  # the path ends where the score falls
    again = fit_regularised_probe(features, targets, episodes, exact(probe.penalty))  # all frames count in the end
    torch.testing.assert_close(probe.weight, again.weight, rtol=0.05, atol=5e-3)


def test_regularised_probe_is_deterministic_and_leaves_its_inputs_alone() -> None:
    features, targets, episodes = world()
    features = features.astype(np.float16)
    for array in (features, targets, episodes):
        array.flags.writeable = False
    before = torch.random.get_rng_state()
    first, again = (fit_regularised_probe(features, targets, episodes, seed=1) for _ in range(2))
    assert torch.equal(first.weight, again.weight)
    assert torch.equal(first.bias, again.bias)
    assert torch.equal(before, torch.random.get_rng_state())


def test_regularised_probe_reads_many_frames_in_few_directions() -> None:
    features, targets, episodes = world(num_frames=2_500, noise=0.1)
    wide = np.concatenate([features] * 30, axis=1).astype(np.float16)
    probe = fit_regularised_probe(wide, targets, episodes, RegularisedProbeConfig(max_components=20))
    assert bit_f1(probe.predict(wide), targets).weighted > 0.95


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"penalties": ()}, "at least one penalty"),
        ({"penalties": (0.1, 0.2)}, "falling"),
        ({"penalties": (0.1, 0.1)}, "falling"),
        ({"penalties": (0.1, 0.0)}, "positive"),
        ({"penalties": (float("nan"),)}, "positive"),
        ({"held_out_fraction": 1.0}, "held_out_fraction"),
        ({"held_out_fraction": 0.0}, "single penalty"),
        ({"max_components": 0}, "max_components"),
        ({"max_steps": 0}, "max_steps"),
        ({"tolerance": 0.0}, "tolerance"),
    ],
)
def test_regularised_probe_config_refuses_nonsense(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        RegularisedProbeConfig(**change)


def test_regularised_probe_refuses_features_that_are_not_finite() -> None:
    features, targets, episodes = world(num_frames=50)
    features[7, 2] = np.inf
    with pytest.raises(ValueError, match="NaN or infinity in 1 of 12 features"):
        fit_regularised_probe(features, targets, episodes)


def test_regularised_probe_refuses_arrays_of_different_frames() -> None:
    features, targets, episodes = world(num_frames=50)
    with pytest.raises(ValueError, match="50, 49 and 50 rows"):
        fit_regularised_probe(features, targets[1:], episodes)
