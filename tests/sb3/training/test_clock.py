from __future__ import annotations

from types import SimpleNamespace

import pytest

from rmr_gym.sb3.training import clock as module
from rmr_gym.sb3.training.clock import Clock


@pytest.fixture
def hands(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """What the clocks of the machine show."""
    shown = {"wall_seconds": 70.0, "processor_seconds": 40.0}
    monkeypatch.setattr(module, "time", SimpleNamespace(perf_counter=lambda: shown["wall_seconds"]))
    for name in shown:
        monkeypatch.setitem(module._WHOLE, name, lambda name=name: shown[name])
    return shown


def advance(hands: dict[str, float], wall: float, processor: float) -> None:
    hands["wall_seconds"] += wall
    hands["processor_seconds"] += processor


def test_seconds_of_sessions_add_up(hands: dict[str, float]) -> None:
    first = Clock()
    advance(hands, 5, 4)  # preparations
    first.start()
    advance(hands, 10, 8)
    advance(hands, 3, 2)  # an evaluation
    first.leave_out(3.0)
    state = first.read()
    assert state == {"training_seconds": 10, "wall_seconds": 18, "processor_seconds": 14}
    advance(hands, 1_000, 1)  # what is not kept
    second = Clock(state)
    advance(hands, 5, 4)
    second.start()
    advance(hands, 20, 16)
    second.stop()
    advance(hands, 7, 6)  # the last evaluation
    second.leave_out(7.0)
    assert second.read() == {"training_seconds": 30, "wall_seconds": 50, "processor_seconds": 40}


def test_session_without_training_adds_none(hands: dict[str, float]) -> None:
    clock = Clock({"training_seconds": 10.0, "wall_seconds": 18, "processor_seconds": 14})
    advance(hands, 7, 6)
    clock.leave_out(7.0)
    assert clock.read() == {"training_seconds": 10, "wall_seconds": 25, "processor_seconds": 20}


def test_seconds_that_a_checkpoint_does_not_say_stay_unknown(hands: dict[str, float]) -> None:
    clock = Clock({"env_steps": 5, "training_seconds": 10.0})
    clock.start()
    advance(hands, 7, 6)
    assert clock.read() == {"training_seconds": 17, "wall_seconds": None, "processor_seconds": None}
