"""All figures of the GPU in one call, for a device that is borrowed for half an hour.

    python -m benchmarks.performance.gpu --out FOLDER
    python -m benchmarks.performance.gpu --out FOLDER --device cpu --quick

Every section writes FOLDER/<section>.json as soon as it is done and is left out where that file exists, so that a call
which was cut short is simply made again. A section that fails leaves its traceback in FOLDER/<section>.error.txt, and
the next one runs. Data are generated; besides PyTorch, numpy and this package with its dependencies nothing is needed,
and on a GPU the Triton that comes with PyTorch.
"""

from __future__ import annotations

import argparse
import json
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from benchmarks.performance.gpu_machine import PRECISIONS, device_errors, measure_machine
from rmr_gym.pipeline.machine import check_device

MACHINE, TABLE = "machine", "table_1"


@dataclass(frozen=True, kw_only=True, slots=True)
class GpuConfig:
    """What is measured, and where the results go."""

    out: Path
    """Folder of the results."""

    device: str = "cuda"
    """What is measured."""

    quick: bool = False
    """Sizes so small that a CPU is done in seconds; the figures then mean nothing."""

    repeats: int = 9
    """Measurements of each figure."""

    budget_seconds: float = 540.0
    """Time after which no section is begun; the trial of Table 1 uses what is left of it."""

    sections: tuple[str, ...] = ()
    """What to measure; all of it where none is named."""


Section = Callable[[GpuConfig, float], Any]
"""Measures something; told the clock time at which the budget ends."""


def sections() -> dict[str, Section]:
    """Return all sections in their order, the cheap and the important ones first."""
    found: dict[str, Section] = {MACHINE: _machine, "correctness": _correctness, "messages": _messages}
    for way in ("tf32", "bfloat16", "float32"):
        found[f"ensemble_{way}"] = lambda config, end, way=way: _ensemble(config, way)  # type: ignore[misc]
    return found | {TABLE: _table, "tilings": _tilings, "trial": _trial}


def run(config: GpuConfig) -> dict[str, str]:
    """Measure what is missing in the folder and return what became of each section."""
    config.out.mkdir(parents=True, exist_ok=True)
    end = time.monotonic() + config.budget_seconds
    outcome = {}
    for name, measure in sections().items():
        if config.sections and name not in config.sections:
            continue
        target, failure = config.out / f"{name}.json", config.out / f"{name}.error.txt"
        if target.exists():
            outcome[name] = "was there"
        elif time.monotonic() > end:
            outcome[name] = "no time left"
        else:
            started = time.monotonic()
            try:
                _write(target, measure(config, end))
            except Exception:  # noqa: BLE001 (whatever a section fails of, the others have to run on a borrowed device)
                failure.write_text(traceback.format_exc(), encoding="utf-8")
                outcome[name] = f"failed, see {failure.name}"
            else:
                failure.unlink(missing_ok=True)
                outcome[name] = f"{time.monotonic() - started:.1f} s"
        print(f"{name}: {outcome[name]}", flush=True)
    return outcome


def summary(folder: Path) -> list[str]:
    """Return the figures that have a bar, one line each, from what the folder holds."""
    lines = []
    for row in _read(folder, "messages", []):
        sizes = row["setting"]
        what = "{reduction}, {precision}, {ensemble} x {batch} x {num_slots} x {width}".format(**sizes)
        what += ", trained" if sizes["trained"] else ", frozen"
        if "error" in row:
            lines.append(f"{what}: failed, {row['error'].splitlines()[0]}")
        for way in ("eager", "replayed"):
            if f"share_of_limit_{way}" in row:
                ratio, share = row[f"ratio_to_edge_list_{way}"], row[f"share_of_limit_{way}"]
                lines.append(f"{what}, {way}: {ratio:.1f} x the edge list (bar 5), {share:.2f} of the limit (bar 0.5)")
    for way in PRECISIONS:
        found = _read(folder, f"ensemble_{way}", None)
        if found:
            text = f"{found['num_members']} members, {way}, {found['execution']}"
            lines.append(f"{text}: {found['ratio']:.1f} x one after another (bar 8)")
    lines += [
        f"Table 1, {row['precision']}: {row['minutes']['all']:.0f} min (goal 30)" for row in _read(folder, TABLE, [])
    ]
    checks = _read(folder, "correctness", [])
    if checks:
        lines.append(f"kernels against float64: {sum(row['passed'] for row in checks)} of {len(checks)} cases pass")
    return lines


