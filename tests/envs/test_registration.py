from __future__ import annotations

import importlib
import json
import subprocess
import sys
import warnings

import gymnasium as gym
import pytest

import rmr_gym
from rmr_gym.envs.games import GAMES, get_game
from rmr_gym.envs.registration import register_environments

BALLS = ("rmr/BouncingBalls-v0", "rmr/BouncingBallsPush-v0")
HEAVY = ("torch", "ale_py", "cv2", "mujoco", "stable_baselines3", "matplotlib", "pyarrow", "rmr_gym.models")


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)


def test_import_registers_the_ids_quietly_and_loads_nothing_heavy() -> None:
    done = run(
        "import sys, rmr_gym, json, gymnasium as gym;"
        f"print(json.dumps([[m for m in {HEAVY!r} if m in sys.modules], [i for i in gym.registry if i[:4] == 'rmr/']]))"
    )
    assert (done.returncode, done.stderr) == (0, "")
    loaded, ids = json.loads(done.stdout)
    assert loaded == []
    assert ids == [*(get_game(rom_id).env_id for rom_id in GAMES), *BALLS]


def test_make_imports_the_package_when_the_id_names_it() -> None:
    done = run("import gymnasium as gym; print(gym.make('rmr_gym:rmr/Pong-v0').reset(seed=0)[0]['ram'].shape)")
    assert (done.returncode, done.stdout, done.stderr) == (0, "(128,)\n", "")


def test_make_names_the_extra_when_the_emulator_is_missing() -> None:
    done = run("import sys; sys.modules['ale_py'] = None; import rmr_gym; rmr_gym.make_atari('pong')")
    assert done.returncode == 1
    assert 'pip install "rmr-gym[atari]"' in done.stderr.splitlines()[-1]


def test_make_names_the_extra_when_mujoco_is_missing() -> None:
    done = run(
        "import sys; sys.modules['mujoco'] = None; import rmr_gym, gymnasium as gym; gym.make('rmr/BouncingBalls-v0')"
    )
    assert done.returncode == 1
    assert 'pip install "rmr-gym[mujoco]"' in done.stderr.splitlines()[-1]


def test_second_registration_is_silent_and_changes_nothing() -> None:
    before = dict(gym.registry)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        register_environments()
        importlib.reload(rmr_gym)
        gym.register_envs(rmr_gym)
    assert gym.registry == before


def test_registration_leaves_an_id_of_the_user_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    own = gym.envs.registration.EnvSpec("rmr/Pong-v0", entry_point="somebody:Else")
    monkeypatch.setitem(gym.registry, "rmr/Pong-v0", own)
    register_environments()
    assert gym.spec("rmr/Pong-v0") is own


def test_specs_of_all_ids_are_plain_json() -> None:
    for env_id in (*(get_game(rom_id).env_id for rom_id in GAMES), *BALLS):
        spec = gym.spec(env_id)
        assert gym.envs.registration.EnvSpec.from_json(spec.to_json()) == spec
        assert spec.nondeterministic is False
