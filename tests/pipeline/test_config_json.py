from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import pytest

from rmr_gym.envs.balls_config import BallsConfig
from rmr_gym.evaluation.probes import RegularisedProbeConfig
from rmr_gym.models.processors import PROCESSORS, MlpConfig, MpnnConfig
from rmr_gym.objectives import OBJECTIVES
from rmr_gym.pipeline.config import ProbingConfig, RunConfig
from rmr_gym.pipeline.config_json import differences, from_json, read_json, to_json, without_nan
from rmr_gym.pipeline.profiles import PROFILES
from rmr_gym.training import AbstractConfig, LoopConfig


@pytest.mark.parametrize("name", PROFILES)
def test_config_comes_back_from_json_as_it_was(name: str) -> None:
    config = PROFILES[name]()
    assert from_json(RunConfig, json.loads(json.dumps(to_json(config)))) == config


@pytest.mark.parametrize("processor", [part() for part in PROCESSORS.values()])
def test_config_json_names_the_processor(processor: Any) -> None:
    document = to_json(AbstractConfig(processor=processor))
    assert PROCESSORS[document["processor"]["type"]] is type(processor)
    assert from_json(AbstractConfig, document).processor == processor


@pytest.mark.parametrize("objective", [part() for part in OBJECTIVES.values()])
def test_config_json_names_the_objective(objective: Any) -> None:
    config = dataclasses.replace(RunConfig(), natural=dataclasses.replace(RunConfig().natural, objective=objective))
    assert from_json(RunConfig, to_json(config)) == config


def test_config_json_names_the_probe_only_where_it_is_not_the_one_of_before() -> None:
    config = ProbingConfig(linear_on_few=RegularisedProbeConfig(penalties=(0.1, 0.01)))
    document = json.loads(json.dumps(to_json(config)))
    assert "type" not in document["linear"]
    assert document["linear_on_few"]["type"] == "regularised"
    assert from_json(ProbingConfig, document) == config
    with pytest.raises(ValueError, match="linear, regularised"):
        from_json(ProbingConfig, {"linear": {"type": "ridge"}})


def test_from_json_fills_in_defaults_and_widens_integers() -> None:
    config = from_json(LoopConfig, {"learning_rate": 1})
    assert config == LoopConfig(learning_rate=1.0)
    assert type(config.learning_rate) is float


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"lop": {}}, r"fields of config out of .*loop.*; got \['lop'\]. Remove or rename lop"),
        ({"loop": {"gradient_steps": "many"}}, "config.loop.gradient_steps to be int; got many"),
        ({"loop": {"gradient_steps": True}}, "config.loop.gradient_steps to be int; got True"),
        ({"loop": {"gradient_steps": 0}}, "positive numbers of steps"),
        ({"processor": {"type": "mpn"}}, f"config.processor.type out of {', '.join(PROCESSORS)}; got mpn"),
        ({"processor": {"type": "mpnn", "reduction": "median"}}, "config.processor.reduction"),
        ({"processor": 3}, "processor"),
        ([], "an object for config"),
    ],
)
def test_from_json_refuses_what_does_not_fit(document: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        from_json(AbstractConfig, document)


def test_from_json_takes_what_was_meant_before_a_field_existed_only_where_all_others_are_there() -> None:
    document = to_json(BallsConfig(num_balls=2))
    del document["painter"]
    assert from_json(BallsConfig, document) == BallsConfig(num_balls=2, painter="opengl")
    assert from_json(BallsConfig, {"num_balls": 2}) == BallsConfig(num_balls=2)


def test_differences_name_the_fields_that_differ() -> None:
    first, second = AbstractConfig(), AbstractConfig(processor=MlpConfig(), loop=LoopConfig(gradient_steps=3))
    lines = differences(to_json(first), to_json(second))
    assert "loop.gradient_steps: 1000 -> 3" in lines
    assert "processor.type: mpnn -> mlp" in lines
    assert "processor.reduction: mean -> (absent)" in lines
    assert differences(to_json(first), to_json(AbstractConfig(processor=MpnnConfig()))) == []


def test_without_nan_turns_what_json_lacks_into_none() -> None:
    assert without_nan({"a": [math.nan, 1.0], "b": (math.inf, "x", 2)}) == {"a": [None, 1.0], "b": [None, "x", 2]}


def test_read_json_says_what_is_wrong_with_the_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="No such file"):
        read_json(tmp_path / "absent.json")
    broken = tmp_path / "broken.json"
    broken.write_text('{"a": 1')
    with pytest.raises(ValueError, match="JSON in .*broken.json"):
        read_json(broken)
    broken.write_text("[" * 200_000)
    with pytest.raises(ValueError, match="JSON in .*broken.json"):
        read_json(broken)
