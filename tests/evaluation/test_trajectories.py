from __future__ import annotations

import functools

import numpy as np
import pytest
import torch

from rmr_gym.data import TransitionDataset
from rmr_gym.envs.ball_world import simulate
from rmr_gym.envs.balls_config import BallsConfig
from rmr_gym.evaluation.metrics import constant_velocity, copy_last
from rmr_gym.evaluation.trajectories import baselines, draw_windows, predict_positions, score_trajectories
from rmr_gym.models import Prediction, TrajectoryModel
from rmr_gym.models.blocks import initial_weights
from rmr_gym.models.processors import DeepSetsConfig
from rmr_gym.seeding import numpy_generator
from tests.data.synthetic_balls import write_balls

WORLD = BallsConfig(num_balls=4, box_size=2.0)
VELOCITY = np.array([0.02, -0.01])


def free_flight(num_frames: int = 8) -> np.ndarray:
    """Windows of balls that fly straight, all with one velocity."""
    start = numpy_generator(0, "start").uniform(-0.5, 0.5, (6, 1, 4, 2))
    return start + np.arange(num_frames)[:, None, None] * VELOCITY


def make_model(predicts: Prediction = "position") -> TrajectoryModel:
    """A model whose decoder says (0.5, -1) of everything."""
    with initial_weights(0):
        model = TrajectoryModel(DeepSetsConfig(slot_dim=4).build(4, num_actions=0), history=3, predicts=predicts)
    torch.nn.init.zeros_(model.decoder.weight)
    with torch.no_grad():
        model.decoder.bias.copy_(torch.tensor([0.5, -1.0]))
    return model.eval()


def test_constant_velocity_scores_nothing_on_free_flight() -> None:
    scores = score_trajectories(constant_velocity, free_flight(), WORLD, history=3)
    assert scores.one_step.metres.overall == pytest.approx(0, abs=1e-30)
    assert scores.one_step.colliding_ball_fraction == 0
    assert scores.rollout.mse == pytest.approx([0.0] * 5, abs=1e-29)
    assert scores.rollout.within_radius_fraction == (1.0,) * 5


@pytest.mark.parametrize(
    "changes", [{"gravity": 0.5}, {"gravity": -0.5}, {"box_size": 1000.0, "radius": 60.0, "speed": 350.0}]
)
def test_only_contacts_are_collisions_whatever_the_world(changes: dict[str, float]) -> None:
    world = BallsConfig(num_balls=2, **changes)
    paths = simulate(world, range(6), 30, num_threads=1)
    windows = np.concatenate([paths[:, first : first + 4] for first in range(27)])
    one_step = score_trajectories(constant_velocity, windows, world, history=3).one_step
    assert 0.02 < one_step.colliding_ball_fraction < 0.5
    # Half an edge is a unit of the networks; a ball falls by g t^2 below constant velocity.
    fall = world.gravity * world.frame_seconds**2 / (world.box_size / 2)
    assert one_step.network.free_balls == pytest.approx(fall**2 / 2, rel=1e-3, abs=1e-12)
    assert one_step.network.colliding_balls > 10 * one_step.network.free_balls


def test_copying_scores_the_way_that_the_balls_have_gone() -> None:
    scores = score_trajectories(copy_last, free_flight(), WORLD, history=3)
    squared = (0.02**2 + 0.01**2) / 2
    assert scores.one_step.metres.overall == pytest.approx(squared)
    assert scores.one_step.network.overall == pytest.approx(squared)  # half an edge of this box is 1 m
    assert scores.rollout.mse == pytest.approx([squared * step**2 for step in range(1, 6)])
    step = np.hypot(*VELOCITY)
    assert scores.rollout.mean_distance == pytest.approx([step * number for number in range(1, 6)])
    assert scores.rollout.within_radius_fraction == (1.0, 1.0, 0.0, 0.0, 0.0)  # 0.06 m are passed in the third


