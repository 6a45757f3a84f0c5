"""`rmr-gym data describe`, from the folders to the tables and pictures."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rmr_gym import cli
from rmr_gym.data import EpisodeStore, collect, collect_balls
from rmr_gym.pipeline.data_figures import SHEET_COLUMNS, SHEET_ROWS, sheet_episodes
from rmr_gym.program import USER_ERROR
from tests.data.synthetic import write_episode


@pytest.fixture(scope="module")
def games(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a data set of each of two games. Read only."""
    folder = tmp_path_factory.mktemp("games")
    for game in ("pong", "boxing"):
        collect(folder / game, game, num_episodes=4, max_steps_per_episode=40)
    return folder


def test_describe_writes_and_prints(games: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["data", "describe", str(games / "pong"), "--out", str(tmp_path / "out")]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    for part in ("pong: pong", "4 episodes of 40 to 40 steps", "164 frames", "paper, table 2: 0.688", "mean score"):
        assert part in shown
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["frames.png", "summary.json", "summary.png"]
    assert "summary.json" not in {path.name for path in (games / "pong").iterdir()}
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["format"] == "rmr-data-summary/1"
    assert str(tmp_path) not in json.dumps(summary)  # a path of the machine is private
    with Image.open(tmp_path / "out" / "frames.png") as sheet:
        assert sheet.size == (SHEET_COLUMNS * (160 + 4), 4 * (210 + 14))
        row = np.asarray(sheet)[14:224, :160]
    store = EpisodeStore(games / "pong")
    first = int(np.argmin([episode.skill for episode in store.episodes]))
    episode = store.read(first)
    np.testing.assert_array_equal(row, episode.metadata.palette[episode.screens[0]])


def test_describe_finds_the_folders_in_a_folder(
    games: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["data", "describe", str(games), "--out", str(tmp_path / "out"), "--no-pictures"]
    assert cli.main(words) == 0
    shown = capsys.readouterr().out
    assert "RAM states" in shown
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"pong", "boxing"}
    assert {path.name for path in (tmp_path / "out" / "pong").iterdir()} == {"summary.json"}
    assert cli.main([*words, "--json"]) == 0
    summaries = json.loads(capsys.readouterr().out)
    assert [summary["console"]["game"] for summary in summaries] == ["boxing", "pong"]


def test_describe_keeps_data_sets_of_one_name_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for index, run in enumerate(("one", "other")):
        folder = tmp_path / run / "data"
        folder.mkdir(parents=True)
        for number in range(2 + index):
            write_episode(folder, number, 3)
    words = ["data", "describe", "--no-pictures", "--out", str(tmp_path / "out")]
    assert cli.main([*words, *(str(tmp_path / run / "data") for run in ("one", "other"))]) == 0
    written = [tmp_path / "out" / run / "data" / "summary.json" for run in ("one", "other")]
    assert [json.loads(path.read_text())["counts"]["episodes"] for path in written] == [2, 3]

    monkeypatch.chdir(tmp_path / "one" / "data")
    capsys.readouterr()
    assert cli.main(["data", "describe", ".", "--no-pictures"]) == 0
    assert "data: pong" in capsys.readouterr().out


def test_describe_takes_several_folders_for_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for index in range(4):
        write_episode(tmp_path / str(index % 2), index, 5)
    folders = [str(tmp_path / "0"), str(tmp_path / "1")]
    assert cli.main(["data", "describe", *folders, "--together", "--no-pictures", "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["paths"] == ["0", "1"]
    assert summary["counts"]["episodes"] == 4
    assert (tmp_path / "0" / "summary.json").exists()
    assert not (tmp_path / "1" / "summary.json").exists()


def test_describe_names_damaged_episodes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = [write_episode(tmp_path, index) for index in range(3)]
    paths[2].write_bytes(paths[2].read_bytes()[:-1])
    with pytest.warns(UserWarning, match=paths[2].name):
        assert cli.main(["data", "describe", str(tmp_path), "--no-pictures"]) == 0
    shown = capsys.readouterr().out
    assert "2 episodes" in shown
    assert paths[2].name in shown.replace("\n", "")


def test_describe_knows_balls(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    collect_balls(tmp_path / "blind", num_episodes=2, num_steps=4, pixels=False)
    collect_balls(tmp_path / "seen", num_episodes=2, num_steps=4)
    assert cli.main(["data", "describe", str(tmp_path)]) == 0
    assert "seen: bouncing_balls" in capsys.readouterr().out
    assert not (tmp_path / "blind" / "frames.png").exists()
    assert (tmp_path / "seen" / "frames.png").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [(["absent"], "absent, which is none"), (["."], "without any")],
)
def test_describe_says_what_is_missing(
    words: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(["data", "describe", *words]) == USER_ERROR
    assert message in capsys.readouterr().err


def test_data_has_actions_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    shown_help, refused = (["--help"], ["describe", "--help"]), ([], ["fly"], ["describe"], ["describe", "--fly"])
    for words, status in [(words, 0) for words in shown_help] + [(words, 2) for words in refused]:
        with pytest.raises(SystemExit) as ended:
            cli.main(["data", *words])
        assert ended.value.code == status
        shown = capsys.readouterr()
        assert "rmr-gym data" in (shown.err if status else shown.out)


def test_sheet_spreads_over_the_skills(tmp_path: Path) -> None:
    for index in range(9):
        write_episode(tmp_path, index, 1, skill=(index * 4 % 9) / 8)
    store = EpisodeStore(tmp_path)
    skills = [store.episodes[index].skill for index in sheet_episodes(store)]
    assert len(skills) == SHEET_ROWS
    assert skills == sorted(skills)
    assert (skills[0], skills[-1]) == (0.0, 1.0)
