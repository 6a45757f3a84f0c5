"""Every probe in the registry keeps the contract, without a test of its own."""

from __future__ import annotations

import numpy as np
import pytest

from rmr_gym.evaluation.metrics import bit_f1
from rmr_gym.evaluation.probes import PROBES
from rmr_gym.seeding import numpy_generator


def separable_world() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    generator = numpy_generator(0, "separable")
    targets = generator.integers(0, 2, (600, 5), dtype=np.uint8)
    features = (2.0 * targets - 1.0) @ generator.standard_normal((5, 16)) + 0.1 * generator.standard_normal((600, 16))
    return features.astype(np.float16), targets, np.arange(600) // 40


@pytest.mark.parametrize("name", PROBES)
def test_probe_solves_separable_data(name: str) -> None:
    features, targets, episodes = separable_world()
    probe = PROBES[name]().fit(features[:400], targets[:400], episodes[:400])
    predicted = probe.predict(features[400:])
    assert predicted.dtype == np.uint8
    assert bit_f1(predicted, targets[400:]).weighted > 0.99


@pytest.mark.parametrize("name", PROBES)
def test_probe_is_at_chance_when_labels_are_shuffled(name: str) -> None:
    features, targets, episodes = separable_world()
    shuffled = numpy_generator(0, "shuffle").permutation(targets)
    probe = PROBES[name]().fit(features[:400], shuffled[:400], episodes[:400])
    agreement = (probe.predict(features[400:]) == shuffled[400:]).mean()
    assert 0.43 < agreement < 0.57


@pytest.mark.parametrize("name", PROBES)
def test_probe_is_deterministic(name: str) -> None:
    features, targets, episodes = separable_world()
    first, second = (PROBES[name]().fit(features, targets, episodes, seed=3).predict(features) for _ in range(2))
    assert (first == second).all()
