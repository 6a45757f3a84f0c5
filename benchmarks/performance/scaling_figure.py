"""The figure of the curves: a panel per quantity that is varied, both axes logarithmic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rmr_gym.pipeline.figures import STYLES, new_figure, save_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FIGURE = "performance_scaling.png"

_MIN_RANGE, _ROOM_FOR_LEGEND = 10.0, 8.0
_COLUMNS, _PANEL_WIDTH, _PANEL_HEIGHT = 3, 4.4, 3.6


def draw_scaling(path: Path, curves: Sequence[Mapping[str, Any]]) -> None:
    """Draw seconds against size: medians as lines, lowest to highest as a band, exponents in the legend.

    Args:
        path: PNG file.
        curves: as in the record; those of one `panel` share its axes.
    """
    panels = list(dict.fromkeys(curve["panel"] for curve in curves))
    rows = -(-len(panels) // _COLUMNS)
    figure = new_figure(width=_PANEL_WIDTH * min(_COLUMNS, len(panels)), height=_PANEL_HEIGHT * rows)
    for number, panel in enumerate(panels):
        axes = figure.add_subplot(rows, min(_COLUMNS, len(panels)), number + 1)
        _panel(axes, panel, [curve for curve in curves if curve["panel"] == panel])
    save_figure(figure, path)


def _panel(axes: Axes, panel: str, curves: Sequence[Mapping[str, Any]]) -> None:
    for curve, (colour, style) in zip(curves, STYLES, strict=False):
        sizes = [point["size"] for point in curve["points"]]
        spreads = [point["seconds"] for point in curve["points"]]
        growth = "" if curve["exponent"] is None else f" (exponent {curve['exponent']:.2f})"
        axes.plot(
            sizes,
            [spread["median"] for spread in spreads],
            style,
            color=colour,
            marker="o",
            markersize=3.5,
            linewidth=1.5,
            label=f"{curve['variant']}{growth}",
        )
        lowest, highest = ([spread[name] for spread in spreads] for name in ("lowest", "highest"))
        axes.fill_between(sizes, lowest, highest, color=colour, alpha=0.15, linewidth=0)
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_ylim(*_limits(curves))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.minorticks_off()
    ticks = sorted({point["size"] for curve in curves for point in curve["points"]})
    axes.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
    axes.set_title(curves[0]["work"], fontsize=9)
    axes.set_xlabel(panel)
    axes.set_ylabel("seconds")
    axes.grid(visible=True, alpha=0.3)
    axes.legend(fontsize=8, loc="upper left")


def _limits(curves: Sequence[Mapping[str, Any]]) -> tuple[float, float]:
    """Return the ends of the axis: some room for the legend, and a decade at least, lest noise looks like growth."""
    spreads = [point["seconds"] for curve in curves for point in curve["points"]]
    lowest, highest = min(spread["lowest"] for spread in spreads), max(spread["highest"] for spread in spreads)
    missing = max(1.0, _MIN_RANGE * lowest / highest) ** 0.5
    return lowest / missing / 1.5, highest * missing * _ROOM_FOR_LEGEND
