from __future__ import annotations

from pathlib import Path

import pytest

from rmr_gym.envs.games import GAMES
from rmr_gym.wrappers.variable_files import read_table, read_variables
from rmr_gym.wrappers.variable_table import CATEGORIES, StateVariable, known_variables, with_overrides


def named(variables: tuple[StateVariable, ...]) -> dict[str, tuple[int, str]]:
    return {variable.name: (variable.index, variable.category) for variable in variables}


def test_known_table_has_the_362_variables_of_24_games() -> None:
    tables = {game: known_variables(game) for game in GAMES}
    assert sum(map(len, tables.values())) == 362
    assert all(tables.values())
    assert all(variable.category in CATEGORIES for table in tables.values() for variable in table)
    assert named(tables["pong"])["player_y"] == (51, "agent_localization")
    assert named(tables["seaquest"])["enemy_obstacle_x_3"][0] == 33
    assert known_variables("rmr/MsPacman-v0") == known_variables("ms_pacman")
    assert known_variables("alien") == ()


def test_overrides_keep_the_place_of_what_they_replace() -> None:
    known = known_variables("pong")
    own = [StateVariable(name="ball_y", index=1, category="mine"), StateVariable(name="wind", index=2)]
    merged = with_overrides(known, own)
    assert [variable.name for variable in merged] == [*(variable.name for variable in known), "wind"]
    assert named(merged)["ball_y"] == (1, "mine")


