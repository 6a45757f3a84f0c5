"""What works on this machine, and how to mend what does not. Imports neither torch nor anything optional itself."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

_TIMEOUT_SECONDS = 120
_NEEDED_BYTES = 2 * 10**9
_NEEDED_MEMORY_BYTES = 4 * 10**9


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """One thing that works or does not."""

    name: str
    """What was looked at."""

    works: bool
    """Whether it does."""

    detail: str
    """What was found, on one line."""

    mend: str = ""
    """What to do when it does not work."""

    required: bool = False
    """Whether `rmr-gym run` needs it."""


def examine(folder: str | Path = ".") -> list[Check]:
    """Look at everything that some part of the package uses.

    Every check that loads native code runs in a process of its own, so that a crash there is a line in the list.

    Args:
        folder: where runs will be written; its disk is looked at.
    """
    checks: tuple[Callable[[], Check], ...] = (
        _python,
        _torch,
        _cuda,
        _atari,
        _opencv,
        lambda: _disk(Path(folder)),
        _memory,
        _mujoco,
        _opengl,
        _torch_scatter,
        _stable_baselines,
    )
    with ThreadPoolExecutor(max_workers=4) as pool:
        return list(pool.map(lambda check: check(), checks))


def can_run(checks: list[Check]) -> bool:
    """Return whether `rmr-gym run` can work: everything required does."""
    return all(check.works for check in checks if check.required)


def _python() -> Check:
    version = ".".join(map(str, sys.version_info[:3]))
    mend = "Install Python 3.11 or newer and make a new virtual environment with it."
    return Check(name="Python", works=sys.version_info >= (3, 11), detail=version, mend=mend, required=True)


def _torch() -> Check:
    code = "import torch; torch.ones(2, 2) @ torch.ones(2, 2); print(torch.__version__, torch.get_num_threads())"
    works, output = _python_says(code)
    detail = "{} with {} threads".format(*output.split()) if works else output
    return Check(name="PyTorch", works=works, detail=detail, mend='pip install "torch>=2.8,<3"', required=True)


def _cuda() -> Check:
    code = """
import torch
if not torch.cuda.is_available():
    raise SystemExit(f"none seen by this PyTorch (built for CUDA {torch.version.cuda or 'none: CPU only'})")
torch.ones(2, device="cuda").sum().item()
print(torch.cuda.get_device_name())
"""
    works, output = _python_says(code)
    mend = "Only for --device cuda: install a driver and a CUDA build of torch (https://pytorch.org/get-started)."
    return Check(name="CUDA", works=works, detail=output, mend=mend)


def _atari() -> Check:
    code = """
import ale_py
from ale_py import roms
from rmr_gym.envs.games import GAMES
from rmr_gym.envs.atari import make_atari
missing = [game for game in GAMES if not roms.get_rom_path(game)]
if missing:
    raise SystemExit(f"ale-py {ale_py.__version__} lacks the cartridges {', '.join(missing)}")
env = make_atari("pong")
env.reset(seed=0)
env.step(0)
print(f"ale-py {ale_py.__version__}, {len(GAMES)} cartridges, one step of Pong played")
"""
    works, output = _python_says(code)
    mend = 'pip install "rmr-gym[atari]"'
    return Check(name="Arcade Learning Environment", works=works, detail=output, mend=mend, required=True)


def _opencv() -> Check:
    works, output = _python_says("import cv2; print(cv2.__version__)")
    mend = 'pip install "rmr-gym[atari]"'
    return Check(name="OpenCV (84x84 frames)", works=works, detail=output, mend=mend, required=True)


def _disk(folder: Path) -> Check:
    existing = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    free = shutil.disk_usage(existing).free
    works = free >= _NEEDED_BYTES and os.access(existing, os.W_OK)
    access = "" if os.access(existing, os.W_OK) else ", not writable"
    detail = f"{free / 1e9:.1f} GB free{access}"
    mend = f"Free {_NEEDED_BYTES / 1e9:.0f} GB, or pass --out on another disk."
    return Check(name="Disk", works=works, detail=detail, mend=mend, required=True)


def _memory() -> Check:
    size, total = os.sysconf("SC_PAGE_SIZE"), os.sysconf("SC_PHYS_PAGES")
    free = os.sysconf("SC_AVPHYS_PAGES") * size
    detail = f"{total * size / 1e9:.1f} GB, {free / 1e9:.1f} GB of it unused"
    mend = "Profiles quick and standard need 4 GB; use --profile smoke or lower --probe.num-train-frames."
    return Check(name="Memory", works=total * size >= _NEEDED_MEMORY_BYTES, detail=detail, mend=mend)


def _mujoco() -> Check:
    code = """
import mujoco
from rmr_gym.envs.bouncing_balls import BouncingBallsEnv
env = BouncingBallsEnv()
env.reset(seed=0)
env.step(0)
print(f"MuJoCo {mujoco.__version__}, one step painted")
"""
    works, output = _python_says(code)
    return Check(name="Bouncing balls", works=works, detail=output, mend='pip install "rmr-gym[mujoco]"')


def _opengl() -> Check:
    code = """
import mujoco
model = mujoco.MjModel.from_xml_string("<mujoco><worldbody><geom size='1'/></worldbody></mujoco>")
data = mujoco.MjData(model)
mujoco.mj_forward(model, data)
with mujoco.Renderer(model, 8, 8) as renderer:
    renderer.update_scene(data)
    renderer.render()
print(mujoco.__version__)
"""
    name, tried = 'OpenGL (only for painter="opengl")', {}
    for backend in dict.fromkeys((os.environ.get("MUJOCO_GL", "egl"), "egl", "osmesa")):
        works, tried[backend] = _python_says(code, MUJOCO_GL=backend)
        if works:
            return Check(name=name, works=True, detail=f"{tried[backend]} with MUJOCO_GL={backend}")
    if all("No module named 'mujoco'" in output for output in tried.values()):
        return Check(name=name, works=False, detail="not installed", mend='pip install "rmr-gym[mujoco]"')
    detail = "; ".join(f"{backend}: {output}" for backend, output in tried.items())
    mend = "Install a software OpenGL library (Debian: apt install libegl1 libosmesa6) and set MUJOCO_GL to it."
    return Check(name=name, works=False, detail=detail, mend=mend)


def _torch_scatter() -> Check:
    works, output = _python_says("import torch_scatter; print(torch_scatter.__version__)")
    mend = 'pip install --no-build-isolation "rmr-gym[scatter]" (needs a C++ compiler, about 5 minutes)'
    return Check(name="torch-scatter", works=works, detail=output, mend=mend)


def _stable_baselines() -> Check:
    works, output = _python_says("import stable_baselines3; print(stable_baselines3.__version__)")
    return Check(name="Stable-Baselines3", works=works, detail=output, mend='pip install "rmr-gym[sb3]"')


def _python_says(code: str, **environment: str) -> tuple[bool, str]:
    """Run Python code in a process of its own.

    Returns:
        Whether it ended well, and the last line that it printed.
    """
    try:
        done = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_SECONDS,
            env={**os.environ, **environment},
            check=False,
        )
    except subprocess.TimeoutExpired:
        return False, f"no answer within {_TIMEOUT_SECONDS} seconds"
    if done.returncode < 0:
        return False, f"crashed with signal {-done.returncode}"
    lines = (done.stdout if done.returncode == 0 else done.stderr).strip().splitlines()
    return done.returncode == 0, lines[-1] if lines else f"ended with status {done.returncode} and no message"
