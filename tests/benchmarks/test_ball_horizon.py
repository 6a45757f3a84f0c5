"""How exact a predictor of bouncing balls must be."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.ball_horizon import BallHorizonConfig, _step, run
from rmr_gym.envs.ball_world import BallWorlds
from rmr_gym.envs.balls_config import BallsConfig
from rmr_gym.pipeline.balls.profiles import standard

RESULT = Path(__file__).parents[2] / "benchmarks" / "results" / "ball_horizon.json"
CROWD = BallHorizonConfig(num_worlds=20, errors_mm=(0.0, 5.0))


def test_exact_velocities_see_everything_and_errors_grow() -> None:
    shares = run(CROWD)["within_radius_fraction"]
    assert shares["velocities off by 0 mm a step at the start"] == [1.0] * CROWD.horizon
    assert shares["velocities off by another 0 mm a step after each step"] == [1.0] * CROWD.horizon
    seen, corrected = shares["velocities of the last two positions"], list(shares.values())[1]
    assert seen[-1] < corrected[-1] < 1.0
    at_start, each_step = (shares[f"velocities off by {kind}"] for kind in _kinds(5))
    assert each_step[-1] < at_start[-1] < at_start[0]


def test_a_lonely_ball_off_by_a_millimetre_a_step_stays_in_place_for_many_steps() -> None:
    config = BallHorizonConfig(world=BallsConfig(num_balls=1), num_worlds=10, errors_mm=(1.0,))
    assert run(config)["within_radius_fraction"][f"velocities off by {_kinds(1)[0]}"] == [1.0] * config.horizon


def test_three_positions_fed_back_do_not_hold_what_the_velocities_do() -> None:
    shares = run(CROWD)["within_radius_fraction"]
    none, one, three = (shares[f"three positions fed back, corrections of velocities: {n}"] for n in (0, 1, 3))
    assert none[-1] < one[-1] <= three[-1] < 1.0
    assert none[0] == shares["velocities of the last two positions"][0], "nothing was fed back yet"


def test_a_ball_that_was_hit_on_the_way_to_the_newest_position_is_found_out() -> None:
    """Head on, on a line: after the hit each flies on with the velocity of the other."""
    world = BallsConfig(num_balls=2, radius=0.05)
    worlds = BallWorlds(world, num_worlds=1)
    worlds.set_state(np.array([[[-0.11, 0.0], [0.11, 0.0]]]), np.array([[[0.4, 0.0], [-0.4, 0.0]]]))
    window = [worlds.positions()]
    for _ in range(2):
        worlds.advance()
        window.append(worlds.positions())
    worlds.advance()
    true = worlds.positions()
    given = np.stack(window, axis=1)
    assert np.abs(_step(worlds, given, corrections=0) - true).max() > 0.01
    np.testing.assert_allclose(_step(worlds, given, corrections=1), true, atol=1e-6)


def test_equal_seeds_give_equal_results() -> None:
    assert run(CROWD)["within_radius_fraction"] == run(CROWD)["within_radius_fraction"]


@pytest.mark.parametrize(
    "change",
    [{"num_worlds": 0}, {"warmup_steps": 1}, {"horizon": 0}, {"errors_mm": (-1.0,)}, {"corrections": (-1,)}],
)
def test_settings_that_leave_nothing_to_measure_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="Expected num_worlds >= 1"):
        BallHorizonConfig(**change)  # type: ignore[arg-type]


def test_the_world_is_that_of_the_profile_and_the_record_that_of_the_defaults() -> None:
    config = BallHorizonConfig()
    assert config.world == standard().world
    record = json.loads(RESULT.read_text())
    assert record["config"]["num_worlds"] == config.num_worlds
    assert len(record["within_radius_fraction"]) == 2 + 2 * len(config.errors_mm) + len(config.corrections)


def _kinds(error: int) -> tuple[str, str]:
    return f"{error} mm a step at the start", f"another {error} mm a step after each step"
