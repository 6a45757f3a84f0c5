from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest

from rmr_gym.envs.ball_renderer import BallRenderer
from rmr_gym.envs.balls_config import BallsConfig
from rmr_gym.envs.disc_painter import DiscPainter
from rmr_gym.envs.mujoco_loading import RenderingUnavailableError


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", textwrap.dedent(code)]
    surroundings = {**os.environ, **environment}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=surroundings, timeout=120)


def draw(positions: object, **options: object) -> np.ndarray:
    renderer = BallRenderer(BallsConfig(**options))  # type: ignore[arg-type]
    picture = renderer.render(np.array(positions, float))
    renderer.close()
    return picture


def test_picture_shows_each_ball_in_its_colour_where_it_is() -> None:
    positions = [[-0.25, 0.25], [0.25, 0.25], [0.25, -0.25]]
    picture = draw(positions, num_balls=3, colors=((255, 0, 0), (0, 200, 0), (10, 20, 250)))
    assert (picture.shape, picture.dtype) == ((64, 64, 3), np.uint8)
    for (row, column), color in {(16, 16): (255, 0, 0), (16, 48): (0, 200, 0), (48, 48): (10, 20, 250)}.items():
        np.testing.assert_allclose(
            picture[row - 2 : row + 2, column - 2 : column + 2], np.full((4, 4, 3), color), atol=1
        )
    assert picture[48, 16].tolist() == [0, 0, 0]


def test_ball_covers_the_area_of_its_disc_with_smooth_edges() -> None:
    for place in ([0.0, 0.0], [0.103, -0.211], [0.34, 0.34]):
        share = draw([place], num_balls=1, radius=0.1, picture_size=128)[..., 0] / 255
        rows, columns = np.indices(share.shape)
        assert share.sum() / 128**2 == pytest.approx(np.pi * 0.1**2, rel=0.04)
        assert 10 < ((share > 0.05) & (share < 0.95)).sum() < 150
        assert ((columns + 0.5) * share).sum() / share.sum() / 128 - 0.5 == pytest.approx(place[0], abs=2e-3)
        assert 0.5 - ((rows + 0.5) * share).sum() / share.sum() / 128 == pytest.approx(place[1], abs=2e-3)


def test_picture_shows_exactly_the_box() -> None:
    for box_size in (1.0, 3.0):
        corner = box_size / 2 - 0.2
        picture = draw([[-corner, corner]], num_balls=1, radius=0.2, box_size=box_size)[..., 0]
        rows, columns = np.nonzero(picture > 127)
        assert rows.min() == columns.min() == 0
        assert rows.max() == columns.max() == pytest.approx(64 * 0.4 / box_size, abs=1.5)


@pytest.mark.parametrize(
    "world",
    [
        {"radius": 0.06, "box_size": 10.0, "picture_size": 256},
        {"radius": 0.005, "picture_size": 256},
        {"radius": 2e-3, "picture_size": 512},
        {"radius": 0.005, "picture_size": 256, "background": (10, 60, 30)},
        {"radius": 4.9, "box_size": 10.0},
    ],
)
def test_balls_of_any_size_are_where_discs_are(world: dict[str, object]) -> None:
    config = BallsConfig(num_balls=1, **world)  # type: ignore[arg-type]
    painter = DiscPainter(config)
    for place in ([0.0, 0.0], [config.bound, -config.bound], [-0.31 * config.bound, 0.77 * config.bound]):
        drawn, painted = draw([place], num_balls=1, **world), painter.render(np.array([place]))
        bright, expected = (np.argwhere(picture[..., 0] > 127) for picture in (drawn, painted))
        assert len(bright) > 0
        assert len(bright) == pytest.approx(len(expected), rel=0.04, abs=4)
        np.testing.assert_allclose(bright.mean(axis=0), expected.mean(axis=0), atol=0.7)


def test_picture_has_the_size_and_the_background_that_were_asked_for() -> None:
    picture = draw([[0.0, 0.0]], num_balls=1, picture_size=100, background=(10, 200, 30))
    assert picture.shape == (100, 100, 3)
    for corner in (picture[0, 0], picture[0, -1], picture[-1, 0], picture[-1, -1], picture[50, 70]):
        np.testing.assert_allclose(corner, (10, 200, 30), atol=1)
    assert picture[50, 50].tolist() == [255, 0, 0]


def test_pictures_are_the_same_twice_and_do_not_share_memory() -> None:
    renderer = BallRenderer(BallsConfig(num_balls=1))
    first = renderer.render(np.array([[0.1, 0.1]]))
    kept = first.copy()
    other = renderer.render(np.array([[-0.1, 0.1]]))
    np.testing.assert_array_equal(first, kept)
    assert not np.array_equal(first, other)
    np.testing.assert_array_equal(renderer.render(np.array([[0.1, 0.1]])), kept)
    renderer.close()


def test_many_states_are_drawn_as_one_by_one() -> None:
    renderer = BallRenderer(BallsConfig(num_balls=1, picture_size=32))
    positions = np.array([[[0.1, 0.1]], [[-0.1, 0.1]]])
    pictures = renderer.render_all(positions)
    np.testing.assert_array_equal(pictures, [renderer.render(one) for one in positions])
    assert (renderer.render_all(positions[:0]).shape, pictures.dtype) == ((0, 32, 32, 3), np.uint8)
    renderer.close()


def test_two_renderers_do_not_disturb_each_other() -> None:
    one, two = BallRenderer(BallsConfig(num_balls=1)), BallRenderer(BallsConfig(num_balls=1, picture_size=32))
    place = np.array([[0.1, 0.1]])
    before = one.render(place)
    assert two.render(place).shape == (32, 32, 3)
    np.testing.assert_array_equal(one.render(place), before)
    two.close()
    np.testing.assert_array_equal(one.render(place), before)
    one.close()


