from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score
from sklearn.preprocessing import StandardScaler

from rmr_gym.evaluation.matching import PositionReadout, fit_position_readout, match_slots
from rmr_gym.seeding import numpy_generator

METRES = st.floats(-1, 1)


def shuffled_slots(
    num_pictures: int = 120, *, num_slots: int = 8, num_balls: int = 6, noise: float = 0.0, name: str = "slots"
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Slots in an order of their own in every picture: 12 features that hold a position linearly, the place of each
    slot, and the positions of the balls. Slots without a ball stand for places outside the box."""
    generator = numpy_generator(0, name)
    places = generator.uniform(-0.44, 0.44, (num_pictures, num_slots, 2))
    places[:, num_balls:] += 3.0
    positions = places[:, :num_balls].astype(np.float32)
    mixing = numpy_generator(0, "mixing").standard_normal((2, 12))
    features = 5.0 + places @ mixing + noise * generator.standard_normal((num_pictures, num_slots, 12))
    order = generator.permuted(np.tile(np.arange(num_slots), (num_pictures, 1)), axis=1)[..., None]
    return np.take_along_axis(features, order, axis=1), np.take_along_axis(places, order, axis=1), positions


@given(
    hnp.arrays(np.float64, (3, 4, 2), elements=METRES),
    st.integers(1, 4).flatmap(lambda balls: hnp.arrays(np.float64, (3, balls, 2), elements=METRES)),
)
def test_match_slots_is_the_best_of_all_permutations(predicted: np.ndarray, true: np.ndarray) -> None:
    assignment = match_slots(predicted, true)
    num_balls = true.shape[1]
    for picture, chosen in enumerate(assignment):
        assert len(set(chosen.tolist())) == num_balls
        costs = [
            np.square(predicted[picture, list(slots)] - true[picture]).sum()
            for slots in itertools.permutations(range(4), num_balls)
        ]
        cost = np.square(predicted[picture, chosen] - true[picture]).sum()
        assert cost == pytest.approx(min(costs), abs=1e-12)


def test_match_slots_finds_the_order_again() -> None:
    _, places, positions = shuffled_slots()
    assignment = match_slots(places, positions)
    assert assignment.shape == (120, 6)
    assert np.take_along_axis(places, assignment[..., None], axis=1) == pytest.approx(positions, abs=1e-6)


@pytest.mark.parametrize(
    ("predicted", "true", "message"),
    [
        (np.zeros((2, 3, 2)), np.zeros((2, 4, 2)), "at least as many slots as balls"),
        (np.zeros((2, 4, 2)), np.zeros((3, 4, 2)), "the same pictures"),
        (np.full((2, 4, 2), np.nan), np.zeros((2, 4, 2)), "finite positions"),
    ],
)
def test_match_slots_refuses_what_it_cannot_match(predicted: np.ndarray, true: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        match_slots(predicted, true)


def test_fit_position_readout_recovers_a_linear_map() -> None:
    features, places, positions = shuffled_slots()
    readout = fit_position_readout(features, places, positions, ridge=1e-9)
    held_features, held_places, held_positions = shuffled_slots(60, name="held out")
    inside = (held_places < 1.0).all(axis=-1)
    assert readout.predict(held_features)[inside] == pytest.approx(held_places[inside], abs=1e-5)
    score = readout.score(held_features, held_positions)
    assert score.r2 > 1 - 1e-8
    assert score.mean_distance < 1e-5
    assert score.chance_r2 < 0.9
    assert score.chance_mean_distance > 0.02


def test_fit_position_readout_mends_a_poor_first_guess() -> None:
    features, places, positions = shuffled_slots(num_slots=6)
    guess = 0.5 * places + 0.15 * numpy_generator(0, "guess").standard_normal(places.shape)
    once = fit_position_readout(features, guess, positions, max_rematches=0).score(features, positions)
    settled = fit_position_readout(features, guess, positions, max_rematches=20).score(features, positions)
    assert settled.r2 > 0.9999
    assert settled.mean_distance < 0.3 * once.mean_distance


def test_fit_position_readout_equals_scikit_learn() -> None:
    features, places, positions = shuffled_slots(noise=0.3)
    readout = fit_position_readout(features, places, positions, ridge=0.05, max_rematches=0)
    order = match_slots(places, positions)[..., None]
    inputs, outputs = np.take_along_axis(features, order, axis=1).reshape(-1, 12), positions.reshape(-1, 2)
    scaler = StandardScaler().fit(inputs)
    reference = Ridge(alpha=0.05 * len(inputs)).fit(scaler.transform(inputs), outputs)
    expected = reference.predict(scaler.transform(features.reshape(-1, 12))).reshape(places.shape)
    assert readout.predict(features) == pytest.approx(expected, abs=1e-6)


def test_position_readout_score_equals_scikit_learn() -> None:
    features, _, positions = shuffled_slots(noise=0.5)
    generator = numpy_generator(0, "weights")
    readout = PositionReadout(weight=0.1 * generator.standard_normal((12, 2)), bias=generator.standard_normal(2))
    read = readout.predict(features)
    score = readout.score(features, positions)
    for r2, distance, balls in (
        (score.r2, score.mean_distance, positions),
        (score.chance_r2, score.chance_mean_distance, np.roll(positions, 60, axis=0)),
    ):
        matched = np.take_along_axis(read, match_slots(read, balls)[..., None], axis=1)
        expected = r2_score(balls.reshape(-1, 2), matched.reshape(-1, 2), multioutput="variance_weighted")
        assert r2 == pytest.approx(expected)
        assert distance == pytest.approx(np.hypot(*(matched - balls).reshape(-1, 2).T).mean())


def test_position_readout_of_uninformative_slots_is_at_chance() -> None:
    _, places, positions = shuffled_slots(300, num_slots=6)
    features = numpy_generator(0, "noise").standard_normal((300, 6, 12))
    readout = fit_position_readout(features[:200], places[:200], positions[:200])
    score = readout.score(features[200:], positions[200:])
    assert score.r2 == pytest.approx(score.chance_r2, abs=0.06)
    assert score.mean_distance == pytest.approx(score.chance_mean_distance, rel=0.06)


@given(st.permutations(range(8)))
def test_position_readout_score_ignores_the_order_of_slots(order: list[int]) -> None:
    features, places, positions = shuffled_slots(10, noise=0.2)
    readout = fit_position_readout(features, places, positions)
    one, other = readout.score(features, positions), readout.score(features[:, order], positions)
    assert other.r2 == pytest.approx(one.r2)
    assert other.chance_mean_distance == pytest.approx(one.chance_mean_distance)


def test_fit_position_readout_gives_constant_features_no_weight() -> None:
    features, places, positions = shuffled_slots()
    features[..., 3] = 0.7  # no exact sum, so that the measured deviation is not quite 0
    readout = fit_position_readout(features, places, positions)
    assert readout.weight[3].tolist() == [0.0, 0.0]
    assert readout.score(features, positions).r2 > 0.999


def test_position_readout_score_is_nan_when_positions_do_not_vary() -> None:
    readout = PositionReadout(weight=np.zeros((1, 2)), bias=np.array([0.3, 0.4]))
    score = readout.score(np.zeros((2, 1, 1)), np.zeros((2, 1, 2)))
    assert math.isnan(score.r2)
    assert score.mean_distance == pytest.approx(0.5)


def test_position_readout_refuses_to_score_a_single_picture() -> None:
    readout = PositionReadout(weight=np.zeros((1, 2)), bias=np.zeros(2))
    with pytest.raises(ValueError, match="at least two pictures"):
        readout.score(np.zeros((1, 1, 1)), np.zeros((1, 1, 2)))


@pytest.mark.parametrize(
    ("features", "centroids", "options", "message"),
    [
        (np.zeros((2, 4, 3)), np.zeros((2, 4, 2)), {"ridge": 0.0}, "ridge > 0"),
        (np.zeros((2, 4, 3)), np.zeros((2, 4, 2)), {"max_rematches": -1}, "max_rematches >= 0"),
        (np.zeros((2, 4, 3)), np.zeros((2, 5, 2)), {}, "features and centroids of the same slots"),
        (np.zeros((0, 4, 3)), np.zeros((0, 4, 2)), {}, "features and centroids of the same slots"),
        (np.full((2, 4, 3), np.inf), np.zeros((2, 4, 2)), {}, "finite features"),
    ],
)
def test_fit_position_readout_refuses_what_it_cannot_fit(
    features: np.ndarray, centroids: np.ndarray, options: dict[str, float], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        fit_position_readout(features, centroids, np.zeros((len(features), 3, 2)), **options)
