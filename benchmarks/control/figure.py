"""The picture of the comparison: a panel of curves per task, and the differences to NatureCNN below."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.control.arms import BASELINE
from rmr_gym.pipeline.figures import new_figure, save_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

JsonObject = Mapping[str, Any]

# Okabe and Ito's palette; the line styles say the kind of arm once more.
STYLES = {
    "nature_cnn": ("#000000", "-"),
    "rmr": ("#0072B2", "-"),
    "c_swm": ("#D55E00", "--"),
    "end_to_end": ("#CC79A7", "--"),
    "untrained": ("#E69F00", "-."),
    "rmr_fine_tuned": ("#56B4E9", (0, (5, 1))),
    "privileged": ("#009E73", ":"),
}

_TITLES = {"balls_push": "push the ball to the middle"}


def draw(record: JsonObject, path: Path) -> None:
    """Draw a record as PNG."""
    tasks = record["tasks"]
    figure = new_figure(width=1.0 + 4.2 * len(tasks), height=7.0)
    panels = figure.subplots(2, len(tasks), squeeze=False, gridspec_kw={"height_ratios": [3, 2]})
    for column, (task, found) in enumerate(tasks.items()):
        _curves(panels[0][column], task, found)
        _differences(panels[1][column], found)
    panels[0][0].set_ylabel("return of an evaluation")
    handles = {handle.get_label(): handle for axes in panels[0] for handle in axes.get_legend_handles_labels()[0]}
    columns = min(4, 2 * len(tasks))
    figure.legend(handles=[*handles.values()], loc="outside lower center", ncols=columns, fontsize=8, frameon=False)
    save_figure(figure, path)


def _curves(axes: Axes, task: str, found: JsonObject) -> None:
    for name, arm in found["arms"].items():
        colour, style = STYLES[name]
        thousands = [step / 1_000 for step in arm["steps"]]
        for row in arm["returns"]:
            axes.plot(thousands, row, color=colour, linewidth=0.5, alpha=0.3)
        axes.plot(thousands, [p["estimate"] for p in arm["curve"]], color=colour, linestyle=style, label=arm["label"])
        low, high = ([p[end] for p in arm["curve"]] for end in ("low", "high"))
        axes.fill_between(thousands, low, high, color=colour, alpha=0.12, linewidth=0)
    random = found["random_play"]["mean_return"]
    axes.axhline(random, color="0.5", linewidth=0.8, linestyle=(0, (1, 3)), label="random play")
    seeds = sorted({len(arm["seeds"]) for arm in found["arms"].values()})
    counted = f"{seeds[0]} seed{'s' if seeds[0] > 1 else ''}" if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]} seeds"
    axes.set_title(f"{_TITLES.get(task, task)} ({counted} each)", fontsize=10)
    axes.set_xlabel("thousand environment steps")
    axes.grid(visible=True, alpha=0.3)


def _differences(axes: Axes, found: JsonObject) -> None:
    rows = list(reversed(found["against_nature_cnn"]))
    for height, one in enumerate(rows):
        colour, difference = STYLES[one["first"]][0], one["difference"]
        axes.plot(difference["per_seed"], [height] * len(one["seeds"]), "o", color=colour, markersize=3, alpha=0.4)
        axes.plot([difference["low"], difference["high"]], [height, height], color=colour, linewidth=2)
        axes.plot(difference["estimate"], height, "D", color=colour, markersize=6)
    axes.axvline(0, color=STYLES[BASELINE][0], linewidth=1)
    axes.set_yticks(range(len(rows)), [found["arms"][one["first"]]["label"] for one in rows], fontsize=8)
    axes.margins(x=0.1)
    axes.set_ylim(-0.6, len(rows) - 0.4)
    axes.set_xlabel("mean return over the training, minus NatureCNN", fontsize=8)
    axes.grid(visible=True, axis="x", alpha=0.3)
