"""Interquartile means and probabilities of improvement with their intervals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from benchmarks.report.comparison import counted
from benchmarks.report.figures.drawing import INK, panels, style_of
from benchmarks.report.table import Row, Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_PANELS = (("iqm", "IQM of the bit F1"), ("normalised", "IQM, normalised"), ("improvement", "P(RMR > arm)"))


def draw_aggregates(table: Table) -> Figure:
    """Draw a row of panels per readout, an arm per line; hollow: RMR on the same games and seeds."""
    from matplotlib.lines import Line2D  # slow to import

    readouts = list(dict.fromkeys(str(row.values["readout"]) for row in table.rows))
    most = max(sum(row.values["readout"] == readout for row in table.rows) for readout in readouts)
    figure, grid = panels(len(readouts), len(_PANELS), width=2.6, height=0.3 + 0.32 * most, left=1.35, top=0.45)
    for line, readout in zip(grid, readouts, strict=True):
        rows = [row for row in table.rows if row.values["readout"] == readout]
        for axes, (name, title) in zip(line, _PANELS, strict=True):
            _panel(axes, rows, name)
            axes.set_title(f"{title} ({readout.replace('_', ' ')})", fontsize=9)
    marks = (("the arm", INK, INK), ("RMR on the same games and seeds", style_of("rmr")[0], "none"))
    handles = [
        Line2D([], [], color=colour, marker="o", markersize=5, markerfacecolor=face, label=label)
        for label, colour, face in marks
    ]
    figure.legend(handles=handles, loc="upper center", ncols=2, fontsize=8)
    return figure


def _panel(axes: Axes, rows: Sequence[Row], name: str) -> None:
    for height, row in enumerate(reversed(rows)):
        arm = str(row.values["arm"])
        colour = style_of(arm)[0]
        _interval(axes, row, name, height, colour, filled=True)
        if name != "improvement":
            _interval(axes, row, f"rmr_{name}", height - 0.25, style_of("rmr")[0], filled=False)
    if name == "improvement":
        axes.axvline(0.5, color=INK, linewidth=0.8)
        axes.set_xlim(-0.03, 1.03)
    axes.set_yticks(range(len(rows)), list(reversed(_labels(rows, name))), fontsize=7)
    axes.set_ylim(-0.7, len(rows) - 0.4)
    axes.tick_params(axis="x", labelsize=7)
    axes.grid(visible=True, axis="x", alpha=0.3)


def _labels(rows: Sequence[Row], name: str) -> list[str]:
    """Name the arms, with what each rests on where that is not the same for all, so that nobody compares the lines."""
    arms = [str(row.values["arm"]) for row in rows]
    if len({(row.values["game_names"], row.values["seeds"]) for row in rows}) == 1:
        return arms
    games = [row.values["normalised_games" if name == "normalised" else "games"] for row in rows]
    seeds = [row.values["seeds"] for row in rows]
    counts = [
        f"({counted(int(number or 0), 'game')}, {counted(int(some or 0), 'seed')})"
        for number, some in zip(games, seeds, strict=True)
    ]
    return [f"{arm}\n{count}" for arm, count in zip(arms, counts, strict=True)]


def _interval(axes: Axes, row: Row, name: str, height: float, colour: str, *, filled: bool) -> None:
    value, low, high = (row.values.get(key) for key in (name, f"{name}_low", f"{name}_high"))
    if isinstance(value, float) and isinstance(low, float) and isinstance(high, float):
        axes.plot([low, high], [height, height], color=colour, linewidth=1.6)
        axes.plot(value, height, "o", color=colour, markersize=5, fillstyle="full" if filled else "none")
