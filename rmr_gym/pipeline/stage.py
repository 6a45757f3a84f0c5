"""A stage of the chain: a folder that says what went in, holds what came out, and knows when it is finished."""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rmr_gym.documents import differences, exclusive, read_json, write_json
from rmr_gym.errors import explain

__all__ = [
    "EPISODES",
    "LOG_FILE",
    "RESULT_FILE",
    "STATE_FOLDER",
    "JsonObject",
    "Stage",
    "Stopwatch",
    "begun_file",
    "check_stage",
    "exclusive",
    "has_work",
    "peak_memory_bytes",
    "write_json",
]

RESULT_FILE, LOG_FILE, STATE_FOLDER = "result.json", "log.jsonl", "state"

EPISODES = "ep-*.arrow"
"""What a recording goes on with."""

_STATES = (f"{STATE_FOLDER}/*",)
"""What a training goes on with."""

JsonObject = dict[str, Any]


class Stage:
    """One step of the chain in its folder.

    The result is written last and atomically, together with the inputs on which it depends: configs, seeds,
    fingerprints of data and weights. So a stage is finished exactly when its result is there. Until then the inputs
    stand in a file of their own, so that nobody continues from states that were trained with other settings. A call
    that was refused before there was anything to go on with binds nobody: its inputs are replaced.

    Args:
        folder: made if it does not exist.
        inputs: JSON values on which the outcome depends.
        result_name: name of the file of the result.
        work: patterns of files in the folder that a later call goes on with.

    Attributes:
        inputs: those JSON values, as they come back from a file.
        resumed: whether an earlier session had begun the stage.

    Raises:
        ValueError: when the stage was begun with other inputs, which the message names, or the result there is that of
            something else.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     first = Stage(folder, {"seed": 0})
        ...     first.finished, first.finish({"score": 1.0})["score"], Stage(folder, {"seed": 0}).finished
        (False, 1.0, True)
    """

    def __init__(
        self,
        folder: str | Path,
        inputs: Mapping[str, Any],
        *,
        result_name: str = RESULT_FILE,
        work: Sequence[str] = _STATES,
    ) -> None:
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self._result, self._begun = folder / result_name, begun_file(folder, result_name)
        self.inputs: JsonObject = json.loads(json.dumps(inputs))  # lists for tuples, as they come back from a file
        self.resumed = self._begun.exists()
        self._stopwatch = Stopwatch()
        if not check_stage(folder, self.inputs, result_name=result_name, work=work):
            write_json(self._begun, self.inputs)

    @property
    def finished(self) -> bool:
        """Whether the result is there."""
        return self._result.exists()

    @property
    def result(self) -> JsonObject:
        """The result of a finished stage, with its `inputs` and its `timing`."""
        result: JsonObject = read_json(self._result)
        return result

    def finish(self, result: Mapping[str, Any], *, shared_by: int = 1) -> JsonObject:
        """Write the result, with the time that this session spent on the stage, and return it.

        Args:
            result: JSON values.
            shared_by: stages on which the time was spent together; each records an equal share.
        """
        spent = {name: round(seconds / shared_by, 3) for name, seconds in self._stopwatch.read().items()}
        timing = spent | {"resumed": self.resumed}
        write_json(self._result, {"inputs": self.inputs, **result, "timing": timing})
        self._begun.unlink(missing_ok=True)
        return self.result

    def reopen(self) -> None:
        """Take the result back, because not all is there any more that it describes; the stage counts as resumed."""
        write_json(self._begun, self.inputs)
        self._result.unlink()
        self.resumed = True


def check_stage(
    folder: Path, inputs: Mapping[str, Any], *, result_name: str = RESULT_FILE, work: Sequence[str] = _STATES
) -> bool:
    """Compare inputs with those of the stage in a folder, which `Stage` would open. Writes nothing.

    Args:
        folder: see `Stage`.
        inputs: see `Stage`.
        result_name: see `Stage`.
        work: see `Stage`.

    Returns:
        Whether there is anything to go on with.

    Raises:
        ValueError: as `Stage`.
    """
    result, begun, now = folder / result_name, begun_file(folder, result_name), json.loads(json.dumps(inputs))
    if result.exists():
        _require_equal(_inputs_of(read_json(result), result), now, result)
    elif begun.exists() and has_work(folder, work):
        _require_equal(read_json(begun), now, begun)
    else:
        return False
    return True


def has_work(folder: Path, work: Sequence[str] = (RESULT_FILE, *_STATES)) -> bool:
    """Say whether there is a file of one of the patterns: by default, whether a training has ended or left states."""
    return any(any(folder.glob(pattern)) for pattern in work)


def begun_file(folder: str | Path, result_name: str = RESULT_FILE) -> Path:
    """Return the file that holds the inputs of a stage which has begun and not ended."""
    return Path(folder, result_name).with_suffix(".begun.json")


class Stopwatch:
    """Measures wall and processor time from its creation on."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def read(self) -> dict[str, float]:
        """Return the seconds since the creation: by the clock, and of all cores of this process together."""
        wall, cpu = time.perf_counter() - self._wall, time.process_time() - self._cpu
        return {"wall_seconds": round(wall, 3), "cpu_seconds": round(cpu, 3)}


def peak_memory_bytes() -> int:
    """Return the largest resident memory that this process has had."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # Linux counts in kibibytes


def _inputs_of(result: object, path: Path) -> object:
    """Return the inputs in a result, which may be that of a whole run or of another program."""
    if isinstance(result, dict) and "inputs" in result:
        return result["inputs"]
    fix = "Pass another --out."
    raise ValueError(explain(expected=f"the result of a stage in {path}", got="that of something else", fix=fix))


_MADE_BEFORE = ("encoder", "processor")
"""Inputs that are fingerprints of what an earlier stage made."""


def _require_equal(before: object, now: object, file: Path) -> None:
    # An option that came later and is not used must not end what was begun without it.
    changed = differences(_without_none(before), _without_none(now))
    if changed:
        fix = "Repeat the settings of the first call, or pass another --out."
        if all(line.split(":")[0] in _MADE_BEFORE for line in changed):
            # States of a training around the earlier one would be gone on with.
            old = " and ".join(str(path) for path in (file, file.with_name(STATE_FOLDER)) if path.exists())
            fix = f"What goes in was made again. Remove {old}, and so will be what comes out; or pass another --out."
        got = f"other settings: {'; '.join(changed)}"
        raise ValueError(explain(expected=f"the settings with which {file.parent} was begun", got=got, fix=fix))


def _without_none(value: Any) -> Any:
    """Leave out the fields that are None."""
    if isinstance(value, dict):
        return {key: _without_none(part) for key, part in value.items() if part is not None}
    return [_without_none(part) for part in value] if isinstance(value, list) else value
