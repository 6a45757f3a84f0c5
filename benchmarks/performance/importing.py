"""How long `import rmr_gym` takes, in fresh processes, and what it leaves alone.

python -m benchmarks.performance --only importing
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

from benchmarks.performance.harness import Comparison, Spread
from benchmarks.performance.settings import Settings

_HEAVY = ("torch", "ale_py", "cv2", "mujoco", "matplotlib", "pyarrow", "scipy")

_CODE = """
import sys, time
started = time.perf_counter()
import {module}
print(time.perf_counter() - started, *(name for name in {heavy} if name in sys.modules))
"""


def measure(settings: Settings) -> list[Comparison]:
    """Time the statement itself; the interpreter's own start is not in it, and files are in the page cache."""
    modules = ("rmr_gym", "gymnasium")
    found = [{module: import_once(module) for module in modules} for _ in range(1 + settings.repeats)][1:]
    seconds = {module: tuple(run[module][0] for run in found) for module in modules}
    loaded = sorted({name for run in found for name in run["rmr_gym"][1]})
    told = ", ".join(name for name in _HEAVY if name not in loaded)
    return [
        Comparison(
            what="import rmr_gym",
            ours="rmr_gym",
            peer="nothing",
            figure=Spread.of(seconds["rmr_gym"]),
            unit="s",
            bar=0.3,
            direction="at most",
            note=f"of which gymnasium and numpy {Spread.of(seconds['gymnasium']).median:.2f} s; not loaded: {told}",
        ),
        Comparison(
            what="import rmr_gym loads torch",
            ours="rmr_gym",
            peer="nothing",
            figure=Spread.of(tuple(float("torch" in run["rmr_gym"][1]) for run in found)),
            unit="times",
            bar=0.0,
            direction="at most",
        ),
    ]


def import_once(module: str) -> tuple[float, Sequence[str]]:
    """Import a module in a fresh process.

    Returns:
        Seconds, and which heavy packages were loaded by it.
    """
    code = _CODE.format(module=module, heavy=_HEAVY)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    seconds, *loaded = done.stdout.split()
    return float(seconds), loaded
