"""`rmr-gym collect --games`: a plan, all games, and where it stops."""

from __future__ import annotations

import json
import sys
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from rmr_gym import cli
from rmr_gym.data import EpisodeStore, collect
from rmr_gym.data.cores import usable_cores
from rmr_gym.envs.console import ConsoleConfig
from rmr_gym.errors import WorkerDiedError
from rmr_gym.pipeline.data_collection import DiskLimits, PlannedGame, plan_table
from rmr_gym.pipeline.data_estimate import NOTHING, Estimate, estimate
from rmr_gym.pipeline.datasets import open_dataset
from rmr_gym.pipeline.stage import begun_file
from rmr_gym.players import graded_players, lookahead_steps, paper_heads
from rmr_gym.program import USER_ERROR

SMALL = ["--data.num-episodes", "3", "--data.max-steps", "12", "--data.num-players", "3", "--workers", "1"]
TWO = ["collect", "--games", "pong", "boxing"]


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*.arrow"))


def test_games_are_planned_and_collected_like_single_ones(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "data"
    assert cli.main([*TWO, "--out", str(out), *SMALL]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert all(part in shown for part in ("Plan", "At most about", "are free", "boxing: 3 episodes, 39 frames"))
    assert cli.main(["collect", "pong", "--out", str(tmp_path / "one"), *SMALL]) == 0
    assert files(out / "pong") == files(tmp_path / "one")
    records = [json.loads((folder / "result.json").read_text()) for folder in (out / "pong", tmp_path / "one")]
    assert all(records[0][part] == records[1][part] for part in ("inputs", "num_bytes", "splits"))
    assert [record["timing"]["resumed"] for record in records] == [False, False]
    assert len(open_dataset(out / "boxing", "train")) > 0

    before = {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()}
    capsys.readouterr()
    assert cli.main([*TWO, "--out", str(out), *SMALL]) == 0
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()} == before
    assert "for 0 episodes" in capsys.readouterr().out


@pytest.mark.parametrize("words", [["pong"], ["--games", "pong"]])
def test_damaged_episodes_that_were_deleted_are_made_once_more(tmp_path: Path, words: list[str]) -> None:
    call = ["collect", *words, "--out", str(tmp_path), *SMALL]
    assert cli.main(call) == 0
    (record,) = tmp_path.rglob("result.json")
    folder, before = record.parent, json.loads(record.read_text())
    made = files(folder)
    (folder / made[1]).unlink()  # as the message about a damaged file advises
    assert cli.main(call) == 0
    assert files(folder) == made
    after = json.loads(record.read_text())
    assert after["timing"]["resumed"] is True
    assert all(after[part] == before[part] for part in ("inputs", "num_bytes", "splits"))
    assert not begun_file(folder).exists()


def test_dry_run_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([*TWO, "--out", str(tmp_path / "new"), "--dry-run", *SMALL]) == 0
    assert cli.main(["collect", "pong", "--out", str(tmp_path / "new"), "--dry-run", *SMALL]) == 0
    shown = capsys.readouterr().out
    assert shown.count("At most about") == 2
    assert "for 6 episodes, 1 at once" in " ".join(shown.split())
    assert not (tmp_path / "new").exists()


def test_limit_stops_with_a_sentence_and_the_same_call_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["collect", "--games", "boxing", "pong", "--out", str(tmp_path), *SMALL]  # the larger episodes first
    assert cli.main([*words, "--max-gigabytes", "0.00004"]) == USER_ERROR
    shown = capsys.readouterr()
    assert "Warning: there is room for 0.0 MB" in " ".join(shown.out.split())
    assert "Expected the episodes in" in shown.err
    assert "Traceback" not in shown.err
    kept = sorted(path.name for path in tmp_path.rglob("*.arrow"))
    assert 1 <= len(kept) < 6
    assert sum(path.stat().st_size for path in tmp_path.rglob("*.arrow")) <= 40_000
    assert cli.main(words) == 0
    assert set(kept) < {path.name for path in tmp_path.rglob("*.arrow")}
    assert [len(EpisodeStore(tmp_path / game)) for game in ("pong", "boxing")] == [3, 3]


def test_single_game_keeps_to_the_limit_as_well(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["collect", "pong", "--out", str(tmp_path), *SMALL]
    assert cli.main([*words, "--min-free-gigabytes", "1e9"]) == USER_ERROR
    assert "to stay free on the disk" in capsys.readouterr().err
    assert files(tmp_path) == []
    assert cli.main(words) == 0


def test_other_settings_are_refused_before_anything_is_played(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["collect", "boxing", "--out", str(tmp_path / "boxing"), *SMALL]) == 0
    assert cli.main([*TWO, "--out", str(tmp_path), *SMALL, "--seed", "4"]) == USER_ERROR
    assert "seed" in capsys.readouterr().err
    assert files(tmp_path / "pong") == []
    assert cli.main(["collect", "--games", "pong", "pong", "--out", str(tmp_path)]) == USER_ERROR
    assert "Name each once" in capsys.readouterr().err


def test_refused_call_leaves_a_data_set_that_python_recorded_as_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    collect(tmp_path, "pong", num_episodes=3, max_steps_per_episode=12)
    before = sorted(path.name for path in tmp_path.iterdir())
    for words in (["boxing"], ["pong", "--data.max-steps", "13"]):
        assert cli.main(["collect", words[0], "--out", str(tmp_path), *SMALL, *words[1:]]) == USER_ERROR
        assert "another" in capsys.readouterr().err
        assert sorted(path.name for path in tmp_path.iterdir()) == before
    assert len(open_dataset(tmp_path, "train")) > 0


def test_plan_says_what_the_collection_would_refuse(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call = ["collect", "pong", "--out", str(tmp_path), *SMALL]
    assert cli.main(call) == 0
    capsys.readouterr()
    assert cli.main([*call, "--data.num-episodes", "4", "--dry-run"]) == USER_ERROR
    shown = capsys.readouterr()
    assert "config.num_episodes: 3 -> 4" in shown.err
    assert "Plan" not in shown.out
    assert cli.main([*call, "--dry-run"]) == 0


@pytest.mark.parametrize("workers", ["0", "-2"])
def test_workers_are_counted_from_one(tmp_path: Path, capsys: pytest.CaptureFixture[str], workers: str) -> None:
    out = tmp_path / "new"
    assert cli.main(["collect", "pong", "--out", str(out), *SMALL, "--workers", workers, "--dry-run"]) == USER_ERROR
    assert "workers" in capsys.readouterr().err
    assert not out.exists()


def test_time_is_not_divided_by_more_workers_than_cores_or_episodes(tmp_path: Path) -> None:
    taken = Estimate(num_bytes=0.0, core_seconds=3600.0)
    for missing, workers, minutes in ((3, 64, 60 / min(3, usable_cores())), (1, 64, 60), (3, 1, 60)):
        plan = PlannedGame(game="pong", present=0, missing=missing, estimate=taken)
        console = Console(width=200, record=True, file=StringIO())
        console.print(plan_table([plan], tmp_path, DiskLimits(), num_workers=workers))
        assert f"and {minutes:,.1f} minutes for {missing} episodes, {workers} at once" in console.export_text()


def test_death_of_a_recording_process_ends_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def killed(*_: object, **__: object) -> None:
        raise WorkerDiedError("Expected an answer; got its end. --workers 1 needs less memory.")

    monkeypatch.setattr(sys.modules["rmr_gym.pipeline.stages.collect"], "collect_episodes", killed)
    assert cli.main(["collect", "pong", "--out", str(tmp_path), *SMALL]) == USER_ERROR
    shown = capsys.readouterr().err
    assert "--workers 1 needs less memory" in shown
    assert "Traceback" not in shown


def test_estimate_is_near_what_is_taken(tmp_path: Path) -> None:
    players = graded_players(3)
    guess = estimate(ConsoleConfig(game="boxing"), players, num_episodes=3, max_steps=100)
    store = collect(tmp_path, "boxing", num_episodes=3, max_steps_per_episode=100, players=players)
    taken = sum(file.num_bytes for file in store.files)
    assert 0.6 * taken < guess.num_bytes < 2 * taken
    assert guess.core_seconds > 0
    assert estimate(ConsoleConfig(game="pong"), players, num_episodes=0, max_steps=9) == NOTHING


def test_estimate_knows_what_looking_ahead_takes() -> None:
    console, players = ConsoleConfig(game="pong"), paper_heads("pong")
    blind = [player for player in players if not lookahead_steps(player)]
    looking = estimate(console, players, num_episodes=32, max_steps=100).core_seconds
    assert looking > 3 * estimate(console, blind, num_episodes=32, max_steps=100).core_seconds
    assert looking < 32 * 100 * 1.5 * 0.2
