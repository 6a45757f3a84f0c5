from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rmr_gym
from rmr_gym.cli import main
from rmr_gym.data import collect
from rmr_gym.pipeline.data_annotate import annotate
from rmr_gym.pipeline.data_annotation import check_destination, words, write_annotation
from rmr_gym.program import USER_ERROR
from rmr_gym.wrappers import StateVariables
from rmr_gym.wrappers.variable_files import read_table, read_variables


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


@pytest.mark.parametrize("suffix", [".toml", ".csv"])
def test_all_of_a_table_of_ones_own_is_taken_over(suffix: str, pong: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.csv"
    own.write_text(
        "game,variable,ram_index,category\n"
        "pong,ball_left,49,mine\n"  # a second name
        "pong,silence,100,quiet\n"  # this byte does not change
        "pong,byte_8,8,clocks\n"
        "pong,byte_101,101,unknown\n"  # changed in the recording of an earlier round
        "pong,byte_4,6,\n"  # a name, since it is not that of byte 6, and byte 4, which changes, cannot have it
        "breakout,wall,3,bricks\n"
        ",number,2,general\n"
        "alien,eggs,7,\n"
        ",silence,99,\n"
    )
    before = read_table(own)
    first = write_annotation(annotate([pong], variables=own, num_steps=20), tmp_path / f"first{suffix}")
    after = read_table(first)
    assert sorted(map(str, set(before) - set(after))) == []
    named = {variable.name: (variable.index, variable.category) for variable in read_variables(first, "pong")}
    assert named["ball_x"] == (49, "small_object_localization")
    assert (named["ball_left"], named["silence"], named["byte_8"]) == ((49, "mine"), (100, "quiet"), (8, "clocks"))
    assert named["byte_4"] == (6, "misc")
    assert "player_x" not in named  # known, and does not change
    annotation = annotate([pong], variables=first, num_steps=20)
    second = write_annotation(annotation, tmp_path / f"second{suffix}")
    assert second.read_text() == first.read_text()
    assert about(annotation, 49)["names"] == ["ball_x", "ball_left"]
    assert "silence" in annotation["constant"]
    assert "byte_101" not in annotation["constant"]


def test_comments_say_what_bytes_of_this_game_do(pong: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text("clock = 8\n[breakout]\nwall = 8\n[pong]\nsilence = 100\n")
    lines = (
        write_annotation(annotate([pong], variables=own, num_steps=20), tmp_path / "new.toml").read_text().split("\n")
    )
    assert lines[2] == 'clock = { index = 8, category = "misc" }  # clock, +4 at every step'
    assert lines[3:5] == ["", "[pong]"]
    assert 'silence = { index = 100, category = "misc" }  # never changed' in lines
    assert lines[-4:] == ["", "[breakout]", 'wall = { index = 8, category = "misc" }', ""]
    assert not any(line.startswith("byte_8 ") for line in lines)


def test_placeholders_are_no_names(pong: Path, annotation: dict[str, Any], tmp_path: Path) -> None:
    path = write_annotation(annotation, tmp_path / "pong.toml")
    again = annotate([pong], variables=path, num_steps=500)
    assert again["bytes"] == annotation["bytes"]
    assert again["constant"] == annotation["constant"]
    path.write_text(path.read_text().replace("byte_8 ", "frame_clock "))
    assert about(annotate([pong], variables=path, num_steps=20), 8)["names"] == ["frame_clock"]


def one_variable(name: str, category: str = "misc", game: str | None = "pong") -> dict[str, Any]:
    """Return an annotation in which byte 3 has a name, and byte 5 goes along with it."""
    nothing = {"counting": None, "action": None, "place": None, "like": None, "values": 2, "entropy": 0.5}
    changing = [
        {"index": 3, "names": [name], "category": category, "change_rate": 0.5, **nothing},
        {"index": 5, "names": [], "category": "unknown", "change_rate": 0.5, **nothing}
        | {"like": {"index": 3, "correlation": 1.0}},
    ]
    table = [
        {"game": game, "name": name, "index": 3, "category": category},
        {"game": "pong", "name": "byte_5", "index": 5, "category": "unknown"},
    ]
    return {"game": "pong", "steps": 9, "bytes": changing, "constant": [], "table": table}


NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(
    lambda name: name == name.strip() and name != "byte_5"
)


@given(name=NAMES, category=NAMES)
def test_any_name_and_category_can_be_read_again(
    name: str, category: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("names")
    for suffix in (".toml", ".csv"):
        annotation, path = one_variable(name, category), folder / f"own{suffix}"
        if suffix == ".csv" and any(text.splitlines() != [text] for text in (name, category)):
            with pytest.raises(ValueError, match="names and categories of one line"):
                write_annotation(annotation, path)
            continue
        read = read_variables(write_annotation(annotation, path), "pong")
        assert [(variable.name, variable.index, variable.category) for variable in read] == [
            (name, 3, category),
            ("byte_5", 5, "unknown"),
        ]


@pytest.mark.parametrize("name", ["🏓 ball", "ball\x7f", 'a "ball"', "back\\slash", "two\nlines", "tab\tbed", "\x01"])
def test_strange_names_are_valid_toml(name: str, tmp_path: Path) -> None:
    path = write_annotation(one_variable(name), tmp_path / "own.toml")
    assert read_variables(path, "pong")[0].name == name


def test_variables_of_all_games_that_are_called_like_a_game_need_csv(tmp_path: Path) -> None:
    annotation = one_variable("hero", game=None)
    with pytest.raises(ValueError, match=r"called like a game; got 'hero'. Write a .csv"):
        write_annotation(annotation, tmp_path / "own.toml")
    assert read_variables(write_annotation(annotation, tmp_path / "own.csv"), "boxing")[0].name == "hero"


@pytest.mark.parametrize("suffix", [".toml", ".csv", ".json"])
def test_files_that_are_there_are_never_replaced(suffix: str, annotation: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / f"own{suffix}"
    path.write_text("my work")
    with pytest.raises(
        ValueError, match=f"not there yet; got .*Call it own_2{suffix}; the names .* are all taken over"
    ):
        check_destination(path)
    with pytest.raises(ValueError, match="not there yet"):
        write_annotation(annotation, path)
    assert path.read_text() == "my work"


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
    unnamed = capsys.readouterr().out.split("never changed:")[0]
    assert "frame_clock" not in unnamed
    first = tmp_path / "first.toml"
    assert main([*words_of, "--out", str(first)]) == 0
    capsys.readouterr()
    assert main([*words_of, "--variables", str(first), "--unnamed-only"]) == 0
    assert capsys.readouterr().out.split("never changed:")[0] == unnamed
    assert len(unnamed.splitlines()) > 4
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
        # Before anything is looked at:
        ([str(tmp_path), "--out", str(tmp_path / "ram.txt")], "a file in .json, .toml, .csv"),
        ([str(tmp_path), "--variables", str(own), "--out", str(own)], "Call it own_2.toml"),
    ):
        assert main(["data", "annotate", *words_of]) == USER_ERROR
        assert message in capsys.readouterr().err.replace("\n", "")
