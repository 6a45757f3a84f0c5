"""What every exported wrapper keeps; a new one is checked without a new test."""

from __future__ import annotations

import copy
import importlib
import inspect
import itertools
import json
import pkgutil
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env, data_shares_objects

import rmr_gym
from rmr_gym import wrappers
from tests.wrappers.random_pictures import ExactFeatures

EXPORTED = [getattr(wrappers, name) for name in wrappers.__all__]
WRAPPERS = [one for one in EXPORTED if inspect.isclass(one) and issubclass(one, gym.Wrapper)]
NEEDED: dict[Any, dict[str, Any]] = {wrappers.EncodeObservation: {"features": ExactFeatures()}}
"""What a wrapper cannot be made without, if anything; such arguments may stand in front of the options."""

BASES = {base for one in WRAPPERS for base in one.__bases__}
"""What wrappers share and nobody else needs."""

each_wrapper = pytest.mark.parametrize("wrapper", WRAPPERS)


def inner() -> gym.Env[Any, Any]:
    return rmr_gym.make_atari("pong", paired=False)


def wrapped(wrapper: Any, env: gym.Env[Any, Any] | None = None) -> Any:
    return wrapper(env or inner(), **NEEDED.get(wrapper, {}))


def test_every_wrapper_of_the_folder_is_exported_and_has_a_file_of_its_own() -> None:
    found = []
    for module in pkgutil.iter_modules(wrappers.__path__, "rmr_gym.wrappers."):
        members = vars(importlib.import_module(module.name)).values()
        own = [one for one in members if inspect.isclass(one) and one.__module__ == module.name]
        in_file = [one for one in own if issubclass(one, gym.Wrapper) and not one.__name__.startswith("_")]
        assert len(in_file) <= 1
        found += [one for one in in_file if one in WRAPPERS or one not in BASES]
    assert set(found) == set(WRAPPERS)


@each_wrapper
def test_wrapper_takes_the_environment_first_and_options_by_keyword(wrapper: type[gym.Wrapper]) -> None:
    first, *options = list(inspect.signature(wrapper.__init__).parameters.values())[1:]
    assert first.name == "env"
    needed = {option.name for option in options if option.kind is not inspect.Parameter.KEYWORD_ONLY}
    assert needed == NEEDED.get(wrapper, {}).keys()


@each_wrapper
def test_wrapper_records_its_options_as_plain_json(wrapper: type[gym.Wrapper]) -> None:
    env = wrapped(wrapper)
    recorded = env.spec.additional_wrappers[-1].kwargs
    options = [name for name in inspect.signature(wrapper.__init__).parameters if name not in ("self", "env")]
    assert sorted(recorded) == sorted(options)
    plain = {name: value for name, value in recorded.items() if name not in NEEDED.get(wrapper, {})}
    assert json.loads(json.dumps(plain)) == plain
    if plain == recorded:
        assert gym.make(gym.envs.registration.EnvSpec.from_json(env.spec.to_json())).spec == env.spec


@each_wrapper
def test_wrapper_leaves_the_spaces_and_the_metadata_of_the_environment_alone(wrapper: type[gym.Wrapper]) -> None:
    env = inner()
    before = copy.deepcopy((env.observation_space, env.action_space, env.metadata))
    wrapped(wrapper, env).reset(seed=0)
    assert (env.observation_space, env.action_space, env.metadata) == before


@each_wrapper
@pytest.mark.filterwarnings("ignore:.*is different from the unwrapped version")
def test_wrapped_environment_passes_the_checker(wrapper: type[gym.Wrapper]) -> None:
    check_env(wrapped(wrapper))


@each_wrapper
def test_wrapper_never_returns_an_array_twice(wrapper: type[gym.Wrapper]) -> None:
    env = wrapped(wrapper)
    rows = [env.reset(seed=0)]
    for _ in range(3):
        observation, *_, info = env.step(2)
        rows.append((observation, info))
    kept = copy.deepcopy(rows[0])
    env.step(2)
    assert not any(data_shares_objects(one, other) for one, other in itertools.pairwise(rows))
    np.testing.assert_equal(rows[0], kept)


@each_wrapper
def test_wrapper_says_what_it_takes_returns_and_shows_an_example(wrapper: type[gym.Wrapper]) -> None:
    text = inspect.getdoc(wrapper) or ""
    assert all(f"\n{part}:\n" in text for part in ("Args", "Raises", "Example"))
