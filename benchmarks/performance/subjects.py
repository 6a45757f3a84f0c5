"""The table of subjects: what is measured, by which module, with which packages."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass

from rmr_gym.registry import Registry

EXTRAS = {
    "ale_py": "atari",
    "cv2": "atari",
    "h5py": "bench",
    "minari": "bench",
    "mujoco": "mujoco",
    "sklearn": "bench",
    "stable_baselines3": "sb3",
    "torch_geometric": "bench",
    "torch_scatter": "scatter",
}
"""The extra that brings a package, by the name under which the package is imported."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """One module with a function `measure(settings)`, run in a process of its own."""

    module: str
    """Dotted name of the module."""

    about: str
    """What it measures, for people who wait for it."""

    seconds: int
    """How long it takes on two cores, roughly; ten times as much, and at least ten minutes, end it."""

    needs: tuple[str, ...] = ()
    """Packages that may be missing, by the name under which they are imported; see `EXTRAS`."""

    def missing(self) -> tuple[str, ...]:
        """Return the packages that are not installed."""
        return tuple(package for package in self.needs if importlib.util.find_spec(package) is None)


def _subject(name: str, about: str, seconds: int, *needs: str) -> tuple[str, Subject]:
    module = f"benchmarks.performance.{name}"
    return name, Subject(module=module, about=about, seconds=seconds, needs=needs)


SUBJECTS: Registry[Subject] = Registry(
    "subject",
    _subject("messages", "messages between all pairs of slots", 90, "torch_geometric", "torch_scatter"),
    _subject("steps", "abstract and natural training steps", 90, "torch_geometric", "torch_scatter"),
    _subject("ensembles", "many seeds in one process", 60),
    _subject("collection", "recording pixels and RAM", 240, "ale_py", "cv2"),
    _subject("loading", "random transitions from the disk", 90, "ale_py", "cv2", "h5py", "minari"),
    _subject("probing", "linear probes", 480, "sklearn"),
    _subject("wrapper", "the wrapper around an environment", 30, "ale_py", "cv2"),
    _subject("policies", "training agents through encoders", 150, "ale_py", "cv2", "stable_baselines3"),
    _subject("importing", "importing the package", 30),
    _subject("balls", "bouncing balls", 120, "mujoco"),
    _subject("scaling", "cost against slots, batch and width", 160),
    _subject("data_scaling", "cost against the size of the data", 50, "ale_py", "cv2"),
)
"""In the order of the table that is printed."""
