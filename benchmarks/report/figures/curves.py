"""Learning curves: loss, rank and active margins of every arm, a row of panels per game."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from benchmarks.report.figures.drawing import panels, style_of
from benchmarks.report.tables.curves import Curve

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PANELS = (
    ("abstract", "bit_loss", "processor: loss of bits"),
    ("natural", "loss", "encoder: loss"),
    ("natural", "effective_rank", "encoder: rank of a batch"),
    ("natural", "active_margins", "encoder: active margins"),
)
"""Stage, quantity and title; a column that no game has is left out."""


def draw_learning(curves: Sequence[Curve]) -> Figure | None:
    """Draw the mean over seeds, with the range of the seeds behind it; None when there is nothing to draw."""
    columns = [panel for panel in PANELS if any((one.kind, one.quantity) == panel[:2] for one in curves)]
    if not columns:
        return None
    games = list(dict.fromkeys(one.game for one in curves))
    figure, grid = panels(len(games), len(columns), width=2.7, height=1.5, top=0.75)
    arms: list[str] = []
    for row, game in zip(grid, games, strict=True):
        for axes, (kind, quantity, title) in zip(row, columns, strict=True):
            chosen = [one for one in curves if (one.game, one.kind, one.quantity) == (game, kind, quantity)]
            _panel(axes, chosen, arms)
            axes.set_title(f"{game}, {title}", fontsize=8)
    for axes in grid[-1]:
        axes.set_xlabel("gradient steps", fontsize=8)
    every = [axes for line in grid for axes in line]
    handles = {handle.get_label(): handle for axes in every for handle in axes.get_legend_handles_labels()[0]}
    figure.legend(handles=list(handles.values()), loc="upper center", ncols=6, fontsize=8)
    return figure


def _panel(axes: Axes, curves: Sequence[Curve], arms: list[str]) -> None:
    for curve in curves:
        if curve.arm not in arms:
            arms.append(curve.arm)
        colour, style = style_of(curve.arm, arms.index(curve.arm))
        axes.plot(curve.steps, curve.mean, color=colour, linestyle=style, label=curve.arm, linewidth=1.3)
        axes.fill_between(curve.steps, curve.low, curve.high, color=colour, alpha=0.15, linewidth=0)
    if not curves:
        axes.set_axis_off()
        axes.text(0.5, 0.5, "not recorded", ha="center", va="center", transform=axes.transAxes, fontsize=8)
    axes.tick_params(labelsize=7)
    axes.grid(visible=True, alpha=0.3)
