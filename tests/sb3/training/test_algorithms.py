from __future__ import annotations

import inspect
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml

from rmr_gym.sb3.training import ALGORITHMS, PpoConfig

# Found without being imported: the package patches Gymnasium's wrappers for the whole process.
ZOO = Path(str(getattr(find_spec("rl_zoo3"), "origin", None))).parent
ZOO_FILES = {"recurrent_ppo": "ppo_lstm"}
OURS = {"qrdqn": {"buffer_size"}}


@pytest.mark.parametrize("name", ALGORITHMS)
def test_defaults_are_those_of_the_zoo(name: str) -> None:
    file = ZOO / "hyperparams" / f"{ZOO_FILES.get(name, name)}.yml"
    zoo = yaml.safe_load(file.read_text())["atari"]
    config: Any = ALGORITHMS[name]()
    compared = 0
    for key, value in {"num_envs": zoo.get("n_envs", 1), **zoo}.items():
        if key not in config.__dataclass_fields__:
            continue
        expected = float(value.removeprefix("lin_")) if isinstance(value, str) else value
        assert getattr(config, key) == expected, key
        assert not str(value).startswith("lin_") or config.anneal
        compared += 1
    assert compared >= 3


@pytest.mark.parametrize("name", ALGORITHMS)
def test_other_defaults_are_those_of_the_class(name: str) -> None:
    config: Any = ALGORITHMS[name]()
    parameters = inspect.signature(config.algorithm_class().__init__).parameters
    file = ZOO / "hyperparams" / f"{ZOO_FILES.get(name, name)}.yml"
    zoo = yaml.safe_load(file.read_text())["atari"]
    for key, value in config.keywords().items():
        assert key in parameters
        if key not in zoo and key not in OURS.get(name, ()):
            assert value == parameters[key].default, key


@pytest.mark.parametrize(("name", "pictures", "policy"), [("ppo", True, "CnnPolicy"), ("dqn", False, "MlpPolicy")])
def test_policy_fits_what_is_seen(name: str, pictures: bool, policy: str) -> None:
    assert ALGORITHMS[name]().policy_name(pictures=pictures) == policy


def test_recurrent_policy_has_a_memory() -> None:
    assert ALGORITHMS["recurrent_ppo"]().policy_name(pictures=True) == "CnnLstmPolicy"


def test_annealed_learning_rate_ends_at_zero() -> None:
    schedule = PpoConfig(learning_rate=0.5).keywords()["learning_rate"]
    assert [schedule(1.0), schedule(0.5), schedule(0.0)] == [0.5, 0.25, 0.0]
    assert PpoConfig(learning_rate=0.5, anneal=False).keywords()["learning_rate"] == 0.5


@pytest.mark.parametrize(("field", "value"), [("num_envs", 0), ("learning_rate", -1.0), ("ent_coef", float("nan"))])
def test_numbers_out_of_range_are_refused(field: str, value: float) -> None:
    with pytest.raises(ValueError, match=field):
        PpoConfig(**{field: value})