def test_toml_has_a_table_for_each_game_and_what_holds_for_all(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(
        """
        # what I found
        clock = 2
        lives = { index = 3, category = "score_clock_lives_display" }
        [pong]
        ball_x = 49
        clock = 5
        ["MsPacman"]
        "ghost 1" = { index = 6 }
        [alien]
        eggs = 7
        """
    )
    assert named(read_variables(path, "pong")) == {
        "clock": (5, "misc"),
        "lives": (3, "score_clock_lives_display"),
        "ball_x": (49, "misc"),
    }
    assert list(named(read_variables(path, "ms_pacman"))) == ["clock", "lives", "ghost 1"]
    assert named(read_variables(path, "alien"))["eggs"] == (7, "misc")


def test_csv_needs_two_columns_and_leaves_others_alone(tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    path.write_text("# found by hand\nram_index, variable, note\n49, ball_x, moves\n\n2, clock,\n")
    assert named(read_variables(path, "pong")) == {"ball_x": (49, "misc"), "clock": (2, "misc")}
    path.write_text("game,variable,ram_index,category\npong,ball_x,49,mine\nbreakout,ball_x,99,\n,clock,2,\n")
    assert named(read_variables(path, "Pong")) == {"ball_x": (49, "mine"), "clock": (2, "misc")}
    assert named(read_variables(path, "breakout")) == {"ball_x": (99, "misc"), "clock": (2, "misc")}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("own.csv", "game,variable,ram_index\npong,ball_x,49\n,ball_x,3\n,clock,2\npong,clock,5\n"),
        ("own.toml", "ball_x = 3\nclock = 2\n[pong]\nball_x = 49\nclock = 5\n"),
    ],
)
def test_variables_of_the_game_win_over_those_of_all_games(name: str, text: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text(text)
    assert named(read_variables(path, "pong")) == {"ball_x": (49, "misc"), "clock": (5, "misc")}
    assert named(read_variables(path, "boxing")) == {"ball_x": (3, "misc"), "clock": (2, "misc")}


def test_a_variable_of_a_game_may_be_called_index(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text("lives = {index = 9}\n[pong]\nindex = 3\n[alien]\nindex = 4\neggs = 5\n")
    assert named(read_variables(path, "pong")) == {"lives": (9, "misc"), "index": (3, "misc")}
    assert named(read_variables(path, "alien")) == {"lives": (9, "misc"), "index": (4, "misc"), "eggs": (5, "misc")}
    assert [game for game, _ in read_table(path)] == [None, "pong", "alien", "alien"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("own.csv", "game,variable,ram_index\npong,ball_x,49\nboxing,clock,17\n"),
        ("own.toml", "[pong]\nball_x = 49\n[boxing]\nclock = 17\n"),
    ],
)
def test_mark_of_order_is_no_part_of_the_first_name(name: str, text: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8-sig")  # as spreadsheets do
    assert named(read_variables(path, "pong")) == {"ball_x": (49, "misc")}


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("own.toml", "[pong]\nball_x = 49\nball_y = 200\n", "own.toml, line 3, column 1: .* 0..127; got 200"),
        ("own.toml", "[breakout]\nball_x = 1\n[pong]\n  ball_x = 'left'\n", "line 4, column 3: .* got 'left'"),
        ("own.toml", "[pong]\nball_x = true\n", "line 2, column 1: .* got True"),
        ("own.toml", "[pong]\nball_x = {index = 1, kind = 2}\n", "line 2, column 1: .* 'ball_x' with index, kind"),
        ("own.toml", "[pong]\nball_x = {category = 'a'}\n", "line 2, column 1: .* 'ball_x' with category"),
        (
            "own.toml",
            "[pong]\nball_x = {index = 1, category = 3}\n",
            "line 2, column 1: .* category of 'ball_x'; got 3",
        ),
        ("own.toml", "pong = {ball_x = 1, ball_y = -1}\n", "line 1, column 21: .* got -1"),
        ("own.toml", "clock = 2\n\n[pongg]\nball_x = 49\n", "line 3, column 1: .*the name of a game; got pongg"),
        ("own.toml", "[pong]\nball_x = \n", r"Invalid value \(at line 2, column 10\)"),
        ("own.toml", "[pong]\nball_x = 1\nball_x = 2\n", r"overwrite a value \(at line 3, column 11\)"),
        (
            "own.csv",
            "variable,ram_index\nball_x,49\n# no\nball_y,1x\n",
            "line 4, column ram_index: .* got '1x'",
        ),
        ("own.csv", "variable,ram_index\nball_x,128\n", "line 2, column ram_index: .* got 128"),
        ("own.csv", "variable,ram_index\n,12\n", "line 2, column variable: .* a name of a state variable"),
        ("own.csv", "game,variable,ram_index\npongg,ball_x,49\n", "line 2, column game: .* got pongg"),
        ("own.csv", "variable,ram_index\nball_x,49,3\n", "2 values in .*own.csv, line 2, column 11; got 3 values"),
        ("own.csv", 'variable,ram_index\n"ball_x,49\nball_y,54\n', "2 values in .*own.csv, line 2, column 10"),
        ("own.csv", "variable,ram_index\nx,49\ny,54\nx,5\n", "line 4, column variable: .* of a game once; got 'x'"),
        (
            "own.csv",
            "game,variable,ram_index\npong,x,1\nrmr/Pong-v0,x,2\n",
            "line 3, column variable: .* of a game once; got 'x'",
        ),
        (
            "own.toml",
            '[pong]\nball_x = 49\n["rmr/Pong-v0"]\nball_y = 54\nball_x = 3\n',
            "own.toml, line 5, column 1: .* of a game once; got 'ball_x'",
        ),
        ("own.toml", "[pongg]\nindex = 300\n", "line 1, column 1: .* 0..127; got 300"),
        ("own.csv", f"variable,ram_index\nx,49\ny{'y' * 131072},54\n", "CSV in .*own.csv, line 3; got field larger"),
        ("own.csv", "variable,index\nball_x,49\n", "variable and ram_index in .*; got the columns variable, index"),
        ("own.csv", "", "got the columns none in line 1"),
        ("own.json", "{}", "a table in TOML or CSV"),
    ],
)
def test_mistakes_are_named_by_line_and_column(name: str, text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        read_variables(path, "pong")


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="absent.toml.*No such file"):
        read_variables(tmp_path / "absent.toml", "pong")
    (tmp_path / "latin.csv").write_bytes("variable,ram_index\nbäll,1\n".encode("latin-1"))
    with pytest.raises(ValueError, match="write the file in UTF-8"):
        read_variables(tmp_path / "latin.csv", "pong")
