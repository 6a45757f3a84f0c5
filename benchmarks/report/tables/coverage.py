"""What has been run, game by game, out of what the paper has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from benchmarks.report.evidence import Evidence
from benchmarks.report.options import Options
from benchmarks.report.origin import origin
from benchmarks.report.paper import NUM_SEEDS
from benchmarks.report.table import Column, Row, Table, Value
from benchmarks.report.tables.spread import failed
from benchmarks.result import Result
from rmr_gym.envs.games import GAMES

_ABOUT = (
    "Finished experiments per game. Abstract: seeds of MLP, Deep Sets and MPNN together. RMR and C-SWM: seeds on "
    "the game's own processor. Controls: how many of the other seven arms have been run, and the smallest number of "
    "their seeds. Donors: processors of other games that RMR took. Widths: of the slots. The paper has 24 games, "
    f"{NUM_SEEDS} seeds, 23 donors and 6 widths."
)


def coverage_table(evidence: Evidence, _options: Options) -> Table:
    """Count the experiments of each game."""
    games = list(dict.fromkeys([*GAMES, *evidence.games("abstract"), *evidence.games("natural")]))
    rows = [Row(values=_row(evidence, game)) for game in games]
    results = evidence.results
    profiles = ", ".join(f"{name} ({count})" for name, count in sorted(Counter(map(origin, results)).items()))
    with_any = sum(bool(row.values["experiments"]) for row in rows)
    notes = [*failed(evidence), *evidence.problems]
    return Table(
        name="coverage",
        title="What has been run",
        about=_ABOUT,
        columns=_columns(),
        rows=tuple(rows),
        summary=(
            f"{len(results)} experiments on {with_any} of {len(GAMES)} games, {spent(results)}; "
            f"profile {profiles}; {len(evidence.failures)} failed.",
        ),
        notes=tuple(notes),
    )


def spent(results: Sequence[Result]) -> str:
    """Say how long experiments took; several run side by side, so the clock showed less than their sum.

    Example:
        >>> from types import SimpleNamespace
        >>> spent([SimpleNamespace(seconds={"wall": 5400.0, "processor": 9000.0})] * 2)
        '3.0 hours of experiments, added up (5.0 of CPU time)'
    """
    wall, processor = (sum(one.seconds.get(name) or 0.0 for one in results) / 3600 for name in ("wall", "processor"))
    return f"{wall:.1f} hours of experiments, added up ({processor:.1f} of CPU time)"


def _row(evidence: Evidence, game: str) -> dict[str, Value]:
    of_game = [one for one in evidence.results if one.game == game]
    natural = [one for one in of_game if one.kind == "natural"]
    width = evidence.width("natural")
    others = [arm for arm in evidence.arms("natural") if arm not in ("rmr", "c_swm")]
    run = [len(seeds) for seeds in (evidence.at("natural", game, arm) for arm in others) if seeds]
    return {
        "game": game,
        "experiments": len(of_game),
        "abstract": sum(one.kind == "abstract" for one in of_game),
        "rmr": len(evidence.at("natural", game, "rmr")),
        "c_swm": len(evidence.at("natural", game, "c_swm")),
        "controls": len(run),
        "controls_seeds": min(run, default=0),
        "donors": len({one.donor for one in natural if one.donor != game and one.slot_dim == width}),
        "widths": len({one.slot_dim for one in natural}),
    }


def _columns() -> tuple[Column, ...]:
    return (
        Column(name="game", heading="game"),
        Column(name="experiments", heading="experiments", style="count"),
        Column(name="abstract", heading="abstract", style="count"),
        Column(name="rmr", heading="RMR", style="count"),
        Column(name="c_swm", heading="C-SWM", style="count"),
        Column(name="controls", heading="controls", style="count"),
        Column(name="controls_seeds", heading="their seeds", style="count"),
        Column(name="donors", heading="donors", style="count"),
        Column(name="widths", heading="widths", style="count"),
    )
