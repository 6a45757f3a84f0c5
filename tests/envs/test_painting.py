from __future__ import annotations

import subprocess
import sys
from typing import get_args

import numpy as np
import pytest

from rmr_gym.envs.ball_renderer import BallRenderer
from rmr_gym.envs.balls_config import BallsConfig, PainterName
from rmr_gym.envs.disc_painter import DiscPainter
from rmr_gym.envs.painting import BallPainter, open_painter


@pytest.mark.parametrize(("name", "expected"), [("discs", DiscPainter), ("opengl", BallRenderer)])
def test_painter_is_the_one_that_the_world_names(name: PainterName, expected: type[BallPainter]) -> None:
    config = BallsConfig(painter=name, picture_size=32)
    painter = open_painter(config)
    assert type(painter) is expected
    assert expected(config).config == config
    states = np.random.default_rng(0).uniform(-0.4, 0.4, (2, 10, 2))
    np.testing.assert_array_equal(painter.render_all(states), [painter.render(state) for state in states])
    painter.close()


def test_every_name_of_a_painter_is_known() -> None:
    assert get_args(PainterName) == ("discs", "opengl")
    assert BallsConfig().painter == "discs"


def test_discs_are_painted_where_mujoco_cannot_be_imported() -> None:
    code = """
import sys
for name in ("mujoco", "OpenGL", "glfw"):
    sys.modules[name] = None  # importing it is an error now
import numpy as np
from rmr_gym.envs.balls_config import BallsConfig
from rmr_gym.envs.painting import open_painter
print(open_painter(BallsConfig(num_balls=1)).render(np.zeros((1, 2))).max())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert (done.stdout, done.stderr) == ("255\n", "")
