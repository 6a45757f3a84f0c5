"""The comparison of speeds of bouncing balls runs, and compares what it says it does."""

from __future__ import annotations

import io
import json
import time

import numpy as np
import pytest
from rich.console import Console

from benchmarks.performance.balls import BallsPerformanceConfig, run, show, take_turns
from benchmarks.performance.conventional_balls import ConventionalRenderer, ConventionalWorld
from rmr_gym.envs.ball_world import simulate
from rmr_gym.envs.balls_config import BallsConfig


def test_run_measures_every_variant_and_can_be_written_and_shown() -> None:
    config = BallsPerformanceConfig(repeats=1, num_worlds=4, num_frames=10, loop_frames=2, num_pairs=2, error_worlds=2)
    result = json.loads(json.dumps(run(config)))
    assert len(result["pairs_per_second"]) == 3
    assert len(result["states_per_second"]) == 5
    for row in (*result["pairs_per_second"].values(), *result["states_per_second"].values()):
        assert 0 < row["lowest"] <= row["median"] <= row["highest"]
    assert result["states_per_second"]["rmr_gym"]["ours_is_faster_by"] == 1
    errors = result["physics_error"]
    assert errors["rmr_gym"]["energy_drift"] < errors["mj_step, Euler, 1 ms"]["energy_drift"] < 0.05
    assert errors["rmr_gym"]["overlap_in_radii"] < errors["mj_step, Euler, 1 ms"]["overlap_in_radii"] < 0.1
    # The same picture but for the smoothing of edges, once the light is the same.
    lamp, viewer, same_light = result["picture_difference"].values()
    assert same_light["mean_absolute"] < 1 < min(lamp["mean_absolute"], viewer["mean_absolute"])
    assert {"mujoco", "numpy"} <= result["versions"].keys()
    shown = io.StringIO()
    show(result, Console(width=120, file=shown))
    assert "mj_step, implicitfast, 1 ms, one process" in shown.getvalue()


def test_turns_are_taken_in_order_and_the_first_round_does_not_count() -> None:
    order = []

    def work(name: str, seconds: float) -> int:
        order.append(name)
        time.sleep(seconds if len(order) > 2 else 0.2)
        return 10

    rates = take_turns({"rmr_gym": lambda: work("a", 0.01), "loop": lambda: work("b", 0.05)}, repeats=3)
    assert order == ["a", "b"] * 4
    assert 300 < rates["rmr_gym"]["median"] <= 1_000
    assert rates["loop"]["ours_is_faster_by"] == pytest.approx(5, rel=0.5)


@pytest.mark.parametrize("same_contacts", [False, True])
def test_conventional_world_moves_like_ours_until_chaos_parts_them(same_contacts: bool) -> None:
    config = BallsConfig(num_balls=2, contact_seconds=1e-3, frame_seconds=0.02)
    world = ConventionalWorld(config, same_contacts=same_contacts)
    world.reset(1)
    for _ in range(50):
        world.advance()
    np.testing.assert_allclose(world.positions(), simulate(config, [1], 51)[0, -1], atol=0.01)


def test_conventional_world_reports_how_deep_balls_were_and_not_walls() -> None:
    config = BallsConfig(num_balls=2)
    world = ConventionalWorld(config)
    world.data.qpos[:], world.data.qvel[:] = (-0.44, 0.0, 0.3, 0.0), (-0.35, 0.0, 0.0, 0.0)
    assert world.advance_watched() == 0.0
    world.data.qpos[:], world.data.qvel[:] = (-0.07, 0.0, 0.07, 0.0), (0.35, 0.0, -0.35, 0.0)
    assert 5e-4 < world.advance_watched() < 0.04 * config.radius


def test_lamp_casts_shadows_and_makes_other_pictures() -> None:
    config = BallsConfig(num_balls=2)
    positions = np.array([[0.0, 0.0], [0.2, 0.1]])
    pictures = []
    for options in ({}, {"light": True}, {"flat": True}):
        renderer = ConventionalRenderer(config, **options)
        pictures.append(renderer.render(positions))
        renderer.close()
    plain, lit, flat = (picture.astype(int) for picture in pictures)
    assert lit.sum() > plain.sum()
    assert flat.max() == 255
    assert np.unique(flat.reshape(-1, 3), axis=0).shape[0] < np.unique(plain.reshape(-1, 3), axis=0).shape[0]


@pytest.mark.parametrize("name", ["repeats", "num_worlds", "num_pairs"])
def test_config_refuses_numbers_that_measure_nothing(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} of at least 1; got 0"):
        BallsPerformanceConfig(**{name: 0})  # type: ignore[arg-type]
