"""Which functions of other packages are being run."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import pytest

from rmr_gym.wrappers.askers import asking, running

NAMES = ("Outer.__init__", "Inner.__init__", "work")


class Inner:
    def __init__(self) -> None:
        self.found = running(NAMES), running(NAMES[:1]), running(["Other.__init__"])


class Outer:
    def __init__(self) -> None:
        self.inner = Inner()


def work() -> str | None:
    return running(NAMES)


def in_package(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setitem(globals(), "__name__", name)


@pytest.mark.parametrize("package", ["stable_baselines3.common.vec_env", "gymnasium"])
def test_innermost_function_that_runs_is_named(monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    in_package(monkeypatch, package)
    assert Outer().inner.found == ("Inner", "Outer", None)
    assert work() == "work"
    assert running(NAMES) is None, "it has ended"


def test_look_ends_at_the_affairs_of_another_object(monkeypatch: pytest.MonkeyPatch) -> None:
    class Between:
        def __init__(self, own: type | None) -> None:
            self.found = running(NAMES, not_beyond=own)

    def outer(own: type | None) -> str | None:
        return Between(own).found

    in_package(monkeypatch, "gymnasium")
    outer.__code__ = outer.__code__.replace(co_qualname="work")
    assert outer(None) == "work"
    assert outer(int) == "work"
    assert outer(Between) is None


@pytest.mark.parametrize("package", ["stable_baselines3_contrib", "my.gymnasium", None])
def test_functions_of_other_packages_are_passed_over(monkeypatch: pytest.MonkeyPatch, package: Any) -> None:
    in_package(monkeypatch, package)
    assert work() is None
    assert Outer().inner.found == (None, None, None)


class Asked(gym.Env[Any, Any]):
    found: str | None = None

    @property
    def observation_space(self) -> Any:
        self.found = asking(["look"], self)
        return gym.spaces.Discrete(2)


class Between(gym.Wrapper[Any, Any, Any, Any]):
    @property
    def observation_space(self) -> Any:
        return gym.spaces.Tuple([self.env.observation_space])


def look(env: gym.Env[Any, Any]) -> None:
    _ = env.observation_space


def test_function_asks_through_wrappers_that_show_the_space_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    env = Asked()
    look(env)
    assert env.found is None, "a function of no package that is looked for"
    in_package(monkeypatch, "stable_baselines3.common")
    for around in (env, gym.Wrapper(gym.Wrapper(env))):
        env.found = None
        look(around)
        assert env.found == "look"
    look(gym.Wrapper(Between(env)))
    assert env.found is None
