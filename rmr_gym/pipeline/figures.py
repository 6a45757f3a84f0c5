"""The pictures of a run: learning curves, and what a probe reads off some frames."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import UInt8

from rmr_gym.atomic import write_atomically

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Records = Sequence[Mapping[str, float | int]]

# Okabe and Ito's palette, which the common kinds of colour blindness can tell apart; line styles say it once more.
STYLES = (
    ("#0072B2", "-"),
    ("#D55E00", "-"),
    ("#009E73", "--"),
    ("#CC79A7", "--"),
    ("#000000", ":"),
    ("#E69F00", "-."),
    ("#56B4E9", "-"),
    ("#0072B2", ":"),
    ("#D55E00", "--"),
)
_ERROR = "#D55E00"
_DOTS_PER_INCH = 150
_BITS = 8


def draw_curves(path: Path, abstract: Records, natural: Mapping[str, Sequence[Records]]) -> None:
    """Draw losses of both stages and the effective rank of the training batches.

    Args:
        path: PNG file.
        abstract: log of the processor's training.
        natural: logs of the encoders' training by arm, one per seed; arms that are not trained have empty logs.
    """
    figure = new_figure(width=13.0, height=4.0)
    left, middle, right = figure.subplots(1, 3)
    steps = [record["step"] for record in abstract]
    for (colour, style), (name, label) in zip(STYLES, (("mask_loss", "mask"), ("bit_loss", "bits")), strict=False):
        left.plot(steps, [record[name] for record in abstract], style, color=colour, label=label)
    name_panel(left, "Abstract stage: processor on RAM", "binary cross-entropy")
    trained = {arm: [log for log in logs if log] for arm, logs in natural.items()}
    for (arm, logs), (colour, style) in zip(trained.items(), STYLES, strict=False):
        if logs:
            band(middle, logs, "loss", arm, colour, style)
            if "effective_rank" in logs[0][0]:  # objectives need not watch it
                band(right, logs, "effective_rank", arm, colour, style)
    name_panel(middle, "Natural stage: encoders on pixels", "loss (supervised: another loss)")
    losses = [record["loss"] for logs in trained.values() for log in logs for record in log]
    if losses and min(losses) > 0:  # a repulsion may go below zero
        middle.set_yscale("log")
        middle.yaxis.set_major_formatter("{x:g}")
        middle.yaxis.set_minor_formatter("{x:g}")
    name_panel(right, "Natural stage: collapse monitor", "effective rank of a batch")
    save_figure(figure, path)


def draw_bits(
    path: Path,
    frames: UInt8[np.ndarray, "frame height width colour"],
    true: UInt8[np.ndarray, "frame slot 8"],
    predicted: UInt8[np.ndarray, "frame slot 8"],
    slots: Sequence[int],
    *,
    title: str,
) -> None:
    """Draw some frames, and beside each the true and the predicted bits of the RAM behind it.

    Args:
        path: PNG file.
        frames: RGB pictures.
        true: bits of the scored bytes, most significant first.
        predicted: what the probe says.
        slots: RAM addresses of the scored bytes.
        title: heading of the picture.
    """
    num_frames, num_slots = true.shape[:2]
    width = max(6.0, 0.17 * num_slots)
    figure = new_figure(width=2.2 + width, height=0.6 + 2.3 * num_frames)
    figure.suptitle(title, fontsize=10)
    grid = figure.add_gridspec(num_frames, 2, width_ratios=[1.9, width])
    for row in range(num_frames):
        picture = figure.add_subplot(grid[row, 0])
        picture.imshow(frames[row], aspect=160 / 210)  # drawn square, about as the 84x84 encoder sees it
        picture.set_axis_off()
        _bit_matrices(figure.add_subplot(grid[row, 1]), true[row], predicted[row], slots)
    figure.supxlabel("RAM address (hexadecimal); bit 7 above, bit 0 below; dark = 1", fontsize=8)
    save_figure(figure, path)


def _bit_matrices(
    axes: Axes, true: UInt8[np.ndarray, "slot 8"], predicted: UInt8[np.ndarray, "slot 8"], slots: Sequence[int]
) -> None:
    """Draw the true bits above the predicted ones, a column per byte, with a cross on each error."""
    num_slots = len(slots)
    gap = np.full((1, num_slots), np.nan)
    matrix = np.concatenate([true.T, gap, predicted.T])
    axes.imshow(matrix, cmap="Greys", vmin=-0.15, vmax=1.6, aspect="auto", interpolation="nearest")
    wrong = true != predicted
    columns, bits = np.nonzero(wrong)
    axes.scatter(columns, bits + _BITS + 1, 16, _ERROR, marker="x", linewidths=1.4)
    axes.set_title(
        f"{100 * (1 - wrong.mean()):.1f} % of the bits right, {wrong.sum()} errors (×)", fontsize=8, loc="left"
    )
    axes.set_xticks(range(num_slots), [f"{slot:02X}" for slot in slots], fontsize=6, rotation=90)
    axes.set_xticks(np.arange(-0.5, num_slots), minor=True)
    axes.grid(visible=True, which="minor", axis="x", color="white", linewidth=0.8)
    middle = (_BITS - 1) / 2
    axes.set_yticks([middle, middle + _BITS + 1], ["true", "predicted"], fontsize=8, rotation=90, va="center")
    axes.tick_params(which="both", length=0)
    axes.set_frame_on(False)


def band(axes: Axes, logs: Sequence[Records], name: str, text: str, colour: str, style: str) -> None:
    """Draw the mean over seeds, with the range between the lowest and the highest of them behind it.

    A crash of the machine can cost a log some lines: what is drawn is where all seeds have one.
    """
    by_step = [{record["step"]: record[name] for record in log} for log in logs]
    steps = sorted(set.intersection(*(set(log) for log in by_step)))
    values = np.array([[log[step] for step in steps] for log in by_step])
    axes.plot(steps, values.mean(axis=0), style, color=colour, label=text, linewidth=1.5)
    if len(logs) > 1:
        axes.fill_between(steps, values.min(axis=0), values.max(axis=0), color=colour, alpha=0.15, linewidth=0)


def name_panel(axes: Axes, title: str, quantity: str) -> None:
    """Name a panel and its axes, both with gradient steps below."""
    axes.set_title(title, fontsize=10)
    axes.set_xlabel("gradient steps")
    axes.set_ylabel(quantity)
    axes.grid(visible=True, alpha=0.3)
    if axes.lines:
        axes.legend(fontsize=8)


def new_figure(*, width: float, height: float) -> Figure:
    """Make a figure that belongs to nobody: pyplot's list of open figures is left alone."""
    from matplotlib.figure import Figure  # slow to import

    return Figure(figsize=(width, height), layout="constrained")


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure as PNG, atomically."""
    content = io.BytesIO()
    metadata: dict[str, Any] = {"Software": "rmr-gym"}
    figure.savefig(content, format="png", dpi=_DOTS_PER_INCH, metadata=metadata)
    write_atomically(path, content.getvalue())
