"""Compare the speed of the hot paths with what people use otherwise, and show how their cost grows.

    python -m benchmarks.performance --only messages steps
    python -m benchmarks.performance --resume
    python -m benchmarks.performance show benchmarks/results/performance.json --markdown

The exit status is 1 when a subject failed, 2 after a mistake in the arguments, and 130 after
Ctrl-C, which keeps what is finished.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tyro
from rich.console import Console

from benchmarks.performance.page import update_page
from benchmarks.performance.report import as_markdown, as_table, curves
from benchmarks.performance.scaling_figure import FIGURE, draw_scaling
from benchmarks.performance.suite import PAGE, RECORD, SuiteConfig, failures, run
from rmr_gym.pipeline.config_json import read_json
from rmr_gym.program import FAILED, exit_on_sigterm, run_program

_PROGRAM = "python -m benchmarks.performance"
_FILE_WIDTH = 160


@dataclass(frozen=True, kw_only=True, slots=True)
class ShowConfig:
    """Settings of `python -m benchmarks.performance show`."""

    path: tyro.conf.Positional[Path]
    """JSON file of the suite."""

    markdown: bool = False
    """Print Markdown."""

    page: Path | None = None
    """Page of the documentation whose tables are replaced; see page.py."""

    figures: Path | None = None
    """Folder in which the figure is drawn anew."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line.

    Args:
        arguments: what follows the name of the module; those of the process by default.

    Returns:
        Exit status.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    if arguments is None:
        exit_on_sigterm()
    return run_program(_PROGRAM, lambda: _execute(words), on_interrupt="--resume goes on.")


def _execute(words: Sequence[str]) -> int:
    if words[:1] == ["show"]:
        _show(tyro.cli(ShowConfig, args=words[1:], prog=f"{_PROGRAM} show", description="Show a record."))
        return 0
    return _measure(tyro.cli(SuiteConfig, args=words, prog=_PROGRAM, description=__doc__))


def _measure(config: SuiteConfig) -> int:
    console = _console()
    document = run(config, console=console)
    console.print(as_table(document))
    console.print(f"Written to {config.record}.", markup=False, highlight=False)
    _draw(document, config.figures_folder)
    if config.record == RECORD:
        update_page(PAGE, RECORD)
    failed = failures(document, config.only)
    if failed:
        console.print(f"Failed: {', '.join(failed)}.", style="red", highlight=False)
    return FAILED if failed else 0


def _show(config: ShowConfig) -> None:
    document = read_json(config.path)
    if config.markdown:
        print(as_markdown(document), end="")
    else:
        _console().print(as_table(document))
    if config.page is not None:
        update_page(config.page, config.path)
    if config.figures is not None:
        _draw(document, config.figures)


def _draw(document: Mapping[str, Any], folder: Path) -> None:
    """Draw the curves of a record, if it has any."""
    found = curves(document)
    if found:
        folder.mkdir(parents=True, exist_ok=True)
        draw_scaling(folder / FIGURE, found)


def _console() -> Console:
    console = Console()
    # A file or a pipe has no width of its own.
    return console if console.is_terminal else Console(width=_FILE_WIDTH)


if __name__ == "__main__":
    sys.exit(main())
