"""The suite: every subject in a process of its own, every result in the file as soon as it is there."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from benchmarks.performance.record import ROOT, JsonObject, Record
from benchmarks.performance.settings import Settings
from benchmarks.performance.subjects import EXTRAS, SUBJECTS, Subject
from rmr_gym.pipeline.machine import check_device

RECORD = Path("benchmarks", "results", "performance.json")
"""The file behind the documentation."""

PAGE = Path("docs", "performance.md")
"""The page that shows them."""

SHORTEST_LIMIT = 600.0
"""Seconds after which a subject may be taken to hang."""

_QUICK_RECORD = Path("runs", "performance_quick.json")


@dataclass(frozen=True, kw_only=True, slots=True)
class SuiteConfig:
    """Settings of `python -m benchmarks.performance`."""

    only: tuple[str, ...] = ()
    """Names of subjects to measure; what the file holds of others stays. None given: all, from nothing."""

    out: Path | None = None
    """JSON file for the result. None takes benchmarks/results/performance.json and puts the tables into
    docs/performance.md as well; with `quick` it takes a file in runs/."""

    repeats: int = 5
    """Turns that every variant takes after one that does not count."""

    quick: bool = False
    """Sizes so small that everything runs in a minute or two; the figures then mean nothing."""

    device: str = "cpu"
    """Where the networks run."""

    figures: Path | None = None
    """Folder for the figure. None takes the folder of the result, or docs/images if that is left out, too."""

    resume: bool = False
    """Skip the subjects that the file holds, measured with the same settings by the same code."""

    def __post_init__(self) -> None:
        """Refuse unknown subjects and devices, and numbers that are not positive."""
        for name in self.only:
            _ = SUBJECTS[name]
        check_device(self.device)
        _ = self.settings

    @property
    def settings(self) -> Settings:
        """What every subject is given."""
        return Settings(repeats=self.repeats, quick=self.quick, device=self.device)

    @property
    def record(self) -> Path:
        """The file for the result."""
        return self.out or (_QUICK_RECORD if self.quick else RECORD)

    @property
    def figures_folder(self) -> Path:
        """The folder for the figure."""
        return self.figures or (Path("docs", "images") if self.record == RECORD else self.record.parent)

    @property
    def command(self) -> str:
        """The command, without paths."""
        words = ["python -m benchmarks.performance"]
        words += ["--only", *self.only] if self.only else []
        words += ["--repeats", str(self.repeats)] if self.repeats != Settings().repeats else []
        words += ["--quick"] if self.quick else []
        words += ["--device", self.device] if self.device != Settings().device else []
        return " ".join(words)


def run(
    config: SuiteConfig, *, console: Console | None = None, subjects: Mapping[str, Subject] = SUBJECTS
) -> JsonObject:
    """Measure the subjects one after the other.

    A subject that fails or lacks a package leaves an entry that says so, and the others go on.

    Args:
        config: what to measure, and where to write it.
        console: where to show progress; None shows nothing.
        subjects: all that there are.

    Returns:
        The document that the file holds.
    """
    console = console or Console(quiet=True)
    record = Record(config.record, config.settings, command=config.command, keep=config.resume or bool(config.only))
    names = config.only or tuple(subjects)
    with _progress(console, len(names)) as progress:
        task = progress.add_task("", total=len(names))
        for name in names:
            subject = subjects[name]
            progress.update(task, description=f"{name}: {subject.about} (about {subject.seconds} s)")
            if config.resume and record.holds(name):
                line = "measured before"
            else:
                entry = measure_subject(subject, config.settings)
                line = _outcome(entry)
                entry.pop("output", None)  # for eyes only
                record.put(name, entry, order=tuple(subjects))
            console.print(f"{name}: {line}", markup=False, highlight=False, soft_wrap=True)
            progress.advance(task)
    return record.document


def measure_subject(subject: Subject, settings: Settings, *, shortest_limit: float = SHORTEST_LIMIT) -> JsonObject:
    """Measure one subject in a fresh process.

    Args:
        subject: what to measure.
        settings: of the comparisons.
        shortest_limit: seconds after which it is ended, if that is longer than ten times what it takes on two cores.

    Returns:
        An entry of the record, whose `status` is "measured" (with `results`), "not run" (with `reason`) or "failed"
        (with `error` and the last lines of its `output`); `seconds`; `load_before`, the mean number of busy processes
        of the machine in the minute before.
    """
    facts = {"about": subject.about, "load_before": round(os.getloadavg()[0], 2)}
    missing = subject.missing()
    if missing:
        extras = ",".join(sorted({EXTRAS[package] for package in missing}))
        reason = f'needs {", ".join(missing)}: pip install --no-build-isolation -e ".[{extras}]"'
        return {"status": "not run", **facts, "reason": reason, "seconds": 0.0}
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        result, log = Path(folder, "result.json"), Path(folder, "log.txt")
        limit = max(shortest_limit, 10.0 * subject.seconds)
        ending = _run_worker([subject.module, str(result), json.dumps(asdict(settings))], log, limit)
        if ending is None:
            return {"status": "measured", **facts, **json.loads(result.read_text(encoding="utf-8"))}
        said = _without_paths(log.read_text(encoding="utf-8", errors="replace"), folder)
    lines = [line for line in said.splitlines() if line.strip()]
    error = f"{ending}: {lines[-1].strip()}" if lines else ending
    seconds = round(time.perf_counter() - started, 1)
    return {"status": "failed", **facts, "error": error, "output": lines[-30:], "seconds": seconds}


def failures(document: Mapping[str, Any], only: Sequence[str] = ()) -> list[str]:
    """List the subjects that failed, of some or, if none are named, of all."""
    subjects = document["subjects"]
    return [name for name in subjects if subjects[name]["status"] == "failed" and (name in only or not only)]


def _run_worker(arguments: list[str], log: Path, limit: float) -> str | None:
    """Run the worker and say how it ended; None if well."""
    command = [sys.executable, "-m", "benchmarks.performance.worker", *arguments]
    with log.open("wb") as file:
        # A session of its own, so that whatever it has started ends with it.
        process = subprocess.Popen(command, cwd=ROOT, stdout=file, stderr=file, start_new_session=True)
        try:
            status = process.wait(limit)
        except subprocess.TimeoutExpired:
            return f"not finished after {limit:.0f} s"
        finally:
            _end(process)
    if status < 0:
        return f"ended by {signal.Signals(-status).name}"
    return f"exit status {status}" if status else None


def _end(process: subprocess.Popen[bytes]) -> None:
    """End what is left of a worker and of the processes that it started."""
    with suppress(ProcessLookupError):  # nothing is left, the usual case
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _without_paths(text: str, folder: str) -> str:
    for path, name in ((folder, "TMP"), (f"{ROOT}{os.sep}", ""), (sys.prefix, ".venv"), (str(Path.home()), "~")):
        text = text.replace(path, name)
    return text


def _outcome(entry: Mapping[str, Any]) -> str:
    """Say in a line, or for a failure in several, what came of a subject."""
    if entry["status"] == "measured":
        return f"{len(entry['results'])} results in {entry['seconds']:.0f} s"
    if entry["status"] == "not run":
        return f"not run: {entry['reason']}"
    return "\n".join([f"failed after {entry['seconds']:.0f} s: {entry['error']}", *entry["output"]])


@contextmanager
def _progress(console: Console, total: int) -> Iterator[Progress]:
    """Show the subject that is being measured; redrawn once per second, so that it does not cost what it measures."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    hidden = not console.is_terminal or total == 0
    with Progress(
        *columns, TimeElapsedColumn(), console=console, transient=True, refresh_per_second=1, disable=hidden
    ) as progress:
        yield progress
