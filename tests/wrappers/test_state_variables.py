from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from stable_baselines3.common.env_checker import check_env as check_env_sb3

import rmr_gym
from rmr_gym.wrappers import PairedObservation, StateVariables

NAMES = ["ball_x", "ball_y", "enemy_score", "enemy_x", "enemy_y", "player_score", "player_x", "player_y"]
RIGHT, LEFT = 3, 4  # move the paddle of Pong up and down
INDICES = [49, 54, 13, 45, 50, 14, 46, 51]


def pong(**options: Any) -> gym.Env[Any, Any]:
    return rmr_gym.make_atari("pong", **options)


def test_info_has_the_named_bytes_of_the_ram_at_reset_and_at_every_step() -> None:
    env = StateVariables(pong())
    assert env.variable_names == tuple(NAMES)
    observation, info = env.reset(seed=0)
    changed = set()
    for step in range(120):
        assert info["variables"] == {name: int(observation["ram"][i]) for name, i in zip(NAMES, INDICES, strict=True)}
        assert all(type(value) is int for value in info["variables"].values())
        before = info["variables"]
        observation, _, _, _, info = env.step(RIGHT if step % 20 < 10 else LEFT)
        changed |= {name for name in NAMES if info["variables"][name] != before[name]}
    assert {"ball_x", "ball_y", "player_y"} <= changed


@pytest.mark.parametrize("paired", [True, False])
def test_observation_has_a_vector_in_the_order_of_the_names(paired: bool) -> None:
    names = ["player_y", "ball_x"]
    env = StateVariables(pong(paired=paired, gray=True, size=(84, 84)), into="observation", names=names)
    assert set(env.observation_space.spaces) == {"pixels", "variables", *(["ram"] if paired else [])}
    observation, info = env.reset(seed=3)
    assert "variables" not in info
    for _ in range(100):
        observation, *_ = env.step(RIGHT)
    ram = env.unwrapped.ale.getRAM()  # type: ignore[attr-defined]
    assert observation["variables"].tolist() == [ram[51], ram[49]]
    assert observation["variables"].dtype == np.uint8
    assert observation in env.observation_space


def test_floats_are_the_bytes_divided_by_255() -> None:
    env = StateVariables(pong(), into="observation", names=["player_y"], form="float", key="state")
    for _ in range(2):
        observation, _ = env.reset(seed=0)
        observation, *_ = env.step(RIGHT)
    expected = env.unwrapped.ale.getRAM()[51] / 255  # type: ignore[attr-defined]
    assert 0 < expected < 1
    assert observation["state"] == pytest.approx([expected])
    assert observation in env.observation_space


def test_own_variables_are_added_and_override_the_known_ones(tmp_path: Path) -> None:
    table = tmp_path / "own.toml"
    table.write_text("clock = 2\n[pong]\nball_x = 17\n[breakout]\nwall = 3\n")
    by_file = StateVariables(pong(), variables=table)
    by_name = StateVariables(pong(), variables={"ball_x": 17, "clock": np.argmax([0, 0, 1])})
    for env in (by_file, by_name):
        assert {variable.name: variable.index for variable in env.variables} == {
            **dict(zip(NAMES, INDICES, strict=True)),
            "ball_x": 17,
            "clock": 2,
        }
    for env in (by_file, by_name):
        assert env.spec is not None
        again = gym.make(gym.envs.registration.EnvSpec.from_json(env.spec.to_json()))
        assert again.get_wrapper_attr("variable_names") == by_file.variable_names


def test_games_that_are_not_in_the_table_need_one_of_the_user() -> None:
    alien = gym.make("ALE/Alien-v5")
    with pytest.raises(ValueError, match="named bytes of alien; got none that are known"):
        StateVariables(alien)
    env = StateVariables(alien, variables={"first": 0})
    _, info = env.reset(seed=0)
    assert info["variables"] == {"first": int(env.unwrapped.ale.getRAM()[0])}  # type: ignore[attr-defined]
    env.close()


def test_vector_environments_make_arrays_of_the_info() -> None:
    def make() -> gym.Env[Any, Any]:
        return StateVariables(pong(gray=True, size=(84, 84)), names=["player_y", "ball_x"])

    def seen(vector: gym.vector.VectorEnv[Any, Any, Any]) -> list[dict[str, list[int]]]:
        _, info = vector.reset(seed=[3, 4])
        rows = [info, *(vector.step(np.array([RIGHT, LEFT]))[-1] for _ in range(25))]
        vector.close()
        return [{name: row["variables"][name].tolist() for name in ("player_y", "ball_x")} for row in rows]

    together, apart = (seen(kind([make, make])) for kind in (gym.vector.SyncVectorEnv, gym.vector.AsyncVectorEnv))
    assert together == apart
    assert together[-1]["player_y"][0] != together[-1]["player_y"][1]


