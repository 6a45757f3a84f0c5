from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable

import pytest
from gymnasium.error import DependencyNotInstalled

from rmr_gym.envs.mujoco_loading import RenderingUnavailableError
from rmr_gym.errors import NonFiniteLossError
from rmr_gym.program import FAILED, INTERRUPTED, TERMINATED, USER_ERROR, run_program

USER_ERRORS = [
    ValueError,
    FileNotFoundError,
    ModuleNotFoundError,
    DependencyNotInstalled,
    NonFiniteLossError,
    RenderingUnavailableError,
]


def fail_with(error: BaseException) -> Callable[[], None]:
    def work() -> None:
        raise error

    return work


@pytest.mark.parametrize("status", [0, 1, 7])
def test_program_returns_the_status_of_its_work(status: int) -> None:
    assert run_program("tool", lambda: status) == status


@pytest.mark.parametrize("kind", USER_ERRORS)
def test_mistakes_of_a_user_end_in_one_sentence(kind: type[Exception], capsys: pytest.CaptureFixture[str]) -> None:
    long_name = "a-name-" * 30  # not broken into lines, so that it can be copied; [x] is no markup
    assert run_program("tool act", fail_with(kind(f"no {long_name} [x]"))) == USER_ERROR
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.splitlines()[0] == f"tool act: no {long_name} [x]"
    assert "RMR_DEBUG=1" in shown.err
    assert "Traceback" not in shown.err


def test_mistakes_of_a_user_show_where_they_come_from_on_demand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RMR_DEBUG", "1")
    with pytest.raises(ValueError, match="no such game"):
        run_program("tool", fail_with(ValueError("no such game")))


def test_faults_of_the_program_are_not_hidden() -> None:
    with pytest.raises(KeyError):
        run_program("tool", fail_with(KeyError("slot")))


def test_interrupt_says_how_to_go_on(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_program("tool", fail_with(KeyboardInterrupt()), on_interrupt="--resume goes on.") == INTERRUPTED
    assert capsys.readouterr().err == "Interrupted. What is finished is kept. --resume goes on.\n"


def run_unread(work: str) -> tuple[int, str]:
    """Run a program whose output goes into a pipe that nobody reads any more; return its status and its errors."""
    code = f"import sys\nfrom rmr_gym.program import run_program\nsys.exit(run_program('tool', lambda: {work}))"
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing) as output:
        done = subprocess.run(
            [sys.executable, "-c", code], stdout=output, stderr=subprocess.PIPE, text=True, check=False
        )
    return done.returncode, done.stderr


@pytest.mark.parametrize("work", ["print('x' * 100_000)", "print('x')", "(print('x'), sys.exit(0))"])
def test_a_reader_who_stops_reading_is_no_mistake(work: str) -> None:
    assert run_unread(work) == (FAILED, "")


def test_output_has_a_question_mark_for_what_its_encoding_lacks() -> None:
    code = "from rmr_gym.program import run_program; run_program('tool', lambda: print('R\u00b2'))"
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("R?\n", "")


def test_a_pipe_that_broke_elsewhere_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_program("tool", fail_with(BrokenPipeError("a worker died"))) == USER_ERROR
    assert "tool: a worker died" in capsys.readouterr().err


def test_sigterm_unwinds_the_stack() -> None:
    code = """
import os, signal
from rmr_gym.program import exit_on_sigterm
exit_on_sigterm()
try:
    os.kill(os.getpid(), signal.SIGTERM)
finally:
    print("workers ended")
"""
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (TERMINATED, "workers ended\n")
