"""The comparison of speeds of bouncing balls runs, and compares what it says it does."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from benchmarks.performance.balls import BallsPerformanceConfig, measure, run
from benchmarks.performance.balls_config import QUICK_SIZES, BallsSizes
from benchmarks.performance.balls_pictures import TRUTH, count_points
from benchmarks.performance.balls_report import show
from benchmarks.performance.conventional_balls import ConventionalRenderer, ConventionalWorld, record_pairs
from benchmarks.performance.frame_rates import Timed, frame_rates
from benchmarks.performance.harness import Spread
from benchmarks.performance.settings import Settings
from rmr_gym.envs.ball_world import simulate
from rmr_gym.envs.balls_config import BallsConfig
from rmr_gym.pipeline.stage import JsonObject

OPENGL = 'rmr_gym, painter="opengl"'


@pytest.fixture(scope="module")
def result() -> JsonObject:
    config = BallsPerformanceConfig(repeats=1, sizes=QUICK_SIZES)
    found: JsonObject = json.loads(json.dumps(run(config)))
    return found


def test_every_variant_is_timed_and_compared_with_ours(result: JsonObject) -> None:
    counts = {"pairs_per_second": 4, "recorded_pairs_per_second": 4, "pictures_per_second": 5, "states_per_second": 5}
    for key, count in counts.items():
        rows = result[key]
        assert len(rows) == count
        ours = rows["rmr_gym"]["frames_per_second"]["median"]
        for row in rows.values():
            rate, faster = row["frames_per_second"], row["ours_is_faster_by"]
            assert 0 < rate["lowest"] <= rate["median"] <= rate["highest"]
            assert faster["median"] == pytest.approx(ours / rate["median"])  # of a single turn
    assert {"mujoco", "numpy"} <= result["versions"].keys()


def test_our_physics_has_smaller_errors(result: JsonObject) -> None:
    errors = result["physics_error"]
    assert errors["rmr_gym"]["energy_drift"] < errors["mj_step, Euler, 1 ms"]["energy_drift"] < 0.05
    assert errors["rmr_gym"]["overlap_in_radii"] < errors["mj_step, Euler, 1 ms"]["overlap_in_radii"] < 0.1


def test_our_pictures_are_the_same_but_for_edges_and_light_and_nearest_to_the_truth(result: JsonObject) -> None:
    opengl, lamp, viewer, same_light = result["picture_difference"]["rmr_gym"].values()
    assert max(opengl["mean_absolute"], same_light["mean_absolute"]) < 1
    assert min(lamp["mean_absolute"], viewer["mean_absolute"]) > 1
    edges = {name: row["mean_on_edges"] for name, row in result["picture_difference"][TRUTH].items()}
    assert edges["rmr_gym"] < 5 < edges[OPENGL] / 2


def test_result_can_be_shown(result: JsonObject) -> None:
    shown = io.StringIO()
    show(result, Console(width=120, file=shown))
    for name in ("mj_step, implicitfast, 1 ms, one process", TRUTH, OPENGL, "np.savez"):
        assert name in shown.getvalue()


def test_measure_returns_comparisons_with_the_bars_of_the_issues() -> None:
    results = measure(Settings(repeats=1, quick=True))
    assert [result.bar for result in results] == [20.0, None, None, None, 5.0, None]
    assert len({(result.what, result.peer) for result in results}) == len(results)
    assert all(result.figure.median > 0 and result.unit == "x" and result.note for result in results)
    json.dumps([result.as_json() for result in results])


def test_rates_count_the_frames_of_each_variant(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: clock[0])

    def work(*seconds: float) -> Callable[[], None]:
        turns = iter(seconds)  # the first is that of the round that does not count
        return lambda: clock.__setitem__(0, clock[0] + next(turns))

    variants = {
        "a": Timed(work=work(9, 1, 2, 1), frames=100),
        "b": Timed(work=work(9, 2, 2, 4), frames=10),
    }
    rates = frame_rates(variants, 3, ours="a")
    assert rates["a"].frames_per_second == Spread(median=100, lowest=50, highest=100)
    assert rates["b"].frames_per_second == Spread(median=5, lowest=2.5, highest=5)
    assert rates["b"].ours_is_faster_by == Spread(median=20, lowest=10, highest=40)
    assert rates["a"].ours_is_faster_by == Spread(median=1, lowest=1, highest=1)


def test_points_are_counted_where_the_ball_is() -> None:
    world = BallsConfig(num_balls=1, radius=0.25, picture_size=2, colors=((200, 100, 0),))
    whole = count_points(world, np.array([[0.0, 0.0]]))
    quarter = np.pi * 0.25**2  # of the ball is in each of the four pixels, whose side is 0.5
    np.testing.assert_allclose(whole[..., 0], 200 * quarter, rtol=0.05)
    corner = count_points(world, np.array([[-0.25, 0.25]]))
    np.testing.assert_allclose(corner[..., 1], [[100 * 4 * quarter, 0], [0, 0]], rtol=0.05)


@pytest.fixture
def renderer() -> Iterator[ConventionalRenderer]:
    renderer = ConventionalRenderer(BallsConfig(num_balls=2))
    yield renderer
    renderer.close()


def test_plain_loop_records_the_same_kind_of_data(tmp_path: Path, renderer: ConventionalRenderer) -> None:
    world = BallsConfig(num_balls=2)
    record_pairs(tmp_path / "loop.npz", world, renderer, num_steps=3)
    with np.load(tmp_path / "loop.npz") as data:
        states, pictures = data["state"], data["pixels"]
    assert (pictures.shape, pictures.dtype) == ((4, 64, 64, 3), np.uint8)
    np.testing.assert_allclose(states, simulate(world, [0], 4)[0], atol=1e-6)
    np.testing.assert_array_equal(pictures[-1], renderer.render(states[-1]))


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


@pytest.mark.parametrize("name", ["num_worlds", "num_pairs", "num_episodes"])
def test_sizes_refuse_numbers_that_measure_nothing(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} of at least 1; got 0"):
        BallsSizes(**{name: 0})


def test_config_refuses_no_turns() -> None:
    with pytest.raises(ValueError, match="repeats of at least 1; got 0"):
        BallsPerformanceConfig(repeats=0)
