from __future__ import annotations

from collections import namedtuple
from pathlib import Path

import pytest

from rmr_gym.pipeline import doctor
from rmr_gym.pipeline.doctor import Check, can_run, examine


def test_examine_finds_what_the_tests_themselves_need(tmp_path: Path) -> None:
    checks = {check.name: check for check in examine(tmp_path / "not" / "there" / "yet")}
    for name in ("Python", "PyTorch", "Arcade Learning Environment", "OpenCV (84x84 frames)", "Disk"):
        assert checks[name].required
        assert checks[name].works, checks[name].detail
    assert "24 cartridges" in checks["Arcade Learning Environment"].detail
    assert {
        "CUDA",
        "Bouncing balls",
        'OpenGL (only for painter="opengl")',
        "torch-scatter",
        "Stable-Baselines3",
        "Memory",
    } <= set(checks)
    assert all(check.detail for check in checks.values())
    assert all(check.mend for check in checks.values() if not check.works)
    assert can_run(list(checks.values()))


def test_can_run_asks_for_the_required_parts_only() -> None:
    works = Check(name="a", works=True, detail="1", required=True)
    extra = Check(name="b", works=False, detail="absent", mend="pip install b")
    assert can_run([works, extra])
    assert not can_run([works, Check(name="c", works=False, detail="absent", required=True)])


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("print('one'); print('two')", (True, "two")),
        ("import no_such_package", (False, "ModuleNotFoundError: No module named 'no_such_package'")),
        ("import os; os.kill(os.getpid(), 11)", (False, "crashed with signal 11")),
        ("raise SystemExit(3)", (False, "ended with status 3 and no message")),
        ("raise SystemExit('said why')", (False, "said why")),
    ],
)
def test_a_check_survives_whatever_the_code_does(code: str, expected: tuple[bool, str]) -> None:
    assert doctor._python_says(code) == expected


def test_a_check_does_not_wait_forever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_TIMEOUT_SECONDS", 0.2)
    assert doctor._python_says("import time; time.sleep(30)") == (False, "no answer within 0.2 seconds")


def test_disk_that_is_full_is_reported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: usage(10**9, 10**9 - 10**6, 10**6))
    check = doctor._disk(tmp_path)
    assert not check.works
    assert check.required
    assert check.detail == "0.0 GB free"


def test_opengl_check_names_the_package_or_the_library_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_python_says", lambda _, **__: (False, "No module named 'mujoco'"))
    assert doctor._opengl().mend == 'pip install "rmr-gym[mujoco]"'
    monkeypatch.setattr(doctor, "_python_says", lambda _, **__: (False, "no display"))
    assert "libegl1" in doctor._opengl().mend
    monkeypatch.setattr(doctor, "_python_says", lambda _, MUJOCO_GL: (MUJOCO_GL == "osmesa", "4.0.0"))  # noqa: N803
    assert doctor._opengl().detail == "4.0.0 with MUJOCO_GL=osmesa"
