"""Measures one subject in this process, which the suite starts for it: clean memory, no threads left over.

python -m benchmarks.performance.worker benchmarks.performance.messages out.json '{"repeats": 5}'
"""

from __future__ import annotations

import importlib
import json
import sys
import time
from pathlib import Path
from typing import Protocol

from benchmarks.performance.settings import Settings


class Measured(Protocol):
    """A comparison or a curve."""

    def as_json(self) -> dict[str, object]:
        """Return it as JSON values."""


def measure(module: str, settings: Settings) -> dict[str, object]:
    """Import a module and let it measure.

    Args:
        module: dotted name of a module with `measure(settings)`.
        settings: of the comparisons.

    Returns:
        Wall-clock seconds, the import of the module included, and the results as JSON values.
    """
    started = time.perf_counter()
    results: list[Measured] = importlib.import_module(module).measure(settings)
    return {"seconds": round(time.perf_counter() - started, 1), "results": [result.as_json() for result in results]}


def main() -> None:
    """Run from the command line: name of the module, file for the result, settings as JSON."""
    module, out, settings = sys.argv[1:]
    Path(out).write_text(json.dumps(measure(module, Settings(**json.loads(settings)))), encoding="utf-8")


if __name__ == "__main__":
    main()
