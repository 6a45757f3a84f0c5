"""Where the numbers of a training run go."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol, runtime_checkable

from rmr_gym.atomic import write_atomically
from rmr_gym.errors import CorruptFileError, explain

Record = dict[str, int | float]
"""Numbers by name, with the `step` that they belong to."""


@runtime_checkable
class Sink(Protocol):
    """Takes records of named numbers by step."""

    def write(self, step: int, record: Mapping[str, float]) -> None:
        """Take the record of one update."""

    def rewind(self, step: int) -> int | None:
        """Forget records of `step` and later: the run starts there again.

        Returns:
            How many records are left; None where those of earlier sessions are not known.
        """


class MemorySink:
    """Keeps the records in a list.

    Attributes:
        records: one dictionary per record, with its `step`.
    """

    def __init__(self) -> None:
        self.records: list[Record] = []

    def write(self, step: int, record: Mapping[str, float]) -> None:
        """Take the record of one update."""
        self.records.append({"step": step, **record})

    def rewind(self, step: int) -> None:
        """Forget records of `step` and later; those of another process were never here."""
        self.records = [record for record in self.records if record["step"] < step]


class JsonlSink:
    """Appends each record as one line of JSON, at once, so that a killed run keeps its log.

    Args:
        path: the file; its folder is made if it does not exist.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        self._path.parent.mkdir(parents=True, exist_ok=True)

    def write(self, step: int, record: Mapping[str, float]) -> None:
        """Take the record of one update."""
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"step": step, **record}) + "\n")

    def rewind(self, step: int) -> int:
        """Forget records of `step` and later, and what cannot be read and comes after it; return how many are left."""
        kept = [record for record in _readable(self._path)[0] if record["step"] < step]
        write_atomically(self._path, "".join(json.dumps(record) + "\n" for record in kept).encode())
        return len(kept)


def read_records(path: str | Path) -> list[Record]:
    """Read the records of a `JsonlSink`, without a last line that a kill cut off.

    Returns:
        The records in the order in which they were written; none when there is no file.

    Raises:
        CorruptFileError: when another line is no record.
    """
    records, damaged = _readable(Path(path))
    if damaged is not None:
        fix = "Remove the file: once a training has ended, nothing but its curve needs it."
        got = f"something else in line {damaged}"
        raise CorruptFileError(explain(expected=f"a record of a training in each line of {path}", got=got, fix=fix))
    return records


def _readable(path: Path) -> tuple[list[Record], int | None]:
    """Return the records in front of the first line that is none, and the number of that line if there is one."""
    records: list[Record] = []
    lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []  # the last one is empty or cut off
    for number, line in enumerate(lines, start=1):
        try:
            record = json.loads(line)
        except ValueError:
            return records, number
        if not isinstance(record, dict) or "step" not in record:
            return records, number
        records.append(record)
    return records, None
