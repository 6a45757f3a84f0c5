from __future__ import annotations

import io

from rich.console import Console

from rmr_gym.pipeline.progress import Reporter, spent


def _shown(*, terminal: bool) -> str:
    file = io.StringIO()
    reporter = Reporter(Console(file=file, force_terminal=terminal, width=100))
    with reporter.task("Playing") as progress:
        progress(1, 2)
        progress(2, 2)
    reporter.line("Played [2] episodes")
    return file.getvalue()


def test_reporter_shows_bars_on_a_terminal() -> None:
    assert "Playing" in _shown(terminal=True)


def test_reporter_prints_lines_only_elsewhere() -> None:
    assert _shown(terminal=False) == "Played [2] episodes\n"


def test_reporter_without_a_console_is_silent() -> None:
    reporter = Reporter()
    with reporter.task("Playing") as progress:
        progress(1, 1)
    reporter.line("nothing")


def test_spent_names_both_kinds_of_time() -> None:
    assert spent({"timing": {"wall_seconds": 2.04, "cpu_seconds": 1.0}}) == " (2.0 s, 1.0 s of processor time)"
