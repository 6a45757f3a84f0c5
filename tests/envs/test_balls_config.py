from __future__ import annotations

import dataclasses
import inspect
import json
import math
import subprocess
import sys

import pytest

from rmr_gym.envs.balls_config import BallsConfig
from rmr_gym.envs.bouncing_balls import BouncingBallsEnv


def run(*statements: str) -> list[str]:
    command = [sys.executable, "-W", "error", "-c", "\n".join(statements)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_balls": 0}, "num_balls as an integer of at least 1; got 0"),
        ({"contact_steps": 3}, "contact_steps as an integer of at least 4"),
        ({"radius": -0.06}, "finite radius, above 0; got -0.06"),
        ({"mass": math.inf}, "finite mass"),
        ({"speed": math.nan}, "finite speed; got nan"),
        ({"speed": -1.0}, "finite speed; got -1.0"),
        ({"speed": 1e4}, "at most 100 times in a frame; got 1000 times"),
        ({"gravity": -math.inf}, "finite gravity"),
        ({"box_size": 0.0}, "finite box_size, above 0"),
        ({"frame_seconds": -0.1}, "finite frame_seconds, above 0"),
        ({"contact_seconds": 0.0}, "finite contact_seconds, above 0"),
        ({"contact_seconds": 0.05}, "shorter than a quarter frame"),
        ({"restitution": 1.1}, "restitution in 0.5..1; got 1.1"),
        ({"restitution": 0.4}, "restitution in 0.5..1; got 0.4"),
        ({"radius": 0.6}, "Lower the radius"),
        ({"num_balls": 36}, "36 balls of radius 0.06 m in a box of 1.0 m. At most 35 of this radius fit"),
        ({"num_balls": 2, "colors": ((255, 0, 0),)}, "Expected 2 colours"),
        ({"num_balls": 1, "colors": ((255, 0, 256),)}, "three integers in 0..255"),
        ({"background": (0, 0, -1)}, "three integers in 0..255"),
    ],
)
def test_config_refuses_a_world_that_cannot_be(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        BallsConfig(**options)  # type: ignore[arg-type]


def test_config_fills_in_what_was_left_out() -> None:
    config = BallsConfig(num_balls=3)
    assert config.palette == ((255, 0, 0), (0, 255, 0), (0, 0, 255))
    assert config.bound == 0.44
    assert config.contact_duration == 1e-5
    assert BallsConfig(gravity=9.81).contact_duration == 1e-4
    assert BallsConfig(contact_seconds=1e-3).contact_duration == 1e-3


WRONG_TYPES = {
    "num_balls=2.5": "num_balls as an integer of at least 1; got 2.5.",
    "num_balls=True": "num_balls as an integer of at least 1; got True.",
    "num_balls='ten'": "num_balls as an integer of at least 1; got ten.",
    "picture_size=64.0": "picture_size as an integer of at least 1; got 64.0.",
    "radius=0": "a finite radius, above 0; got 0.",
    "radius='small'": "a finite radius, above 0; got small.",
    "speed=True": "a finite speed; got True.",
    "speed=None": "a finite speed; got None.",
    "num_balls=1, colors='red'": "1 colours; got red.",
    "num_balls=1, colors=['red']": "a colour as three integers in 0..255; got red.",
    "num_balls=1, colors=[(255, 0)]": "a colour as three integers in 0..255; got (255, 0).",
    "num_balls=1, colors=5": "1 colours; got 5.",
    "background=(0.5, 0.5, 0.5)": "a colour as three integers in 0..255; got (0.5, 0.5, 0.5).",
    "painter='gl'": "painter to be 'discs' or 'opengl'; got gl.",
    "painter=None": "painter to be 'discs' or 'opengl'; got None.",
    "background=0": "a colour as three integers in 0..255; got 0.",
}


def test_config_refuses_values_of_a_wrong_type() -> None:
    # In a process of its own, because here the annotations are checked before the configuration sees the values.
    lines = run(
        "from rmr_gym.envs.balls_config import BallsConfig",
        *(f"try: BallsConfig({call})\nexcept ValueError as error: print(error)" for call in WRONG_TYPES),
    )
    assert len(lines) == len(WRONG_TYPES)
    for line, message in zip(lines, WRONG_TYPES.values(), strict=True):
        assert line.startswith(f"Expected {message}")


def test_config_takes_numbers_of_numpy_and_lists_of_json_as_what_they_mean() -> None:
    given = "num_balls=np.int64(1), mass=np.float32(2), speed=1, colors=[[1, 2, 3]], background=[4, 5, 6]"
    plain = BallsConfig(num_balls=1, mass=2.0, speed=1.0, colors=((1, 2, 3),), background=(4, 5, 6))
    (line,) = run(
        "import json, dataclasses, numpy as np",
        "from rmr_gym.envs.balls_config import BallsConfig",
        f"print(json.dumps(dataclasses.asdict(BallsConfig({given}))))",
    )
    assert line == json.dumps(dataclasses.asdict(plain))


def test_environment_takes_every_parameter_of_the_world_with_the_same_default_and_explains_it() -> None:
    keywords = inspect.signature(BouncingBallsEnv.__init__).parameters
    for field in dataclasses.fields(BallsConfig):
        assert keywords[field.name].default == field.default
        assert f"\n    {field.name}: " in (inspect.getdoc(BouncingBallsEnv) or "")
