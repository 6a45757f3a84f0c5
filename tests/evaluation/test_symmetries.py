import numpy as np
import pytest

from rmr_gym.envs.ball_world import BallWorlds, start
from rmr_gym.envs.balls_config import BallsConfig
from rmr_gym.evaluation.metrics import constant_velocity, copy_last
from rmr_gym.evaluation.symmetries import averaged_over_symmetries, symmetries

FREE, FALLING = BallsConfig(num_balls=3, radius=0.1), BallsConfig(num_balls=3, radius=0.1, gravity=1.0)


@pytest.mark.parametrize(("world", "count"), [(FREE, 8), (FALLING, 2)])
def test_symmetries_are_a_group_of_orthogonal_matrices(world: BallsConfig, count: int) -> None:
    matrices = symmetries(world)
    assert len({matrix.tobytes() for matrix in matrices + 0.0}) == len(matrices) == count
    np.testing.assert_array_equal(matrices @ matrices.transpose(0, 2, 1), np.broadcast_to(np.eye(2), (count, 2, 2)))
    for one in matrices:
        for other in matrices:
            assert any(np.array_equal(one @ other, matrix) for matrix in matrices)


def test_only_what_leaves_the_height_alone_is_a_symmetry_under_gravity() -> None:
    assert all(np.array_equal(matrix[:, 1], [0, 1]) for matrix in symmetries(FALLING))


def test_average_by_hand() -> None:
    # One ball, one state: a predictor that adds one to x alone. Over the square it adds nothing, since the eight ones
    # point in all four directions; with the mirror alone they cancel, too.
    windows = np.array([[[[0.25, -0.5]]]])
    pushed = averaged_over_symmetries(lambda given: given[:, -1] + [1.0, 0.0], FREE)
    np.testing.assert_allclose(pushed(windows), [[[0.25, -0.5]]], atol=1e-15)
    fallen = averaged_over_symmetries(lambda given: given[:, -1] + [1.0, -1.0], FALLING)
    np.testing.assert_allclose(fallen(windows), [[[0.25, -1.5]]], atol=1e-15)


@pytest.mark.parametrize("world", [FREE, FALLING])
def test_averaged_predictor_turns_with_the_world_and_keeps_those_that_do(world: BallsConfig) -> None:
    generator = np.random.default_rng(0)
    windows = generator.uniform(-0.4, 0.4, (5, 3, 3, 2)).astype(np.float32)
    weights = generator.normal(size=(18, 6))

    def crooked(given: np.ndarray) -> np.ndarray:
        return np.tanh(given.reshape(len(given), -1) @ weights).reshape(-1, 3, 2).astype(given.dtype)

    averaged = averaged_over_symmetries(crooked, world)
    assert averaged(windows).dtype == np.float32
    assert not np.allclose(averaged(windows), crooked(windows), atol=0.01)
    for matrix in symmetries(world).astype(np.float32):
        np.testing.assert_allclose(averaged(windows @ matrix), averaged(windows) @ matrix, atol=1e-6)
    for fair in (copy_last, constant_velocity):
        np.testing.assert_allclose(averaged_over_symmetries(fair, world)(windows), fair(windows), atol=1e-6)


@pytest.mark.parametrize("world", [FREE, FALLING])
def test_the_world_has_these_symmetries(world: BallsConfig) -> None:
    def paths(matrix: np.ndarray) -> np.ndarray:
        worlds = BallWorlds(world, num_worlds=20, num_threads=1)
        worlds.set_state(
            *(np.stack(parts) @ matrix for parts in zip(*(start(world, s) for s in range(20)), strict=True))
        )
        seen = []
        for _ in range(10):
            worlds.advance()
            seen.append(worlds.positions())
        return np.stack(seen)

    plain = paths(np.eye(2))
    for matrix in symmetries(world):
        np.testing.assert_allclose(paths(matrix), plain @ matrix, atol=1e-6)
    if world.gravity:
        quarter = np.array([[0.0, 1.0], [-1.0, 0.0]])
        assert np.abs(paths(quarter) - plain @ quarter).max() > 0.1
