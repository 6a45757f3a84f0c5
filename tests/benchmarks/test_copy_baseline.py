"""The check of the copy baseline against recorded numbers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.copy_baseline import CopyBaselineConfig, read_reference, run
from rmr_gym.envs.games import GAMES

RESULT = Path(__file__).parents[2] / "benchmarks" / "results" / "copy_baseline.json"


def test_reference_holds_every_game() -> None:
    reference = read_reference()
    assert tuple(reference) == GAMES
    assert reference["pong"] == {
        "minimal_actions": 6,
        "slots": 21,
        "slot_accuracy": 68.9,
        "paper_slot_accuracy": 68.8,
        "bit_f1": 0.884,
        "paper_bit_f1": 0.873,
    }


def test_run_collects_until_there_is_enough_and_scores(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = CopyBaselineConfig(
        games=("rmr/Breakout-v0",), data=tmp_path, min_transitions=50, max_steps_per_episode=20, players_per_round=2
    )
    result = run(config)
    (game,) = result["games"]
    assert game["game"] == "breakout"
    assert game["num_transitions"] == 20 * game["num_episodes"] == 80
    assert 0 < game["slots"] < 128
    assert 50 < game["slot_accuracy"] < 100
    assert 0.5 < game["bit_f1"] < 1
    assert game["agrees"] == (abs(game["slot_accuracy"] - 77.5) <= 5)
    assert result["summary"]["num_agreeing"] == int(game["agrees"])
    assert "breakout" in capsys.readouterr().out
    assert str(tmp_path) not in json.dumps(result)


def test_recorded_result_agrees_on_at_least_20_games() -> None:
    recorded = json.loads(RESULT.read_text(encoding="utf-8"))
    assert [game["game"] for game in recorded["games"]] == list(GAMES)
    near = [game for game in recorded["games"] if abs(game["slot_accuracy"] - game["reference"]["slot_accuracy"]) <= 5]
    assert len(near) == recorded["summary"]["num_agreeing"] >= 20


@pytest.mark.parametrize(
    ("options", "message"),
    [({"games": ("ping",)}, "Did you mean 'pong'"), ({"min_transitions": 0}, "min_transitions of at least 1")],
)
def test_config_refuses_bad_options(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CopyBaselineConfig(**options)  # type: ignore[arg-type]
