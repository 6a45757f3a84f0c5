from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from rmr_gym.evaluation.metrics import bit_f1
from rmr_gym.evaluation.probes import LinearProbe, LinearProbeConfig, fit_linear_probe
from rmr_gym.seeding import numpy_generator

FAST = LinearProbeConfig(batch_size=64, learning_rate=1e-2, max_epochs=20, final_learning_rate_fraction=0.0)


def noisy_world(
    num_frames: int = 1200, num_features: int = 12, num_targets: int = 6, *, temperature: float = 1.0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw features of unequal scale and offset, and bits from a logistic model of them."""
    generator = numpy_generator(0, "world")
    hidden = generator.standard_normal((num_frames, num_features))
    weight = generator.standard_normal((num_features, num_targets))
    chance = 1 / (1 + np.exp(-(hidden @ weight) / temperature))
    targets = (generator.random(chance.shape) < chance).astype(np.uint8)
    features = hidden * np.geomspace(1e-2, 1e2, num_features) + np.arange(num_features)
    return features.astype(np.float32), targets, np.arange(num_frames) // 50


def test_linear_probe_agrees_with_scikit_learn_on_noisy_data() -> None:
    features, targets, episodes = noisy_world()
    train, test = slice(0, 800), slice(800, None)
    config = LinearProbeConfig(batch_size=100, learning_rate=5e-2, final_learning_rate_fraction=0.0, max_epochs=40)
    probe = fit_linear_probe(features[train], targets[train], episodes[train], config)
    mean, std = features[train].mean(axis=0), features[train].std(axis=0)
    reference = np.stack(
        [
            LogisticRegression(C=1e6, max_iter=1000)
            .fit((features[train] - mean) / std, bits)
            .predict((features[test] - mean) / std)
            for bits in targets[train].T
        ],
        axis=1,
    )
    predicted = probe.predict(features[test])
    assert bit_f1(predicted, targets[test]).weighted == pytest.approx(
        bit_f1(reference, targets[test]).weighted, abs=0.01
    )
    assert (predicted == reference).mean() > 0.97


def test_linear_probe_approaches_the_weights_of_scikit_learn() -> None:
    features, targets, episodes = noisy_world(num_features=4, num_targets=2)
    config = LinearProbeConfig(
        batch_size=1200, learning_rate=0.1, final_learning_rate_fraction=0.0, max_epochs=200, held_out_fraction=0.0
    )
    probe = fit_linear_probe(features, targets, episodes, config)
    standardised = (features - features.mean(axis=0)) / features.std(axis=0)
    for bit in range(2):
        reference = LogisticRegression(C=1e6).fit(standardised, targets[:, bit])
        assert probe.weight[bit].numpy() == pytest.approx(reference.coef_[0], abs=0.02)
        assert probe.bias[bit].item() == pytest.approx(reference.intercept_[0], abs=0.02)


def test_linear_probe_predicts_constant_bits_as_constants() -> None:
    features, targets, episodes = noisy_world()
    targets[:, 1], targets[:, 4] = 0, 1
    predicted = fit_linear_probe(features, targets, episodes, FAST).predict(features * 50)
    assert not predicted[:, 1].any()
    assert predicted[:, 4].all()


def test_linear_probe_knows_what_to_do_when_every_bit_is_constant() -> None:
    features, targets, episodes = noisy_world(num_frames=20)
    targets[:] = [0, 1, 1, 0, 1, 0]
    probe = fit_linear_probe(features, targets, episodes, FAST)
    assert (probe.predict(features) == targets).all()
    assert probe.num_epochs == 0


def test_linear_probe_ignores_features_that_are_constant_in_training() -> None:
    features, targets, episodes = noisy_world()
    features = features.astype(np.float16)
    features[:, 3] = 0.1
    probe = fit_linear_probe(features, targets, episodes, FAST)
    changed = features.copy()
    changed[:, 3] = 60_000
    assert (probe.predict(changed) == probe.predict(features)).all()


def test_linear_probe_fits_a_single_episode() -> None:
    features, targets, _ = noisy_world(num_frames=400, temperature=0.05)
    probe = fit_linear_probe(features, targets, np.zeros(400, np.int64), FAST)
    assert bit_f1(probe.predict(features), targets).weighted > 0.9


def test_linear_probe_does_not_care_for_scale_and_offset_of_features() -> None:
    features, targets, episodes = noisy_world()
    scaled = features * np.float32(2.0**-10)  # exact in binary
    first = fit_linear_probe(features, targets, episodes, FAST).predict(features)
    second = fit_linear_probe(scaled, targets, episodes, FAST).predict(scaled)
    assert (first == second).mean() > 0.999


def test_linear_probe_is_deterministic_and_leaves_its_inputs_alone() -> None:
    features, targets, episodes = noisy_world()
    for array in (features, targets, episodes):
        array.flags.writeable = False
    first, again, other = (fit_linear_probe(features, targets, episodes, FAST, seed=seed) for seed in (0, 0, 1))
    assert torch.equal(first.weight, again.weight)
    assert torch.equal(first.bias, again.bias)
    assert not torch.equal(first.weight, other.weight)


def test_linear_probe_leaves_the_global_generators_alone() -> None:
    features, targets, episodes = noisy_world(num_frames=100)
    before = torch.random.get_rng_state(), np.random.get_state()[1].tolist()  # noqa: NPY002
    fit_linear_probe(features, targets, episodes, LinearProbeConfig(max_epochs=1))
    assert torch.equal(before[0], torch.random.get_rng_state())
    assert before[1] == np.random.get_state()[1].tolist()  # noqa: NPY002


def test_linear_probe_stops_early_and_restores_the_best_weights() -> None:
    generator = numpy_generator(0, "overfit")
    features = generator.standard_normal((300, 200)).astype(np.float32)
    targets = ((features[:, :4] + 2 * generator.standard_normal((300, 4))) > 0).astype(np.uint8)
    episodes = np.arange(300) // 10
    patient = LinearProbeConfig(batch_size=32, learning_rate=1e-2, patience=3)
    probe = fit_linear_probe(features, targets, episodes, patient)
    assert probe.num_epochs < 40
    # The weights are those that the same run had three epochs before it stopped.
    best = LinearProbeConfig(batch_size=32, learning_rate=1e-2, max_epochs=probe.num_epochs - 3)
    assert torch.equal(probe.weight, fit_linear_probe(features, targets, episodes, best).weight)


def test_linear_probe_uses_every_frame_when_none_is_held_out() -> None:
    features, targets, episodes = noisy_world(num_frames=200)
    config = LinearProbeConfig(max_epochs=2, patience=1, held_out_fraction=0.0)
    assert fit_linear_probe(features, targets, episodes, config).num_epochs == 2


def test_linear_probe_predicts_by_the_sign_of_the_log_odds() -> None:
    probe = LinearProbe(
        mean=torch.tensor([1.0, 0.0]),
        precision=torch.tensor([2.0, 0.0]),
        weight=torch.tensor([[1.0, 5.0], [-1.0, 5.0]]),
        bias=torch.tensor([-3.0, 0.5]),
    )
    features = np.array([[3.0, 9.0], [1.0, 9.0]], dtype=np.float16)
    assert probe.logits(features).tolist() == [[1.0, -3.5], [-3.0, 0.5]]
    assert probe.predict(features).tolist() == [[1, 0], [0, 1]]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"batch_size": 0}, "at least 1"),
        ({"max_epochs": 0}, "at least 1"),
        ({"patience": 0}, "at least 1"),
        ({"learning_rate": 0.0}, "learning_rate"),
        ({"learning_rate": float("nan")}, "learning_rate"),
        ({"final_learning_rate_fraction": 1.5}, "final_learning_rate_fraction"),
        ({"held_out_fraction": 1.0}, "held_out_fraction"),
    ],
)
def test_linear_probe_config_refuses_nonsense(change: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        LinearProbeConfig(**change)


def test_linear_probe_config_decays_along_a_line() -> None:
    config = LinearProbeConfig(learning_rate=1.0, max_epochs=10, final_learning_rate_fraction=0.2)
    assert [config.learning_rate_at(epoch) for epoch in (0.0, 5.0, 10.0)] == pytest.approx([1.0, 0.6, 0.2])
    assert LinearProbeConfig().learning_rate_at(99.9) == 1e-3


def test_linear_probe_refuses_features_that_are_not_finite() -> None:
    features, targets, episodes = noisy_world(num_frames=50)
    features[7, 2] = np.inf
    with pytest.raises(ValueError, match="NaN or infinity in 1 of 12 features"):
        fit_linear_probe(features, targets, episodes)


def test_linear_probe_refuses_arrays_of_different_frames() -> None:
    features, targets, episodes = noisy_world(num_frames=50)
    with pytest.raises(ValueError, match="50, 49 and 50 rows"):
        fit_linear_probe(features, targets[1:], episodes)
