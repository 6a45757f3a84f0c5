"""The picture of the measurement: score by skill, a panel per game."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rmr_gym.pipeline.figures import new_figure, save_figure

JsonObject = Mapping[str, Any]

_COLUMNS = 6

_BLIND, _LOOKING = "#999999", "#0072B2"  # Okabe and Ito's blue, and gray


def draw(record: JsonObject, path: Path) -> None:
    """Draw a record as PNG."""
    games = record["games"]
    columns = min(_COLUMNS, len(games))
    rows = -(-len(games) // columns)
    figure = new_figure(width=0.6 + 2.0 * columns, height=0.8 + 1.6 * rows)
    panels = figure.subplots(rows, columns, squeeze=False).flat
    for panel, (game, found) in zip(panels, games.items(), strict=False):
        for looking, colour, marker in ((False, _BLIND, "x"), (True, _LOOKING, "o")):
            shown = [player for player in found["players"] if player["looks_ahead"] == looking]
            panel.plot(
                [player["skill"] for player in shown],
                [player["mean_score"] for player in shown],
                marker,
                color=colour,
                markersize=4,
                label="looks ahead" if looking else "random",
            )
        panel.set_title(game, fontsize=8)
        panel.tick_params(labelsize=6)
        panel.set_xlim(-0.05, 1.05)
        panel.grid(visible=True, alpha=0.3)
    for panel in panels:
        panel.set_visible(False)
    first = figure.axes[0]
    first.set_ylabel("mean score", fontsize=7)
    first.set_xlabel("skill", fontsize=7)
    handles, labels = first.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, fontsize=8, frameon=False)
    save_figure(figure, path)
