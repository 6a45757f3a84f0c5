"""Figure 4: the transfer matrix, clustered on both sides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.report.clustering import Clustering
from benchmarks.report.figures.drawing import INK, MARKS, VERDICTS
from benchmarks.report.tables.transfer import Transfer
from rmr_gym.pipeline.figures import new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def draw_transfer(transfer: Transfer) -> Figure:
    """Draw the matrix: colour and mark say the verdict, the number is the improvement in percent."""
    rows, columns = len(transfer.donors), len(transfer.games)
    figure = new_figure(width=3.4 + 0.5 * columns, height=2.7 + 0.36 * rows)
    ratios: dict[str, Any] = {"width_ratios": [1.0, 0.5 * columns], "height_ratios": [0.8, 0.36 * rows]}
    grid = figure.add_gridspec(2, 2, **ratios)
    axes = figure.add_subplot(grid[1, 1])
    _cells(axes, transfer)
    _tree(figure.add_subplot(grid[0, 1]), transfer.by_game, "top")
    _tree(figure.add_subplot(grid[1, 0]), transfer.by_donor, "left")
    from matplotlib.patches import Patch  # slow to import

    handles = [Patch(color=colour, label=f"{name} {MARKS[name]}") for name, colour in VERDICTS.items()]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), fontsize=8)
    return figure


def _cells(axes: Axes, transfer: Transfer) -> None:
    from matplotlib.colors import to_rgb

    blank = (1.0, 1.0, 1.0)
    cells = [[transfer.cells[donor, game] for game in transfer.games] for donor in transfer.donors]
    axes.imshow([[to_rgb(VERDICTS.get(one.judgement, blank)) for one in row] for row in cells], aspect="auto")
    for row, column in np.ndindex(len(transfer.donors), len(transfer.games)):
        one = cells[row][column]
        value = one.pairing.improvement
        text = f"{'' if value is None else format(value, '+.1f')} {MARKS[one.judgement]}".strip()
        # Black on every colour of the palette, also where the page is dark.
        axes.text(column, row, text, ha="center", va="center", fontsize=7, color="#000000")
        if transfer.donors[row] == transfer.games[column]:
            axes.add_patch(_frame(column, row))
    axes.set_xticks(range(len(transfer.games)), transfer.games, rotation=60, ha="right", fontsize=8)
    axes.set_yticks(range(len(transfer.donors)), transfer.donors, fontsize=8)
    axes.yaxis.tick_right()
    axes.yaxis.set_label_position("right")
    axes.set_xlabel("game that is learned")
    axes.set_ylabel("processor of")
    axes.tick_params(length=0)


def _frame(column: int, row: int) -> Any:
    from matplotlib.patches import Rectangle

    return Rectangle((column - 0.47, row - 0.47), 0.94, 0.94, fill=False, edgecolor="#000000", linewidth=1.2)


def _tree(axes: Axes, clustering: Clustering, orientation: str) -> None:
    from scipy.cluster import hierarchy

    axes.set_axis_off()
    if clustering.linkage is None:
        return
    hierarchy.dendrogram(
        clustering.linkage,
        ax=axes,
        orientation=orientation,
        no_labels=True,
        color_threshold=0,
        above_threshold_color=INK,
    )
    if orientation == "left":
        axes.invert_yaxis()  # the first row of the matrix is on top
