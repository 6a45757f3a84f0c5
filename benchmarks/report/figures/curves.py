"""Learning curves of every arm: a row of panels per game, or games beside each other where there is one quantity."""

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


WRAP = 4
"""Games beside each other where each has one panel."""


def draw_learning(curves: Sequence[Curve]) -> Figure | None:
    """Draw the mean over seeds, with the range of the seeds behind it; None when there is nothing to draw."""
    shown = [panel for panel in PANELS if any((one.kind, one.quantity) == panel[:2] for one in curves)]
    if not shown:
        return None
    wanted = [(game, *panel) for game in dict.fromkeys(one.game for one in curves) for panel in shown]
    num_columns = len(shown) if len(shown) > 1 else min(len(wanted), WRAP)
    num_rows = -(-len(wanted) // num_columns)
    figure, grid = panels(num_rows, num_columns, width=2.7, height=1.5, top=0.75)
    places = [axes for line in grid for axes in line]
    for unused in places[len(wanted) :]:
        unused.remove()
    arms: list[str] = []
    for index, (axes, (game, kind, quantity, title)) in enumerate(zip(places, wanted, strict=False)):
        _panel(axes, [one for one in curves if (one.game, one.kind, one.quantity) == (game, kind, quantity)], arms)
        axes.set_title(f"{game}, {title}" if len(shown) > 1 else game, fontsize=8)
        if len(shown) == 1 and index % num_columns == 0:
            axes.set_ylabel(title, fontsize=8)
        if index + num_columns >= len(wanted):  # nothing below it
            axes.set_xlabel("gradient steps", fontsize=8)
    drawn = places[: len(wanted)]
    handles = {handle.get_label(): handle for axes in drawn for handle in axes.get_legend_handles_labels()[0]}
    width = 2 if num_columns == 1 else 6
    figure.legend(handles=list(handles.values()), loc="upper center", ncols=width, fontsize=8)
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
