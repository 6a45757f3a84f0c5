"""What is read off the environment of a Minari data set."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import gymnasium as gym
import pytest
from gymnasium.envs.registration import WrapperSpec

from rmr_gym.data.minari_environments import console_of
from rmr_gym.envs.console import ConsoleConfig
from rmr_gym.envs.registration import register_environments

register_environments()


@pytest.mark.parametrize(
    ("env_id", "options", "message"),
    [
        ("rmr/Pong-v0", {"sticky": 0.25}, "episodes of rmr/<Game>-v0; got rmr/Pong-v0 with {'sticky': 0.25}"),
        ("rmr/Pong-v0", {"full_actions": False}, "full_actions"),
        ("rmr/Pong-v0", {"gray": True}, "gray"),
        ("rmr/Pong-v0", {"size": [84, 84]}, "size"),
        ("rmr/Pong-v0", {"zoom": 2}, "zoom"),
        ("rmr/BouncingBalls-v0", {}, "BouncingBalls"),
        ("CartPole-v1", {}, "got CartPole-v1"),
    ],
)
def test_episodes_of_other_environments_are_refused(env_id: str, options: dict[str, Any], message: str) -> None:
    spec = gym.spec(env_id)
    with pytest.raises(ValueError, match=message):
        console_of(replace(spec, kwargs=spec.kwargs | options))


@pytest.mark.parametrize(
    ("entry_point", "looks_on"),
    [
        ("gymnasium.wrappers.time_limit:TimeLimit", True),  # where it was in Gymnasium 0.29
        ("gymnasium.wrappers:OrderEnforcing", True),
        ("rmr_gym.wrappers.paired_observation:PairedObservation", True),
        ("mine.wrappers:TimeLimit", False),
        ("gymnasium_mine:TimeLimit", False),
        ("rmr_gym.wrappers.encode_observation:EncodeObservation", False),
    ],
)
def test_wrappers_are_told_by_package_and_class(entry_point: str, looks_on: bool) -> None:
    spec = gym.spec("rmr/Pong-v0")
    around = (*spec.additional_wrappers, WrapperSpec(name="Around", entry_point=entry_point, kwargs=None))
    wrapped = replace(spec, additional_wrappers=around)
    if looks_on:
        assert console_of(wrapped) == console_of(spec)
    else:
        with pytest.raises(ValueError, match="got rmr/Pong-v0 in Around"):
            console_of(wrapped)


def test_episodes_of_no_environment_are_refused() -> None:
    with pytest.raises(ValueError, match="got no environment"):
        console_of(None)


def test_console_is_that_of_the_environment() -> None:
    spec = gym.spec("rmr/Pong-v0")
    assert console_of(spec) == ConsoleConfig(game="pong", max_pool=False)
    other = replace(spec, kwargs={"game": "ms_pacman", "frame_skip": 3, "max_pool": True, "noop_max": 0, "gray": False})
    assert console_of(other) == ConsoleConfig(game="ms_pacman", frame_skip=3, noop_max=0)