def main() -> None:
    """Measure from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder of the results")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--quick", action="store_true", help="tiny sizes; the figures mean nothing")
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--budget-seconds", type=float, default=540.0)
    parser.add_argument("--sections", nargs="*", default=[], choices=list(sections()))
    arguments = vars(parser.parse_args())
    try:
        check_device(arguments["device"])
        config = GpuConfig(**arguments | {"sections": tuple(arguments["sections"])})
    except ValueError as error:
        parser.error(str(error))
    run(config)
    print("\n".join(summary(config.out)))


def _machine(config: GpuConfig, _: float) -> Any:
    return measure_machine(config.device, repeats=config.repeats, quick=config.quick)


def _correctness(config: GpuConfig, _: float) -> Any:
    if config.device == "cpu":
        return []  # there the kernels are checked by tests/ops/test_triton_pairs.py, through the interpreter
    from benchmarks.performance.gpu_correctness import LARGE, check

    return check(LARGE, config.device)


def _messages(config: GpuConfig, end: float) -> Any:
    from benchmarks.performance.gpu_messages import measure_messages, settings_of

    machine, rows = _needed(config, MACHINE), []
    for setting in settings_of(config.quick):
        if time.monotonic() > end:
            break
        try:
            rows.append(measure_messages(setting, machine, config.device, repeats=config.repeats))
        except device_errors() as error:  # too little memory, or a kernel that this device cannot run
            rows.append({"setting": asdict(setting), "error": str(error)[:500]})
        if config.device != "cpu":
            torch.cuda.empty_cache()
    return rows


def _tilings(config: GpuConfig, _: float) -> Any:
    if config.device == "cpu":
        return []  # the kernels run on GPUs only
    from benchmarks.performance.gpu_messages import measure_tilings

    return measure_tilings(config.device, repeats=3)


def _ensemble(config: GpuConfig, way: str) -> Any:
    from benchmarks.performance.gpu_training import measure_ensemble

    return measure_ensemble(config.device, way, quick=config.quick)


def _table(config: GpuConfig, _: float) -> Any:
    from benchmarks.performance.gpu_training import estimate_table

    return estimate_table(_ensembles(config), quick=config.quick)


def _trial(config: GpuConfig, end: float) -> Any:
    from benchmarks.performance.gpu_training import trial

    fastest = min(_ensembles(config), key=lambda found: found["ensemble_seconds_per_update"]["median"])
    return trial(config.device, fastest, max(1.0, end - time.monotonic()), quick=config.quick)


def _ensembles(config: GpuConfig) -> list[dict[str, Any]]:
    found = [_read(config.out, f"ensemble_{way}", None) for way in PRECISIONS]
    present: list[dict[str, Any]] = [one for one in found if one]
    if not present:
        raise FileNotFoundError(f"Expected a finished section ensemble_* in {config.out}.")
    return present


def _needed(config: GpuConfig, section: str) -> dict[str, Any]:
    found: dict[str, Any] | None = _read(config.out, section, None)
    if not found:
        raise FileNotFoundError(f"Expected the finished section {section} in {config.out}.")
    return found


def _read(folder: Path, section: str, default: Any) -> Any:
    path = folder / f"{section}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else default


def _write(path: Path, result: Any) -> None:
    """Write a result so that a file is there only when it is complete."""
    draft = path.with_suffix(".part")
    draft.write_text(json.dumps(result, indent=1), encoding="utf-8")
    draft.replace(path)


if __name__ == "__main__":
    main()
