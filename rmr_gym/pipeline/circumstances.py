"""How the numbers of a run came to be: seconds of the stages, machine, versions and command."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rmr_gym.pipeline.config_json import read_json
from rmr_gym.pipeline.machine import hardware, versions
from rmr_gym.pipeline.stage import JsonObject, Stopwatch, peak_memory_bytes


def circumstances(
    parts: Mapping[str, Sequence[JsonObject]],
    stopwatch: Stopwatch,
    *,
    device: str,
    command_line: Sequence[str],
    before: Mapping[str, Any],
) -> JsonObject:
    """Say how a result came to be.

    Args:
        parts: records of the stages by the name of the step.
        stopwatch: runs since the session began.
        device: where the networks ran.
        command_line: what the user called.
        before: what `earlier` returned; it takes the place of what is known of this session.

    Returns:
        `timing`, `machine`, `versions` and `command_line`. The seconds of a stage that was resumed are those of its
        last session.
    """
    seconds = {
        name: {
            kind: round(sum(record["timing"][kind] for record in records), 3)
            for kind in ("wall_seconds", "cpu_seconds")
        }
        for name, records in parts.items()
    }
    now = session(stopwatch, device=device, command_line=command_line, before=before)
    return {**now, "timing": {"stages": seconds, **now["timing"]}}


def session(stopwatch: Stopwatch, *, device: str, command_line: Sequence[str], before: Mapping[str, Any]) -> JsonObject:
    """Say what this session has spent, and where; arguments and values as of `circumstances`, but for the stages."""
    return {
        "timing": {"peak_memory_bytes": peak_memory_bytes(), "this_session": stopwatch.read()},
        "machine": hardware(device),
        "versions": versions(),
        "command_line": list(command_line),
        **before,
    }


def earlier(result: Path, records: Iterable[Path]) -> JsonObject:
    """Return the circumstances of a result to which nothing is left to add, else nothing.

    A call that only shows a finished run again, perhaps on another device, has no part in its numbers.

    Args:
        result: file of the result of the whole run.
        records: files that the stages leave when they are finished.
    """
    if not all(path.exists() for path in (result, *records)):
        return {}
    document = read_json(result)
    kept = {key: document[key] for key in ("machine", "versions", "command_line")}
    timing = document.get("timing", {})  # a bottleneck of before has none
    return {"timing": {key: timing[key] for key in ("peak_memory_bytes", "this_session") if key in timing}, **kept}
