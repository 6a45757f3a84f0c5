"""A choice looks at the settings that an arm uses, and at those of a profile under any name."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from benchmarks.arms import ENCODER_ARMS, natural_experiment
from benchmarks.report.choosing import choice
from benchmarks.result import Result
from rmr_gym.objectives import InfoNceConfig
from rmr_gym.pipeline.config_json import to_json
from rmr_gym.pipeline.profiles import PROFILES, quick
from rmr_gym.training import LoopConfig
from tests.benchmarks.report.synthetic import experiments, result_of

ARMS = "rmr,c_swm,untrained,supervised"


def planned(*words: str) -> list[Result]:
    return [result_of(one) for one in experiments("table1", "--arms", ARMS, *words)]


def chosen_arms(results: list[Result], **options: object) -> set[str]:
    wanted = choice(**options)  # type: ignore[arg-type]
    wanted.require_fields(results)
    return {result.arm for result in results if wanted(result)}


def test_settings_that_an_arm_does_not_use_do_not_exclude_it() -> None:
    results = planned("--profile", "standard") + planned("--profile", "standard", "--natural.loop.gradient-steps", "7")
    encoders, anchors = {"rmr", "c_swm"}, {"mpnn", "untrained", "supervised"}
    assert chosen_arms(results, where=["natural.loop.gradient_steps=200"]) == encoders | anchors
    assert chosen_arms(results, where=["natural.objective.type=alignment_uniformity"]) == encoders | anchors
    assert chosen_arms(results, where=["natural.supervised.gradient_steps=3000"]) == encoders | anchors
    one = choice(where=["natural.loop.gradient_steps=200"])
    steps = {r.config["natural"]["loop"]["gradient_steps"] for r in results if r.arm in encoders and one(r)}
    assert steps == {200}


def test_defaults_in_the_place_of_what_is_not_used_are_no_settings() -> None:
    results = [one for one in planned("--profile", "standard") if one.arm in ("untrained", "supervised")]
    placeholder = LoopConfig().gradient_steps
    assert all(one.config["natural"]["loop"]["gradient_steps"] == placeholder for one in results)
    with pytest.raises(ValueError, match=r"settings that a result uses; got natural\.loop\.gradient_steps"):
        chosen_arms(results, where=[f"natural.loop.gradient_steps={placeholder}"])


@pytest.mark.parametrize("arm", ENCODER_ARMS)
def test_what_counts_as_used_is_what_moves_the_key(arm: str) -> None:
    base = quick()
    changes = {
        "loop.gradient_steps": {"loop": dataclasses.replace(base.natural.loop, gradient_steps=9)},
        "supervised.gradient_steps": {"supervised": dataclasses.replace(base.natural.supervised, gradient_steps=9)},
        "objective.type": {"objective": InfoNceConfig()},
    }
    before = natural_experiment("pong", arm, 0, base, "quick")
    for field, change in changes.items():
        settings = dataclasses.replace(base, natural=dataclasses.replace(base.natural, **change))
        moved = natural_experiment("pong", arm, 0, settings, "quick").key != before.key
        assert choice(where=[f"natural.{field}=nothing"])(result_of(before)) != moved


def test_value_that_no_result_has_is_refused() -> None:
    results = planned("--profile", "standard")
    with pytest.raises(ValueError, match=r"a result with natural\.loop\.gradient_steps=9; got 200\. Choose"):
        chosen_arms(results, where=["natural.loop.gradient_steps=9"])


def test_results_of_a_profile_are_chosen_under_another_name(tmp_path: Path) -> None:
    # What `--config mine.json` finds done keeps the name under which it was made first.
    base = PROFILES["standard"]()
    loop = dataclasses.replace(base.natural.loop, gradient_steps=7)
    mine = dataclasses.replace(base, natural=dataclasses.replace(base.natural, loop=loop))
    (tmp_path / "mine.json").write_text(json.dumps(to_json(mine)))
    first, second = planned("--profile", "standard"), planned("--config", str(tmp_path / "mine.json"))
    there = {one.key for one in first}
    made = [*first, *(one for one in second if one.key not in there)]
    assert {one.arm for one in made if one.profile == "mine"} == {"rmr", "c_swm"}
    for profile, wanted in ((str(tmp_path / "mine.json"), second), ("standard", first)):
        chosen = [one.key for one in made if choice(profile)(one)]
        assert sorted(chosen) == sorted(one.key for one in wanted)
    by_name = choice("mine")
    assert {one.arm for one in made if by_name(one)} == {"rmr", "c_swm"}, "what it gives is not known"
    renamed = [dataclasses.replace(one, profile="before") for one in first]
    assert chosen_arms(renamed, profile="standard") == {*ARMS.split(","), "mpnn"}


def test_profile_keeps_what_was_changed_under_its_name_and_no_other() -> None:
    changed = planned("--profile", "standard", "--natural.loop.gradient-steps", "7")
    assert chosen_arms(changed, profile="standard") == {*ARMS.split(","), "mpnn"}
    other = [dataclasses.replace(one, profile="other") for one in changed]
    assert chosen_arms(other, profile="standard") == {"mpnn", "untrained", "supervised"}


def test_file_of_a_profile_has_to_hold_settings(tmp_path: Path) -> None:
    (tmp_path / "mine.json").write_text("[]")
    with pytest.raises(ValueError, match=r"mine\.json"):
        choice(str(tmp_path / "mine.json"))
