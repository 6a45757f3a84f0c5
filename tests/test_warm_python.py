"""A process that begins with the slow imports done is like one that does not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.warm_python import run_python, started_python

SCRIPT = """
import atexit, json, os, sys
ready = [name for name in ("torch", "stable_baselines3", "rmr_gym", "gymnasium", "tests") if name in sys.modules]
atexit.register(print, "the end")
class Thing: pass
found = {
    "argv": sys.argv, "path": sys.path[0], "folder": os.getcwd(), "environment": dict(os.environ),
    "name": __name__, "file": globals().get("__file__"), "main": sys.modules["__main__"].Thing is Thing,
    "globals": [name for name in globals() if "__" not in name], "stdin": sys.stdin.read(),
}
if len(sys.argv) > 2: print(*ready)
print(json.dumps(found, sort_keys=True))
print("careful", file=sys.stderr)
sys.exit(int(sys.argv[1]))
"""


@pytest.mark.parametrize(
    "words", [("script.py", "3"), ("-m", "script", "3"), ("-c", SCRIPT, "3")], ids=lambda words: words[0]
)
def test_warm_process_finds_what_a_cold_one_finds(words: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    words = tuple(str(tmp_path / word) if word == "script.py" else word for word in words)
    environment = {"A": "1", "PATH": "/bin", "LC_CTYPE": "C.UTF-8"}
    warm = run_python(*words, folder=tmp_path, environment=environment)
    cold = subprocess.run(
        [sys.executable, *words],
        cwd=tmp_path,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (warm.returncode, warm.stdout, warm.stderr) == (cold.returncode, cold.stdout, cold.stderr)
    assert warm.stdout.endswith("the end\n")
    assert (warm.returncode, warm.stderr) == (3, "careful\n")


def test_warm_process_knows_nothing_of_the_package_or_of_earlier_ones(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    (tmp_path / "other.py").write_text("import rmr_gym, tests")
    for script in ("script.py", "other.py", "script.py"):
        done = run_python(str(tmp_path / script), "0", "show", folder=tmp_path)
        assert done.returncode == 0 or script == "other.py"
    assert done.stdout.splitlines()[0] == "torch stable_baselines3 gymnasium"


def test_errors_signals_and_hanging_end_as_they_should(tmp_path: Path) -> None:
    for name, text in {
        "error": "raise LookupError('of mine')",
        "killed": "import os; os.kill(os.getpid(), 9)",
        "hanging": "import time; time.sleep(100)",
    }.items():
        (tmp_path / name).write_text(text)
    failed = run_python("error", folder=tmp_path)
    assert failed.returncode == 1
    assert failed.stderr.endswith("LookupError: of mine\n")
    assert run_python("killed", folder=tmp_path).returncode == -9
    with pytest.raises(subprocess.TimeoutExpired):
        run_python("hanging", folder=tmp_path, timeout=0.2)
    with started_python("hanging", folder=tmp_path) as process:
        assert process.status(0.01) is None
        process.kill()
        assert process.status() == -9
    assert run_python("error", folder=tmp_path).returncode == 1
