"""Results and failures as JSON."""

from __future__ import annotations

import dataclasses
import json
import math

import pytest

from benchmarks.result import Failure, Result, read_failure, read_result, to_text, without_circumstances

RESULT = Result(
    id="natural/pong/rmr/seed-3",
    key="0123456789ab",
    kind="natural",
    profile="smoke",
    game="pong",
    donor="pong",
    arm="rmr",
    slot_dim=64,
    seed=3,
    config={"natural": {"loop": {"learning_rate": 1e-4}}},
    scores={"readouts": {"full": {"bit_f1": {"weighted": 0.1 + 0.2}}}},
    collapse={"effective_rank": 3.5, "active_margins": None},
    curve=[{"step": 0, "loss": 1.0}],
    seconds={"wall": 2.0, "processor": 1.0},
    machine={"cores": 2},
    versions={"python": "3.11"},
    inputs={"data": "abc"},
)


def test_result_comes_back_bit_for_bit() -> None:
    assert read_result(to_text(RESULT)) == RESULT


def test_result_holds_strict_json_when_a_score_is_undefined() -> None:
    undefined = dataclasses.replace(RESULT, scores={"slot_accuracy": math.nan, "loss": [math.inf]})
    read = json.loads(to_text(undefined), parse_constant=lambda name: pytest.fail(name))
    assert read["scores"] == {"slot_accuracy": None, "loss": [None]}


def test_failure_comes_back() -> None:
    failure = Failure(id=RESULT.id, key=RESULT.key, error="ValueError: no", traceback="Traceback\n", attempts=2)
    assert read_failure(to_text(failure)) == failure


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "JSON in there"),
        ("[]", "format rmr-benchmark/1"),
        ('{"format": "rmr-benchmark/0"}', "rmr-benchmark/0"),
        ('{"format": "rmr-benchmark/1", "id": "a"}', "fields of a Result"),
        (to_text(dataclasses.replace(RESULT)).replace('"natural",', '"supernatural",', 1), "known kind"),
    ],
)
def test_result_is_refused_when_it_is_none(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_result(text, where="there")


def test_comparison_of_two_runs_leaves_out_time_and_place_and_nothing_else() -> None:
    slower = dataclasses.replace(RESULT, seconds={"wall": 9.0}, machine={}, versions={})
    assert without_circumstances(slower) == without_circumstances(RESULT)
    assert without_circumstances(dataclasses.replace(RESULT, curve=[])) != without_circumstances(RESULT)
