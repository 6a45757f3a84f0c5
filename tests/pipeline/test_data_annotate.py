from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

import pytest

import rmr_gym
from rmr_gym.cli import main
from rmr_gym.data import collect
from rmr_gym.pipeline.data_annotate import annotate
from rmr_gym.pipeline.data_annotation import words, write_annotation
from rmr_gym.program import USER_ERROR
from rmr_gym.wrappers import StateVariables
from rmr_gym.wrappers.variable_files import read_variables


@pytest.fixture(scope="module")
def pong(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pong")
    collect(folder, "pong", num_episodes=4, max_steps_per_episode=200, num_workers=1)
    return folder


@pytest.fixture(scope="module")
def annotation(pong: Path) -> dict[str, Any]:
    return annotate([pong], num_steps=500)


def about(annotation: dict[str, Any], index: int) -> dict[str, Any]:
    (found,) = (byte for byte in annotation["bytes"] if byte["index"] == index)
    return dict(found)


def test_what_is_known_of_pong_is_found_again(annotation: dict[str, Any]) -> None:
    assert (annotation["game"], annotation["steps"]) == ("pong", 800)
    ball_x, ball_y, player_y, clock = (about(annotation, index) for index in (49, 54, 51, 8))
    assert ball_x["names"] == ["ball_x"]
    assert (ball_x["place"]["axis"], ball_x["place"]["scale"]) == ("column", 1)
    assert (ball_y["place"]["axis"], ball_y["place"]["scale"]) == ("row", 1)
    assert min(ball_x["place"]["score"], ball_y["place"]["score"]) > 0.7
    assert player_y["action"]["axis"] == "right"  # the paddle hangs on left and right
    assert player_y["action"]["correlation"] < -0.3
    assert player_y["place"]["axis"] == "row"
    assert clock["names"] == []
    assert clock["counting"] == {"direction": 1, "step": 4, "every_step": True, "decimal": False}
    assert "player_x" in annotation["constant"]
    assert {byte["index"] for byte in annotation["bytes"]} > {8, 49, 50, 51, 54}


def test_words_say_it(annotation: dict[str, Any]) -> None:
    assert words(about(annotation, 8), annotation) == ["clock, +4 at every step"]
    player = words(about(annotation, 51), annotation)
    assert any(word.startswith("rises with left (r 0.") for word in player)
    assert any(re.fullmatch(r"row = (-|2 \* |-2 \* )?value( [+-] \d+)? \(0\.\d\d\)", word) for word in player)
    assert any("goes with enemy_y (r +" in "; ".join(words(byte, annotation)) for byte in annotation["bytes"])


@pytest.mark.parametrize("suffix", [".toml", ".csv"])
def test_what_is_written_can_be_worn_by_an_environment(suffix: str, annotation: dict[str, Any], tmp_path: Path) -> None:
    path = write_annotation(annotation, tmp_path / "new" / f"pong{suffix}")
    named = {variable.name: variable for variable in read_variables(path, "pong")}
    assert (named["byte_8"].index, named["byte_8"].category) == (8, "unknown")
    assert (named["ball_x"].index, named["ball_x"].category) == (49, "small_object_localization")
    path.write_text(path.read_text().replace("byte_8", "frame_clock"))
    env = StateVariables(rmr_gym.make_atari("pong"), variables=path, names=["frame_clock", "ball_x"])
    observation, info = env.reset(seed=0)
    assert info["variables"] == {"frame_clock": observation["ram"][8], "ball_x": observation["ram"][49]}
    if suffix == ".csv":
        rows = list(csv.DictReader(path.read_text().splitlines()))
        assert float(rows[0]["change_rate"]) == pytest.approx(annotation["bytes"][0]["change_rate"], rel=1e-4)


def test_categories_of_ones_own_are_written(pong: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text('[pong]\nball_x = { index = 49, category = "mine" }\n')
    path = write_annotation(annotate([pong], variables=own, num_steps=20), tmp_path / "pong.csv")
    named = {variable.name: variable.category for variable in read_variables(path, "pong")}
    assert (named["ball_x"], named["ball_y"]) == ("mine", "small_object_localization")


def test_command_prints_a_table_and_writes_a_file(
    pong: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "140")
    own = tmp_path / "own.toml"
    own.write_text("[pong]\nframe_clock = 8\nsilence = 100\n")
    out = tmp_path / "pong.json"
    words_of = ["data", "annotate", str(pong), "--variables", str(own), "--num-steps", "100"]
    assert main([*words_of, "--out", str(out)]) == 0
    shown = capsys.readouterr().out
    row = next(line for line in shown.splitlines() if line.startswith("8 "))
    assert row.split()[:2] == ["8", "frame_clock"]
    assert row.rstrip().endswith("100.0 %  clock, +4 at every step")
    assert "silence" in shown.split("never changed:")[1]
    assert about(json.loads(out.read_text()), 8)["names"] == ["frame_clock"]

    assert main([*words_of, "--unnamed-only"]) == 0
    assert "frame_clock" not in capsys.readouterr().out.split("never changed:")[0]
    assert main([*words_of, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["game"] == "pong"


def test_command_says_what_is_wrong(pong: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own = tmp_path / "own.toml"
    own.write_text("[pong]\nfar = 128\n")
    for words_of, message in (
        ([str(tmp_path)], "a folder of episodes"),
        ([str(pong), "--variables", str(own)], "own.toml, line 2, column 1"),
        ([str(pong), "--out", str(tmp_path / "ram.txt"), "--num-steps", "20"], "a file in .json, .toml, .csv"),
        ([str(pong), "--num-steps", "0"], "at least one step to look at"),
    ):
        assert main(["data", "annotate", *words_of]) == USER_ERROR
        assert message in capsys.readouterr().err.replace("\n", "")