def test_the_given_states_are_the_first_of_a_window() -> None:
    windows, seen = free_flight(), []

    def step(window: np.ndarray) -> np.ndarray:
        seen.append(window)
        return windows[:, 2 + len(seen)]

    scores = score_trajectories(step, windows, WORLD, history=3)
    assert len(seen) == 5
    assert np.array_equal(seen[0], windows[:, :3])
    assert np.array_equal(seen[4], windows[:, 4:7])
    assert scores.one_step.metres.overall == 0
    assert scores.rollout.mse == (0.0,) * 5


def test_baselines_stand_under_their_names() -> None:
    predicted = {name: step(free_flight(3)) for name, step in baselines().items()}
    assert list(predicted) == ["copy_last", "constant_velocity"]
    assert predicted["constant_velocity"] - predicted["copy_last"] == pytest.approx(np.tile(VELOCITY, (6, 4, 1)))


@pytest.mark.parametrize("box_size", [1.0, 4.0])
def test_predictions_come_back_in_metres(box_size: float) -> None:
    windows = free_flight(3).astype(np.float32)
    predicted = predict_positions(make_model(), windows, box_size=box_size)
    half = box_size / 2  # metres in a unit of the networks
    assert predicted == pytest.approx(np.tile(np.float32([0.5 * half, -half]), (6, 4, 1)))
    added = predict_positions(make_model("acceleration"), windows, box_size=box_size)
    assert added == pytest.approx(constant_velocity(windows) + np.float32([0.5 * half, -half]), abs=1e-6)


def test_predictions_do_not_depend_on_how_windows_are_cut_into_batches() -> None:
    with initial_weights(0):
        model = TrajectoryModel(DeepSetsConfig(slot_dim=4).build(4, num_actions=0), history=3)
    windows = numpy_generator(0, "windows").uniform(-0.5, 0.5, (515, 3, 4, 2))
    predicted = predict_positions(model, windows)
    assert (predicted.shape, predicted.dtype) == ((515, 4, 2), np.float64)
    assert predicted[510:] == pytest.approx(predict_positions(model, windows[510:]), abs=1e-6)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> TransitionDataset:
    folder = tmp_path_factory.mktemp("balls")
    for index in range(4):
        write_balls(folder, index, 12, pixels=False)
    return TransitionDataset(folder, split="all", history=4)


def numbers(windows: np.ndarray) -> list[tuple[float, float]]:
    """Read off the first state of each window which episode and row it is."""
    return [tuple(row) for row in (windows[:, 0, 0] * 128).tolist()]


def test_draw_windows_takes_each_at_most_once(dataset: TransitionDataset) -> None:
    assert dataset.num_windows == 36
    windows = draw_windows(dataset, 20, seed=0)
    assert windows.shape == (20, 5, 3, 2)
    assert len(set(numbers(windows))) == 20
    assert numbers(windows) == numbers(draw_windows(dataset, 20, seed=0))
    assert numbers(windows) != numbers(draw_windows(dataset, 20, seed=1))
    assert {episode for episode, _ in numbers(windows)} == {0, 1, 2, 3}


@pytest.mark.parametrize("num_windows", [36, 1_000])
def test_draw_windows_takes_all_if_there_are_no_more(num_windows: int, dataset: TransitionDataset) -> None:
    assert np.array_equal(draw_windows(dataset, num_windows, seed=0), dataset.state_windows())


def test_scores_are_those_of_the_predictions_of_a_model(dataset: TransitionDataset) -> None:
    model, windows = make_model(), dataset.state_windows()
    scores = score_trajectories(functools.partial(predict_positions, model), windows, dataset.balls, history=3)
    missed = windows[:, 3:].astype(np.float64) - [0.25, -0.5]
    assert scores.one_step.metres.overall == pytest.approx(np.square(missed[:, 0]).mean())
    assert scores.one_step.network.overall == pytest.approx(4 * np.square(missed[:, 0]).mean())
    assert scores.rollout.mse == pytest.approx(np.square(missed).mean(axis=(0, 2, 3)))
