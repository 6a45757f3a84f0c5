"""Figure 5: the score against the width of the slots."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.report.figures.drawing import panels, style_of
from benchmarks.report.table import Row, Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_NAMES = {"rmr": "RMR", "c_swm": "C-SWM"}


def draw_bottleneck(table: Table, quantity: str) -> Figure:
    """Draw a panel per game: mean over seeds, bars of one sample deviation."""
    games = list(dict.fromkeys(str(row.values["game"]) for row in table.rows))
    columns = min(len(games), 4)
    figure, grid = panels(-(-len(games) // columns), columns, width=2.8, height=2.1, left=0.75, top=0.1)
    places = [axes for line in grid for axes in line]
    for unused in places[len(games) :]:
        unused.remove()
    for axes, game in zip(places, games, strict=False):
        rows = [row for row in table.rows if row.values["game"] == game]
        for arm, name in _NAMES.items():
            points = [(_number(row, "width"), _number(row, arm), _number(row, f"{arm}_std")) for row in rows]
            there = [point for point in points if point[1] is not None]
            if there:
                colour, style = style_of(arm)
                widths, means, deviations = zip(*there, strict=True)
                bars = [value or 0.0 for value in deviations]
                axes.errorbar(
                    widths, means, yerr=bars, color=colour, linestyle=style, marker="o", capsize=3, label=name
                )
        ticks = [_number(row, "width") or 0.0 for row in rows]
        axes.set_xscale("log", base=2)
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.minorticks_off()
        axes.set_title(game, fontsize=10)
        axes.set_xlabel("width of a slot")
        axes.set_ylabel(quantity, fontsize=8)
        axes.grid(visible=True, alpha=0.3)
        axes.legend(fontsize=8)
    return figure


def _number(row: Row, name: str) -> float | None:
    value = row.values.get(name)
    return float(value) if isinstance(value, int | float) else None
