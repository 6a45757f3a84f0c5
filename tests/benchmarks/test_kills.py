"""The whole program, killed with -9 twenty times at random moments."""

from __future__ import annotations

import dataclasses
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks.result import Result, read_result, without_circumstances
from rmr_gym.pipeline.config_json import to_json
from tests.benchmarks.settings import TINY

ROOT = Path(__file__).parents[2]
KILLS = 20


@pytest.mark.slow
@pytest.mark.timeout(3_600)
def test_run_that_was_killed_twenty_times_has_the_results_of_an_undisturbed_one(tmp_path: Path) -> None:
    loop = dataclasses.replace(TINY.natural.loop, gradient_steps=150)
    settings = dataclasses.replace(TINY, natural=dataclasses.replace(TINY.natural, loop=loop))
    config = tmp_path / "tiny.json"
    config.write_text(json.dumps(to_json(settings)))
    started = time.monotonic()
    assert start(config, tmp_path / "undisturbed").wait() == 0
    lasted = time.monotonic() - started
    chance, kills = random.Random(0), 0
    while kills < KILLS:
        program = start(config, tmp_path / "killed")
        try:
            # Often within the first moments, so that there is something left to do for the last one.
            status = program.wait(timeout=chance.uniform(0.0, 0.6) * lasted)
        except subprocess.TimeoutExpired:
            os.kill(program.pid, signal.SIGKILL)
            status = program.wait()
        if status == 0:  # all was done: go on with fewer results, as after a loss of files
            for path in sorted((tmp_path / "killed").rglob("result.json"))[::2]:
                path.unlink()
            continue
        assert status == -signal.SIGKILL
        kills += 1
    assert start(config, tmp_path / "killed").wait() == 0
    expected, found = results(tmp_path / "undisturbed"), results(tmp_path / "killed")
    assert len(expected) == 1 + 3 * 3
    assert {name: without_circumstances(one) for name, one in found.items()} == {
        name: without_circumstances(one) for name, one in expected.items()
    }


def start(config: Path, out: Path) -> subprocess.Popen[bytes]:
    words = ["-m", "benchmarks", "run", "table1", "--config", str(config), "--games", "pong", "--seeds", "0..2"]
    words += ["--arms", "rmr,c_swm,untrained", "--workers", "2", "--out", str(out)]
    return subprocess.Popen([sys.executable, *words], cwd=ROOT, stdout=subprocess.DEVNULL)


def results(out: Path) -> dict[str, Result]:
    files = [*(out / "abstract").rglob("result.json"), *(out / "natural").rglob("result.json")]
    return {path.parent.relative_to(out).as_posix(): read_result(path.read_bytes()) for path in files}
