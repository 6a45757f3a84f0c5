"""Scores of all arms, seed by seed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.report.figures.drawing import panels, style_of
from benchmarks.report.measure import READOUTS
from benchmarks.report.table import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw_controls(table: Table) -> Figure:
    """Draw a row of panels per game, a panel per readout: mean and one sample deviation of each arm."""
    games = list(dict.fromkeys(str(row.values["game"]) for row in table.rows))
    most = max(sum(row.values["game"] == game for row in table.rows) for game in games)
    figure, grid = panels(len(games), len(READOUTS), width=2.6, height=0.3 + 0.2 * most, left=1.25, top=0.1)
    for line, game in zip(grid, games, strict=True):
        rows = [row for row in table.rows if row.values["game"] == game]
        for axes, readout in zip(line, READOUTS, strict=True):
            for height, row in enumerate(reversed(rows)):
                mean, std = row.values.get(readout), row.values.get(f"{readout}_std")
                if isinstance(mean, float):
                    colour = style_of(str(row.values["arm"]))[0]
                    bar = std if isinstance(std, float) else 0.0
                    axes.errorbar(mean, height, xerr=bar, color=colour, marker="o", markersize=5, capsize=2)
            axes.set_yticks(range(len(rows)), [str(row.values["arm"]) for row in reversed(rows)], fontsize=8)
            axes.set_ylim(-0.6, len(rows) - 0.4)
            axes.tick_params(axis="x", labelsize=7)
            axes.locator_params(axis="x", nbins=4)  # scores of four digits stand close
            axes.set_title(f"{game}, {readout.replace('_', ' ')}", fontsize=9)
            axes.grid(visible=True, axis="x", alpha=0.3)
    return figure
