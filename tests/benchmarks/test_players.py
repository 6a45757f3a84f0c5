"""The measurement of the players: order, episodes, record, table, figure."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.players import episodes, report
from benchmarks.players.__main__ import main
from benchmarks.players.copying import compare_with_paper, copy_baseline
from benchmarks.players.episodes import Line, match_size, read
from benchmarks.players.order import Item, items, ranking
from benchmarks.players.report import _outcome, make_record
from benchmarks.players.rooms import rooms_seen
from benchmarks.players.table import markdown
from rmr_gym.documents import exclusive
from rmr_gym.players import lookahead_steps, place_bytes

SHORT = ["--games", "pong", "--max-steps", "8", "--episodes", "0", "--random-episodes", "1"]


def test_order_begins_with_the_strongest_and_random_players_in_all_games() -> None:
    order = list(items(["pong", "boxing"], episodes=1, random_episodes=3))
    assert len(order) == len({(one.game, one.rank, one.episode) for one in order}) == 2 * (22 + 3 * 10)
    first = order[:22]
    assert {one.game for one in first} == {"pong", "boxing"}
    assert {one.rank for one in first} == {*range(10), 31}
    assert [one.rank for one in first[:2]] == [31, 31]
    assert all(a.rank == b.rank and a.game != b.game for a, b in zip(order[::2], order[1::2], strict=True))
    assert {one.rank for one in order if lookahead_steps(one.player)} == set(range(10, 32))


def write(folder: Path, rank: int, score: float, ram: NDArray[np.uint8], episode: int = 0) -> None:
    folder = folder / "hero" / f"{rank:02d}-{episode}"
    folder.mkdir(parents=True)
    line = {
        "game": "hero",
        "player": ranking("hero")[rank],
        "skill": rank / 31,
        "rank": rank,
        "episode": episode,
        "seed": 0,
    }
    line |= {"max_steps": 10, "steps": len(ram) - 1, "over": False, "score": score, "best_score": score}
    line |= {"lookahead_steps": 0.0 if rank < 10 else 5.0, "processor_seconds": 1.0}
    (folder / "episode.json").write_text(json.dumps(line))
    np.savez_compressed(folder / "steps.npz", ram=ram, actions=np.zeros(len(ram) - 1, np.uint8))


@pytest.fixture
def measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(report, "LEAST_PLAYERS", 4)
    monkeypatch.setattr(report, "OPENING", 8)
    still = np.zeros((10, 128), np.uint8)
    moving = still.copy()
    moving[:, 28] = np.arange(10) // 4  # rooms 0, 1 and 2
    write(tmp_path, 0, 10.0, still)
    write(tmp_path, 1, 30.0, still)
    write(tmp_path, 20, 50.0, moving)
    write(tmp_path, 31, 90.0, moving)
    return tmp_path


def test_record_holds_what_was_measured_by_hand(measured: Path) -> None:
    game = make_record(measured)["games"]["hero"]
    assert game["random"] == {"episodes": 2, "mean": 20.0, "best": 30.0, "mean_steps": 9.0}
    assert game["strongest"]["mean"] == 90.0
    assert game["outcome"] == {"rule": "ratio", "ratio": 4.5, "reached": True}
    assert game["rank_correlation"] == {"players": 4, "spearman": 1.0, "reached": True}
    assert game["coverage"]["steps"] == {"all": 20, "random": 20}
    assert game["coverage"]["unique_states"] == {"all": 3, "random": 1}, "of the weakest and the strongest"
    assert game["coverage"]["repeats_after_opening"] == {"all": 2, "random": 3}, "of two frames of two episodes each"
    assert game["coverage"]["byte_values"] == {"all": 127 + 3, "random": 128}
    assert game["coverage"]["kept_slots"] == {"all": 1, "random": 0}
    assert game["rooms"] == {"random": 1, "strongest": 3, "all": 3}
    assert game["copy"]["paper"] == 76.71
    assert game["copy"]["all"]["slot_accuracy"] == round(100 * 32 / 36, 2), "four changes of room in all"
    assert game["copy"]["random"] is None, "no byte of random play has the entropy to be scored"
    assert game["repeated_pairs"] == {"pairs": 3, "repeated": 3, "ambiguous": 3 - 1}
    summary = make_record(measured)["summary"]
    assert (summary["episodes"], summary["strongest_reached"], summary["more_states"]) == (4, 1, 1)
    assert summary["recorded_steps_per_second"] is None


def test_data_have_equally_many_episodes_of_each_player(measured: Path) -> None:
    ram = np.zeros((10, 128), np.uint8)
    ram[:, 50] = np.arange(10)
    for rank in (0, 1, 20):
        write(measured, rank, 0.0, ram, episode=1)
    game = make_record(measured)["games"]["hero"]
    assert game["coverage"]["steps"] == {"all": 40, "random": 40}, "random play may have more"
    assert game["coverage"]["unique_states"]["all"] == 3, "the strongest has no second episode"
    assert game["copy"]["all"]["transitions"] == 4 * 9
    write(measured, 31, 0.0, ram, episode=1)
    game = make_record(measured)["games"]["hero"]
    assert game["copy"]["all"]["transitions"] == 8 * 9


def test_random_players_go_on_until_both_sides_have_the_same_size(
    measured: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[int, int]] = []

    def play(item: Item, out: Path, *, max_steps: int, seed: int) -> Line:
        assert (max_steps, seed) == (10, 0)
        calls.append((item.rank, item.episode))
        write(out, item.rank, 0.0, np.zeros((3, 128), np.uint8), episode=item.episode)
        return {"rank": item.rank}

    monkeypatch.setattr(episodes, "measure", play)
    # All players have 4 * 10 frames, the two blind ones 20 of them: a round of ten players brings 30 more.
    assert len(list(match_size("hero", measured, first=1, max_steps=10, seed=0))) == 10
    assert set(calls) == {(rank, 1) for rank in range(10)}
    assert list(match_size("hero", measured, first=1, max_steps=10, seed=0)) == [], "nothing is left to do"
    assert make_record(measured)["games"]["hero"]["coverage"]["steps"] == {"all": 40, "random": 40}


def test_game_that_another_process_is_at_is_left_to_it(measured: Path) -> None:
    with exclusive(measured / "hero"):
        assert list(match_size("hero", measured, first=1, max_steps=10, seed=0)) == []


def test_copying_is_scored_on_steps_inside_episodes() -> None:
    counting = np.zeros((9, 128), np.uint8)
    counting[:, 5] = [0, 1, 1, 2, 2, 2, 3, 3, 3]  # five of eight steps change nothing
    held = counting.copy()
    held[:, 5] = [0, 1, 2, 3, 4, 5, 6, 7, 8]
    found = copy_baseline("pong", {"all": [counting], "random": [counting, held], "still": [counting[:1]]})
    assert found["paper"] == 68.76
    assert (found["all"]["transitions"], found["all"]["slots"]) == (8, 1)
    assert found["all"]["slot_accuracy"] == 62.5
    assert found["random"]["slot_accuracy"] == round(100 * 5 / 16, 2), "no step leads from one episode into the next"
    assert found["still"] is None
    assert copy_baseline("tetris", {})["paper"] is None


def test_copying_is_compared_with_the_paper_over_games() -> None:
    games = [
        {"paper": paper, "all": {"slot_accuracy": ours}, "random": None}
        for paper, ours in ((60.0, 62.0), (70.0, 69.0), (80.0, 86.0))
    ]
    found = compare_with_paper([*games, {"paper": None, "all": {"slot_accuracy": 1.0}}], "all")
    expected = np.corrcoef([60, 70, 80], [62, 69, 86])[0, 1]
    assert found == {"games": 3, "mean_absolute_gap": 3.0, "correlation": round(float(expected), 3)}
    assert compare_with_paper(games, "random") is None
    assert compare_with_paper(games[:2], "all") is None


def test_few_players_say_nothing_about_all(measured: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "LEAST_PLAYERS", 5)
    game = make_record(measured)["games"]["hero"]
    assert game["rank_correlation"] == {"players": 4, "spearman": None, "reached": False}
    assert game["coverage"] is None


def test_outcome_where_random_scores_are_not_positive() -> None:
    random = {"mean": -20.0, "best": -19.0}
    assert _outcome(random, {"mean": -5.0}) == {"rule": "above the best random episode", "reached": True}
    assert _outcome(random, {"mean": -19.5}) == {"rule": "above the best random episode", "reached": False}
    assert _outcome(random, None) is None
    assert _outcome({"mean": 2.0, "best": 9.0}, {"mean": 5.0}) == {"rule": "ratio", "ratio": 2.5, "reached": False}


def test_rooms_are_counted_where_they_were_stayed_in() -> None:
    ram = np.zeros((5, 128), np.uint8)
    ram[1, 3], ram[2:, 3] = 9, 1
    assert rooms_seen("montezuma_revenge", ram) == 1
    assert rooms_seen("montezuma_revenge", ram, least_steps=1) == 3
    assert rooms_seen("boxing", ram) is None


def test_measurement_continues_and_is_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, page = tmp_path / "out", tmp_path / "page.md"
    assert main(["measure", "--out", str(out), *SHORT]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 10
    lines = [line for line, _ in read(out)]
    assert [line["rank"] for line in lines] == list(range(10))
    assert {line["steps"] for line in lines} == {8}
    assert len({np.load(steps)["ram"][0].tobytes() for _, steps in read(out)}) > 5, "every episode has its own start"
    assert main(["measure", "--out", str(out), *SHORT]) == 0
    assert capsys.readouterr().out == "", "all of it is there"
    assert main(["measure", "--out", str(out), *SHORT, "--seed", "1"]) == 2
    assert "another folder" in capsys.readouterr().err
    page.write_text("<!-- tables of players.json: begin --><!-- tables of players.json: end -->")
    record = tmp_path / "players.json"
    assert main(["report", "--out", str(out), "--record", str(record), "--page", str(page)]) == 0
    assert "| `pong` | 10 |" in page.read_text()
    assert (tmp_path / "images" / "players.png").stat().st_size > 1_000
    text = record.read_text()
    again = ["report", "--out", str(out), "--record", str(record), "--earlier", str(record), "--page", str(page)]
    assert main(again) == 0
    assert record.read_text() == text, "nothing had to be kept"
    assert main(["report", "--out", str(tmp_path / "nothing"), "--record", str(record)]) == 2


def earlier_record(out: Path) -> dict[str, Any]:
    """Return a record of two other games, as it comes back from its file."""
    record: dict[str, Any] = json.loads(json.dumps(make_record(out)))
    found = record["games"].pop("hero") | {"copy": None}
    record["games"] = {"boxing": found, "venture": found}
    record["settings"]["places"] = json.loads(json.dumps({"venture": asdict(place_bytes("venture"))}))
    record["speed"] = [{"game": "pong", "recorded_steps_per_second": 120.0}]
    return record


def test_games_of_an_earlier_record_are_kept_where_they_were_not_played_again(measured: Path) -> None:
    earlier = earlier_record(measured)
    earlier["games"]["hero"] = {"played": "before"}
    record = make_record(measured, earlier)
    assert list(record["games"]) == ["boxing", "hero", "venture"]
    assert record["games"]["hero"] == make_record(measured)["games"]["hero"]
    assert record["kept_games"] == ["boxing", "venture"]
    assert record["settings"]["places"].keys() == {"hero", "venture"}
    assert record["summary"]["games"] == 3
    assert record["summary"]["more_states"] == 3 * make_record(measured)["summary"]["more_states"]
    assert record["summary"]["recorded_steps_per_second"] == 120.0
    assert "2 of the games were kept from an earlier record" in markdown(record)
    assert "were kept" not in markdown(make_record(measured))


@pytest.mark.parametrize(
    ("name", "value"), [("max_steps", 11), ("seed", 1), ("opening_steps", 9), ("strongest", {}), ("places", {})]
)
def test_a_record_of_other_players_or_settings_is_not_kept(measured: Path, name: str, value: object) -> None:
    earlier = earlier_record(measured)
    earlier["settings"][name] = value
    with pytest.raises(ValueError, match=rf"an earlier record of .*{name}"):
        make_record(measured, earlier)


def test_table_says_what_is_known(measured: Path) -> None:
    text = markdown(make_record(measured))
    assert "| `hero` | 4 | 20.0 | 90.0 | 4.5 | 1.00 | 3 / 1 | 130 / 128 | 1 / 0 | 88.9 / - / 76.7 | 3 / 1 |" in text
    assert "in 1 of 1 games" in text


@pytest.mark.slow
def test_speed_counts_all_players(tmp_path: Path) -> None:
    # Long enough for several plans of the strongest, and for what the first episode alone costs not to count.
    assert main(["speed", "--out", str(tmp_path / "new"), "--games", "pong", "--num-steps", "40"]) == 0
    found = json.loads((tmp_path / "new" / "speed-pong.json").read_text())
    assert len(found["players"]) == 32
    assert found["recorded_steps_per_second"] > 5
    assert found["players"][-1]["seconds_per_played_step"] > 5 * found["players"][0]["seconds_per_played_step"]
