"""How a single measurement becomes a program: settings from the command line, the result into a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol, TypeVar

import tyro

from rmr_gym.documents import write_json
from rmr_gym.program import run_program


def comparable(document: Any) -> Any:
    """Return JSON values that tell machines apart: memory in whole GiB, since kernels keep more or less for themselves.

    Example:
        >>> comparable({"machine": {"cores": 2, "memory_bytes": 25276059648}})
        {'machine': {'cores': 2, 'memory_bytes': '24 GiB'}}
    """
    if not isinstance(document, Mapping):
        return document
    return {
        name: f"{value / 2**30:.0f} GiB" if name == "memory_bytes" and value else comparable(value)
        for name, value in document.items()
    }


class Settings(Protocol):
    """A frozen dataclass whose fields are the options."""

    @property
    def out(self) -> Path | None:
        """JSON file for the result; None prints it only."""


S = TypeVar("S", bound=Settings)


def run_measurement(
    name: str, settings: type[S], measure: Callable[[S], Mapping[str, Any]], description: str | None
) -> int:
    """Read the settings, measure, write the result where `out` says, and return the exit status.

    Args:
        name: dotted name of the module, as after `python -m`.
        settings: class of the settings.
        measure: prints what it finds and returns it as JSON values.
        description: for `--help`.
    """
    program = f"python -m {name}"

    def work() -> None:
        config = tyro.cli(settings, prog=program, description=description)
        result = measure(config)
        if config.out is not None:
            write_json(config.out, result)

    return run_program(program, work)
