"""What is inside a data set, in numbers."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rmr_gym.data import TransitionDataset
from rmr_gym.data.writer import EpisodeWriter
from rmr_gym.envs.games import GAMES
from rmr_gym.pipeline.data_paper import paper_copy_scores
from rmr_gym.pipeline.data_summary import summarise
from rmr_gym.pipeline.stage import JsonObject
from tests.data.synthetic import METADATA, write_episode


def write_counting(folder: Path, index: int, player: str, skill: float, rewards: list[float]) -> None:
    """An episode in which byte 7 counts to 3 and begins again, and byte 9 says which episode it is."""
    folder.mkdir(parents=True, exist_ok=True)
    writer = EpisodeWriter(max_steps=100)
    for row in range(len(rewards) + 1):
        ram, screen = np.zeros(128, np.uint8), np.full((210, 160), row % 4, np.uint8)
        ram[7], ram[9] = row % 4, index
        if row:
            writer.step(0, rewards[row - 1], screen, ram)
        else:
            writer.start(screen, ram)
    metadata = replace(METADATA, episode_index=index, num_steps=len(rewards), player=player, skill=skill)
    writer.commit(folder, metadata, terminated=index == 0)


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> JsonObject:
    folder = tmp_path_factory.mktemp("data") / "counting"
    write_counting(folder, 0, "low", 0.1, [0.0] * 8)
    write_counting(folder, 1, "high", 0.9, [1.0] * 8)
    write_counting(folder, 2, "high", 0.9, [3.0] * 8)
    write_counting(folder, 3, "middle", 0.5, [0.5] * 8)
    return summarise(TransitionDataset(folder, split="all"), validation_fraction=0.5)


def test_summary_counts(counted: JsonObject) -> None:
    counts = counted["counts"]
    assert (counts["episodes"], counts["frames"], counts["transitions"]) == (4, 36, 32)
    assert counts["ended_by_game_over"] == 0.25
    assert counts["episode_steps"] == {"least": 8, "median": 8.0, "most": 8}
    assert counts["bytes_per_frame"] == counts["bytes"] / 36
    assert counts["compression"] == pytest.approx(36 * (210 * 160 + 128) / counts["bytes"])
    assert json.loads(json.dumps(counted)) == counted


def test_summary_scores_players_in_the_order_of_their_skill(counted: JsonObject) -> None:
    scores = [(player["name"], player["mean_score"], player["best_score"]) for player in counted["players"]]
    assert scores == [("low", 0.0, 0.0), ("middle", 4.0, 4.0), ("high", 16.0, 24.0)]
    assert [player["episodes"] for player in counted["players"]] == [1, 1, 2]
    assert counted["skill_score_correlation"] == pytest.approx(1.0)


def test_summary_of_the_memory_is_that_worked_out_by_hand(counted: JsonObject) -> None:
    ram = counted["ram"]
    assert ram["unique_states"] == 16
    assert ram["changing_bytes"] == [7, 9]
    # Nine rows count 0, 1, 2, 3 twice and 0 once more.
    share = np.array([3, 2, 2, 2]) / 9
    assert ram["entropy"][7] == pytest.approx(-(share * np.log(share)).sum())
    assert ram["entropy"][9] == pytest.approx(math.log(4))
    assert ram["kept_slots"] == [7, 9]
    assert ram["change_rate"][7] == 1.0
    assert ram["changed_slots_per_step"] == ram["changed_kept_slots_per_step"] == 1.0
    assert ram["changed_slots_histogram"] == [0, 32]


def test_summary_finds_repetitions(counted: JsonObject) -> None:
    duplicates = counted["duplicates"]
    assert duplicates["within_train"] == pytest.approx(1 - 4 / 18)
    assert duplicates["validation_in_train"] == duplicates["train_in_validation"] == 1.0
    expected = {"num_pairs": 16, "num_repeated": 16, "num_ambiguous": 0, "unique_fraction": 1.0}
    assert counted["determinism"] == expected


def test_summary_scores_copying_beside_the_paper(counted: JsonObject) -> None:
    copy = counted["copy_baseline"]
    assert copy["slot_accuracy"] == 0.5  # one of the two kept bytes changes in every step
    assert 0 < copy["bit_f1"] < 1
    assert copy["paper"] == {"slot_accuracy": 0.6876, "bit_f1": 0.873}


def test_equal_skills_have_no_rank(tmp_path: Path) -> None:
    for index in range(2):
        write_counting(tmp_path, index, "same", 0.5, [1.0 + index] * 3)
    summary = summarise(TransitionDataset(tmp_path, split="all"))
    assert summary["skill_score_correlation"] is None


def test_memory_that_hardly_varies_has_no_copy_baseline(tmp_path: Path) -> None:
    write_counting(tmp_path, 0, "one", 0.5, [0.0])
    summary = summarise(TransitionDataset(tmp_path, split="all"), entropy_threshold=2.0)
    assert summary["copy_baseline"]["slot_accuracy"] is None
    assert summary["duplicates"] is None  # one episode cannot be split


def test_damaged_episodes_are_named_in_the_summary(tmp_path: Path) -> None:
    paths = [write_episode(tmp_path, index) for index in range(3)]
    paths[1].write_bytes(b"")
    with pytest.warns(UserWarning, match=paths[1].name):
        dataset = TransitionDataset(tmp_path, split="all", skip_damaged=True)
    (damage,) = summarise(dataset)["damaged"]
    assert paths[1].name in damage


@pytest.mark.parametrize("game", GAMES)
def test_paper_has_a_copy_baseline_of_every_game(game: str) -> None:
    scores = paper_copy_scores(game)
    assert scores is not None
    assert 0.4 < scores.slot_accuracy < scores.bit_f1 < 1


def test_paper_has_no_copy_baseline_of_other_games() -> None:
    assert paper_copy_scores("tetris") is None
