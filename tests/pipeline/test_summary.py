from __future__ import annotations

import dataclasses
import math

import pytest

from rmr_gym.pipeline import summary
from rmr_gym.pipeline.config import RunConfig
from rmr_gym.pipeline.stage import JsonObject


def _records(scores: dict[str, list[float]], dead: int = 0) -> dict[str, dict[int, JsonObject]]:
    """Records of the probe stage with one readout, `full`."""
    return {
        arm: {
            seed: {"readouts": {"full": {"bit_f1": {"weighted": score}}}, "collapse": {"num_dead_slots": dead}}
            for seed, score in enumerate(values)
        }
        for arm, values in scores.items()
    }


def _config(arms: tuple[str, ...], num_seeds: int) -> RunConfig:
    base = RunConfig(arms=arms, num_seeds=num_seeds)
    return dataclasses.replace(base, probe=dataclasses.replace(base.probe, readouts=("full",)))


RMR, C_SWM, UNTRAINED = [0.81, 0.82, 0.84, 0.85, 0.86], [0.80, 0.80, 0.81, 0.81, 0.81], [0.83, 0.79, 0.85, 0.84, 0.86]


def test_compare_arms_pairs_each_arm_with_both_references() -> None:
    rows = summary.compare_arms(
        _records({"rmr": RMR, "c_swm": C_SWM, "untrained": UNTRAINED}), _config(("rmr", "c_swm", "untrained"), 5)
    )
    assert [(row["arm"], row["reference"]) for row in rows] == [
        ("rmr", "c_swm"),
        ("untrained", "c_swm"),
        ("rmr", "untrained"),
        ("c_swm", "untrained"),
    ]
    first = rows[0]
    assert (first["verdict"], first["num_pairs"], first["readout"]) == ("better", 5, "full")
    assert first["p_greater"] == pytest.approx(1 / 32)
    assert first["mean_difference"] == pytest.approx(0.03)


def test_compare_arms_pairs_by_seed_whatever_the_order_of_the_records() -> None:
    config = _config(("rmr", "c_swm"), 5)
    records = _records({"rmr": RMR, "c_swm": C_SWM})
    shuffled = {"rmr": dict(reversed(records["rmr"].items())), "c_swm": records["c_swm"]}
    assert summary.compare_arms(shuffled, config) == summary.compare_arms(records, config)


def test_normalise_places_arms_between_the_anchors() -> None:
    config = _config(("rmr", "untrained", "supervised"), 2)
    records = _records({"rmr": [0.7, 0.9], "untrained": [0.6, 0.8], "supervised": [0.8, 1.0]})
    assert summary.normalise(records, config) == {
        "full": {"rmr": pytest.approx(0.5), "untrained": 0.0, "supervised": 1.0}
    }


def test_normalise_has_no_scale_when_the_ceiling_is_below_the_floor() -> None:
    config = _config(("rmr", "untrained", "supervised"), 1)
    placed = summary.normalise(_records({"rmr": [0.7], "untrained": [0.8], "supervised": [0.75]}), config)
    assert all(math.isnan(value) for value in placed["full"].values())
    assert summary.normalise(_records({"rmr": [0.7]}), _config(("rmr",), 1)) == {}


def test_findings_state_the_verdict_with_its_test() -> None:
    config = _config(("rmr", "c_swm"), 5)
    found = summary.findings(summary.compare_arms(_records({"rmr": RMR, "c_swm": C_SWM}), config))
    assert found == [
        "full: rmr is better than c_swm (+0.0300 weighted bit F1; one-sided Wilcoxon p = 0.0312, 5 paired seeds)."
    ]
    back = summary.findings(summary.compare_arms(_records({"rmr": C_SWM, "c_swm": RMR}), config))
    assert back[0].startswith("full: rmr is worse than c_swm (-0.0300")


def test_findings_claim_nothing_with_too_few_seeds() -> None:
    config = _config(("rmr", "c_swm", "untrained"), 1)
    records = _records({"rmr": [0.9], "c_swm": [0.1], "untrained": [0.2]})
    assert summary.findings(summary.compare_arms(records, config)) == [
        "rmr minus c_swm: +0.8000 (full) weighted bit F1, without a test.",
        "rmr minus untrained: +0.7000 (full) weighted bit F1, without a test.",
    ]


def test_warnings_ask_for_more_seeds() -> None:
    config = _config(("rmr", "c_swm"), 4)
    records = _records({"rmr": RMR[:4], "c_swm": C_SWM[:4]})
    found = summary.warnings(config, summary.compare_arms(records, config), records)
    assert len(found) == 1
    assert found[0].startswith("Only 4 of at least 5 seeds per arm")
    assert "--num-seeds 5" in found[0]


def test_warnings_name_dead_slots_and_equal_runs() -> None:
    config = _config(("rmr", "c_swm"), 5)
    records = _records({"rmr": RMR, "c_swm": RMR}, dead=7)
    found = summary.warnings(config, summary.compare_arms(records, config), records)
    assert "rmr: up to 7 of the slots do not vary at all (collapse)." in found
    assert any("are the two arms the same run?" in line for line in found)


def test_warnings_are_absent_when_there_is_nothing_to_say() -> None:
    config = _config(("rmr", "c_swm"), 5)
    records = _records({"rmr": RMR, "c_swm": C_SWM})
    assert summary.warnings(config, summary.compare_arms(records, config), records) == []


def test_arms_without_a_reference_are_compared_with_nothing() -> None:
    comparisons = summary.compare_arms(_records({"rmr": RMR}), _config(("rmr",), 5))
    assert comparisons == []
    assert summary.findings(comparisons) == []
