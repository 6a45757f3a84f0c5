"""The file that holds what was measured: one entry per subject, the machine, and the code that ran."""

from __future__ import annotations

import hashlib
import importlib.metadata
import subprocess
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.measurement import comparable
from benchmarks.performance.settings import Settings
from rmr_gym.documents import write_json
from rmr_gym.errors import explain
from rmr_gym.pipeline.config_json import differences, read_json
from rmr_gym.pipeline.machine import hardware, versions

ROOT = Path(__file__).parents[2]

_PEERS = ("h5py", "minari", "scikit-learn", "torch-geometric", "torch-scatter")

# They show what was measured and do not take part in it.
_SHOWING = frozenset({"__init__.py", "__main__.py", "page.py", "report.py", "scaling_figure.py"})

JsonObject = dict[str, Any]


class Record:
    """Results of subjects in a file that is complete and readable at every moment.

    Args:
        path: JSON file; its folder is made.
        settings: of what is going to be measured.
        command: how to make the file again.
        keep: go on from the file, if there is one, instead of from nothing.

    Raises:
        ValueError: when the file is to be kept and was written on another machine or with other packages: figures of
            one table belong to one machine.
    """

    def __init__(self, path: Path, settings: Settings, *, command: str, keep: bool) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path, self._conditions = path, {"settings": asdict(settings), "code": code_version()}
        machine = describe_machine(settings.device)
        before: JsonObject = read_json(path) if keep and path.exists() else {}
        if before:
            _check_machine(before["machine"], machine, path)
        self.document: JsonObject = {"command": command, "machine": machine, "seconds": 0.0, "subjects": {}}
        self.document["subjects"] = before.get("subjects", {})

    def holds(self, name: str) -> bool:
        """Tell whether a subject was measured with the same settings by the same code."""
        entry = self.document["subjects"].get(name)
        return (
            entry is not None
            and entry["status"] == "measured"
            and entry["settings"] == self._conditions["settings"]
            and entry["code"]["source"] == self._conditions["code"]["source"]
        )

    def put(self, name: str, entry: Mapping[str, Any], *, order: tuple[str, ...]) -> None:
        """Add or replace the entry of a subject and write the file.

        Args:
            name: of the subject.
            entry: with `status` and what belongs to it.
            order: names of all subjects, in the order in which they are to stand in the file.
        """
        subjects = self.document["subjects"] | {name: {**entry, **self._conditions}}
        self.document["subjects"] = {known: subjects[known] for known in order if known in subjects}
        seconds = (one.get("seconds", 0.0) for one in self.document["subjects"].values())
        self.document["seconds"] = round(sum(seconds), 1)
        write_json(self._path, self.document)


def describe_machine(device: str) -> JsonObject:
    """Return hardware and versions, those of the peers among them."""
    found = versions()
    for package in _PEERS:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue  # its subjects say so
    return {"hardware": hardware(device), "versions": found}


def code_version(root: Path = ROOT) -> JsonObject:
    """Say which code runs: a checksum of the source that measures and is measured, and the commit it stems from.

    Args:
        root: of the checkout.

    Returns:
        `source`, and `commit`, None where git knows nothing of it.
    """
    digest = hashlib.sha256()
    files = [*(root / "rmr_gym").rglob("*.py"), *(root / "benchmarks" / "performance").glob("*.py")]
    for file in sorted(file for file in files if file.parent.name != "performance" or file.name not in _SHOWING):
        digest.update(f"{file.relative_to(root).as_posix()}\n".encode() + file.read_bytes())
    return {"source": digest.hexdigest()[:16], "commit": _commit(root)}


def _commit(root: Path) -> str | None:
    try:
        done = subprocess.run(["git", "rev-parse", "HEAD"], cwd=root, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


def _check_machine(before: JsonObject, now: JsonObject, path: Path) -> None:
    different = differences(comparable(before), comparable(now))
    if different:
        raise ValueError(
            explain(
                expected=f"the machine and the packages of {path}",
                got=f"other ones (there -> here): {'; '.join(different)}",
                fix="Pass another --out, or measure everything anew without --only and --resume.",
            )
        )
