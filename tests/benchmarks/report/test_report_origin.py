"""Results say which settings are not those of their profile."""

from __future__ import annotations

import dataclasses

import pytest

from benchmarks.report.document import compose
from benchmarks.report.evidence import Evidence
from benchmarks.report.options import Options
from benchmarks.report.origin import origin
from benchmarks.suites import SUITES
from rmr_gym.pipeline.profiles import PROFILES
from tests.benchmarks.report.synthetic import experiments, result_of


def origins(*words: str) -> dict[str, str]:
    return {one.id: origin(result_of(one)) for one in experiments(*words)}


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("suite", SUITES)
def test_settings_of_a_profile_are_the_profile(suite: str, profile: str) -> None:
    assert set(origins(suite, "--profile", profile, "--data-seed", "3").values()) == {profile}


def test_changed_settings_are_named_where_they_matter() -> None:
    found = origins("table1", "--profile", "standard", "--abstract.loop.gradient-steps", "1000")
    changed = "standard with abstract.loop.gradient_steps 1000"
    assert found["abstract/pong/mpnn/seed-0"] == found["natural/pong/rmr/seed-0"] == changed
    assert found["natural/pong/c_swm/seed-0"] == "standard", "its processor is not pre-trained"
    found = origins("table1", "--profile", "quick", "--natural.objective", "hinge", "--players", "{game}")
    assert found["natural/pong/rmr/seed-0"] == "quick with natural.objective.type hinge; players ['{game}']"
    found = origins("table2", "--data.max-steps", "5", "--data.num-players", "2", "--data.noop-max", "3")
    assert set(found.values()) == {"standard with data: max_steps 5, noop_max 3, num_players 2"}


def test_what_is_not_known_stays_as_it_is() -> None:
    (one, *_) = (result_of(each) for each in experiments("table1", "--profile", "smoke"))
    assert origin(dataclasses.replace(one, profile="mine")) == "mine"
    assert origin(dataclasses.replace(one, arm="new_arm")) == "smoke"
    older = {name: value for name, value in one.config["abstract"].items() if name != "loop"}
    assert origin(dataclasses.replace(one, config=one.config | {"abstract": older})) == "smoke"


def test_tables_name_what_was_changed() -> None:
    results = [result_of(one) for one in experiments("table1", "--profile", "quick", "--data.max-steps", "7")]
    document = compose(Evidence(results=tuple(results)), Options(repetitions=20))
    coverage, listed = document.table("coverage"), document.table("experiments")
    assert coverage is not None
    assert listed is not None
    assert "profile quick with data.max_steps 7 (10); 0 failed" in coverage.summary[0]
    assert {row.values["profile"] for row in listed.rows} == {"quick with data.max_steps 7"}
