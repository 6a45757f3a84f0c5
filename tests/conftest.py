"""Settings that every test shares. Importing this file imports neither rmr_gym nor torch."""

from __future__ import annotations

import contextlib
import importlib
import os
import random
import sys

import pytest
from hypothesis import settings

# Set before anything that reads them is imported, and inherited by the processes that tests start.
os.environ.setdefault("OMP_NUM_THREADS", "1")  # pytest-xdist fills the cores with processes
os.environ.setdefault("MKL_NUM_THREADS", "1")
os.environ.setdefault("MUJOCO_GL", "egl")
os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
os.environ.setdefault("SDL_AUDIODRIVER", "dummy")
os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")

# `default` draws the same examples on every machine; HYPOTHESIS_PROFILE=search looks for new ones.
settings.register_profile("default", derandomize=True, deadline=None, max_examples=50, database=None)
settings.register_profile("search", deadline=None, max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


# Each brings its own LLVM, and a process that loads Triton after software OpenGL has drawn crashes.
with contextlib.suppress(ImportError):
    importlib.import_module("triton")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Begin every test, and the fixtures made for it, with the same state of the generators that all code shares.

    What a test draws from them by oversight, as initial weights, then depends on no test before it.
    """
    random.seed(0)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(0)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(0)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip tests marked `gpu` where there is no CUDA device."""
    marked = [item for item in items if item.get_closest_marker("gpu")]
    if not marked:
        return
    import torch  # slow to import; a run without such tests goes without

    if not torch.cuda.is_available():
        for item in marked:
            item.add_marker(pytest.mark.skip(reason="no CUDA device"))