def test_async_vector_environments_share_observed_variables() -> None:
    def make() -> gym.Env[Any, Any]:
        return StateVariables(pong(gray=True, size=(84, 84)), into="observation")

    vector = gym.vector.AsyncVectorEnv([make, make])
    observation, _ = vector.reset(seed=0)
    assert observation["variables"].shape == (2, 8)
    assert (observation["variables"] == observation["ram"][:, INDICES]).all()
    vector.close()


@pytest.mark.filterwarnings("ignore:.*is different from the unwrapped version")
@pytest.mark.parametrize("form", ["bytes", "float"])
def test_checkers_of_gymnasium_and_stable_baselines3_find_nothing(form: Any) -> None:
    env = StateVariables(pong(gray=True, size=(84, 84), paired=False), into="observation", form=form)
    check_env(env, skip_render_check=True)
    pictures = pong(gray=True, gray_newaxis=True, size=(84, 84), paired=False)
    check_env_sb3(StateVariables(pictures, into="observation", form=form), warn=True)
    check_env_sb3(StateVariables(pictures), warn=True)


def test_a_wrapped_environment_can_be_pickled() -> None:
    env = pickle.loads(pickle.dumps(StateVariables(pong(), names=["ball_x"])))
    assert list(env.reset(seed=0)[1]["variables"]) == ["ball_x"]


def test_two_of_them_need_two_keys() -> None:
    env = StateVariables(pong(), names=["ball_x"])
    both = StateVariables(env, names=["ball_y"], key="more")
    _, info = both.reset(seed=0)
    assert [list(info[key]) for key in ("variables", "more")] == [["ball_x"], ["ball_y"]]
    with pytest.raises(ValueError, match="an environment without 'variables' in the info"):
        StateVariables(env)


def test_what_the_info_holds_already_is_not_replaced() -> None:
    inside = PairedObservation(pong(paired=False), into="info")
    for env, key in ((StateVariables(inside, key="ram"), "ram"), (StateVariables(pong(), key="lives"), "lives")):
        with pytest.raises(ValueError, match=f"an info without '{key}'; got .*Pass another key"):
            env.reset(seed=0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"form": "float"}, "bytes in the info; got form='float'"),
        ({"names": ["ball"]}, "names of variables of pong; got .'ball'.. Choose out of ball_x, ball_y"),
        ({"names": []}, "at least one name"),
        ({"names": ["ball_x", "ball_x"]}, "at least one name, each once"),
        ({"variables": {"far": 128}}, "the place of a byte for 'far', an integer in 0..127; got 128"),
        ({"variables": {"": 1}}, "a name of a state variable"),
        ({"into": "observation", "key": "ram"}, "an observation without 'ram'; got pixels, ram"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        StateVariables(pong(), **options)


def test_what_types_forbid_is_refused_where_nobody_checks_them() -> None:
    calls = {
        "Variables(pong, into='reward')": 'into out of info, observation; got reward. Pass into="info".',
        "Variables(pong, into='observation', form='bits')": 'form out of bytes, float; got bits. Pass form="bytes".',
        "Variables(gym.make_vec('ALE/Pong-v5', vectorization_mode='sync'))": "Wrap the single ones: gym.make_vec",
        "Variables(pong, variables={49: 'ball'})": 'got 49. Put the name first, as in {"ball_x": 49}.',
        "Variables(gym.make('CartPole-v1'))": "an environment of the Arcade Learning Environment; got <",
    }
    code = (
        "import sys, gymnasium as gym, rmr_gym; from rmr_gym.wrappers import StateVariables as Variables\n"
        "pong = rmr_gym.make_atari('pong')\n"
        "for call in sys.argv[1:]:\n"
        "    try: eval(call)\n"
        "    except ValueError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, *calls], capture_output=True, text=True, check=True)
    for message, line in zip(calls.values(), done.stdout.splitlines(), strict=True):
        assert message in line


def test_pairing_goes_inside() -> None:
    paired = PairedObservation(pong(paired=False), into="info")
    observation, info = StateVariables(paired, names=["player_y"]).reset(seed=0)
    assert isinstance(observation, np.ndarray)
    assert info["variables"]["player_y"] == info["ram"][51]