DRAW = """
    import gymnasium as gym, rmr_gym
    env = gym.make("rmr/BouncingBalls-v0", painter="opengl")
    try:
        env.reset(seed=0)
    except RuntimeError as error:
        print(type(error).__name__, error)
"""


@pytest.mark.parametrize("backend", ["disabled", "glfw"])
def test_first_picture_says_what_to_set_when_the_backend_cannot_draw(backend: str) -> None:
    done = run(DRAW, MUJOCO_GL=backend, DISPLAY="", WAYLAND_DISPLAY="")
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    assert line.startswith(
        f"RenderingUnavailableError Expected a working OpenGL backend to draw with; got MUJOCO_GL='{backend}'"
    )
    assert "Set MUJOCO_GL=egl (Debian: apt install libegl1)" in line
    assert line.endswith('painter="discs".')


def test_error_of_opengl_itself_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(width: int, height: int) -> None:
        from OpenGL.error import GLError  # what PyOpenGL raises on a device without a usable configuration

        raise GLError(err=0x3001, result=0)

    monkeypatch.setattr("rmr_gym.envs.ball_renderer._context_class", lambda: refuse)
    with pytest.raises(RenderingUnavailableError, match="MUJOCO_GL=egl"):
        BallRenderer(BallsConfig(num_balls=1)).render(np.zeros((1, 2)))


def test_environment_says_what_to_set_when_the_backend_does_not_exist() -> None:
    done = run(DRAW, MUJOCO_GL="nonsense")
    assert "RenderingUnavailableError: Expected MUJOCO_GL to name an OpenGL backend of this machine" in done.stderr
    assert "MUJOCO_GL=disabled to do without OpenGL" in done.stderr


def test_states_and_discs_load_no_graphics_library() -> None:
    done = run(
        """
        import gymnasium as gym, rmr_gym
        from pathlib import Path
        for env_id in ("rmr/BouncingBalls-v0", "rmr/BouncingBallsPush-v0"):
            env = gym.make(env_id, render_mode="rgb_array")
            env.reset(seed=0)
            assert (env.step(0)[0]["pixels"] == env.render()).all()
        maps = Path("/proc/self/maps").read_text().splitlines()
        loaded = {line.split("/")[-1].lower() for line in maps if "/" in line}
        print([name for name in loaded if name.startswith(("libgl", "libegl", "libosmesa", "libglfw"))])
        """,
        MUJOCO_GL="disabled",
    )
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_machine_without_a_display_draws_by_egl_when_nobody_chose() -> None:
    environment = dict.fromkeys(("MUJOCO_GL", "DISPLAY", "WAYLAND_DISPLAY"), "")
    done = run(DRAW + "\n    print(env.reset(seed=0)[0]['pixels'].max())", **environment)
    assert (done.stdout, done.returncode) == ("255\n", 0), done.stderr


VECTOR = """
    import gymnasium as gym, numpy as np, rmr_gym
    from rmr_gym.envs.ball_world import simulate
    if __name__ == "__main__":
        {before}
        vector = gym.make_vec(
            "rmr/BouncingBalls-v0", num_envs=2, vectorization_mode="async", vector_kwargs={kwargs}, painter={painter!r}
        )
        try:
            observation, _ = vector.reset(seed=[3, 4])
            for _ in range(5):
                observation, *_ = vector.step(np.zeros(2, np.int64))
            expected = simulate(rmr_gym.BallsConfig(), [3, 4], 6)[:, -1]
            print(np.array_equal(observation["state"], expected), observation["pixels"].max(axis=(1, 2, 3)).tolist())
            alone = gym.make("rmr/BouncingBalls-v0", painter={painter!r})
            alone.reset(seed=4)
            for _ in range(5):
                one, *_ = alone.step(0)
            print(np.array_equal(one["pixels"], observation["pixels"][1]))
            vector.close()
        except RuntimeError as error:
            vector.close(terminate=True)
            print(type(error).__name__, error)
"""
DRAWN_BEFORE = 'gym.make("rmr/BouncingBalls-v0", painter="opengl").reset(seed=0)'


def test_forked_environments_draw_when_they_were_made_before_the_first_picture() -> None:
    done = run(VECTOR.format(before="", kwargs={}, painter="opengl"))
    assert done.stdout == "True [255, 255]\nTrue\n", done.stderr


def test_fork_after_a_picture_is_refused_and_names_the_way_out() -> None:
    done = run(VECTOR.format(before=DRAWN_BEFORE, kwargs={"context": "fork"}, painter="opengl"))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("RenderingUnavailableError Expected a process that was forked before")
    assert 'Pass context="spawn"' in done.stdout


def test_spawned_environments_draw_after_a_picture() -> None:
    done = run(VECTOR.format(before=DRAWN_BEFORE, kwargs={"context": "spawn"}, painter="opengl"))
    assert done.stdout == "True [255, 255]\nTrue\n", done.stderr


def test_discs_can_be_painted_after_any_fork() -> None:
    done = run(VECTOR.format(before=DRAWN_BEFORE, kwargs={"context": "fork"}, painter="discs"))
    assert done.stdout == "True [255, 255]\nTrue\n", done.stderr


def test_state_vectors_can_be_forked_at_any_time() -> None:
    code = """
        import gymnasium as gym, rmr_gym
        gym.make("rmr/BouncingBalls-v0", painter="opengl").reset(seed=0)
        vector = gym.make_vec("rmr/BouncingBalls-v0", num_envs=2, vectorization_mode="async", observations="state")
        print(vector.reset(seed=0)[0]["state"].shape)
        vector.close()
    """
    done = run(code)
    assert done.stdout == "(2, 10, 2)\n", done.stderr
