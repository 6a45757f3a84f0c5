"""The pictures of a run on bouncing balls: learning curves, and a rollout in the manner of the paper's figure 3."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image

from rmr_gym.atomic import write_atomically
from rmr_gym.pipeline.figures import STYLES, Records, band, name_panel, new_figure, save_figure

_GIVEN = "#009E73"  # the paper marks its inputs in green
_FRAME_MILLISECONDS = 250
_ENLARGED = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class Rollout:
    """A predicted video beside the true one."""

    given: UInt8[np.ndarray, "history 3 height width"]
    """Pictures that the prediction starts from."""

    true: Sequence[UInt8[np.ndarray, "3 height width"]]
    """What came then."""

    predicted: Float[np.ndarray, "step 3 height width"]
    """What the model expected, in [0, 1]."""

    masks: Float[np.ndarray, "step slot height width"]
    """How much of each pixel each slot painted."""

    title: str
    """Heading of the picture."""


def draw_curves(path: Path, abstract: Records, natural: Mapping[str, Sequence[Records]]) -> None:
    """Draw the losses of both stages, in training (lines) and on held-out data (dotted).

    Args:
        path: PNG file.
        abstract: log of the processor's training.
        natural: logs of the models' training by arm, one per seed.
    """
    figure = new_figure(width=10.0, height=4.0)
    left, right = figure.subplots(1, 2)
    steps = [record["step"] for record in abstract]
    colour = STYLES[0][0]
    left.plot(steps, [record["loss"] for record in abstract], color=colour, label="training")
    left.plot(steps, [record["validation_loss"] for record in abstract], ":", color=colour, label="held out")
    name_panel(left, "Abstract stage: processor on positions", "mean squared error")
    for (arm, logs), (colour, _) in zip(natural.items(), STYLES, strict=False):
        band(right, logs, "loss", arm, colour, "-")
        band(right, logs, "validation_loss", f"{arm}, held out", colour, ":")
    name_panel(right, "Natural stage: pictures", "mean squared error")
    for axes in (left, right):
        axes.set_yscale("log")
    save_figure(figure, path)


def draw_bottleneck(path: Path, curves: Mapping[str, Records], variants: Mapping[str, Mapping[str, Any]]) -> None:
    """Draw what narrow latents cost: learning curves of the first seed, and the final error by variant.

    Args:
        path: PNG file.
        curves: log of the natural stage of each variant.
        variants: results of each variant, see `run_bottleneck`.
    """
    from matplotlib import colormaps

    figure = new_figure(width=11.0, height=4.0)
    left, right = figure.subplots(1, 2)
    for place, (name, records) in enumerate(curves.items()):
        colour = colormaps["viridis"](0.9 * place / max(len(curves) - 1, 1))
        steps = [record["step"] for record in records]
        left.plot(steps, [record["loss"] for record in records], color=colour, label=name, linewidth=1.2)
        left.plot(steps, [record["validation_loss"] for record in records], ":", color=colour)
    name_panel(left, "Training (lines) and held out (dotted)", "mean squared error")
    left.set_yscale("log")
    for place, found in enumerate(variants.values()):
        errors = [seed["scores"]["pictures"]["mse"] for seed in found["natural"].values()]
        right.plot([place] * len(errors), errors, "o", color=STYLES[0][0])
    right.set_xticks(range(len(variants)), list(variants), rotation=30, ha="right", fontsize=8)
    right.set_title("After training, one dot per seed", fontsize=10)
    right.set_ylabel("held-out mean squared error")
    right.set_yscale("log")
    right.grid(visible=True, alpha=0.3)
    save_figure(figure, path)


def draw_rollout(path: Path, rollout: Rollout) -> None:
    """Draw a rollout: given pictures in a green frame, then predictions, the truth and the masks below each other.

    Args:
        path: PNG file.
        rollout: what to draw.
    """
    history, steps = len(rollout.given), len(rollout.true)
    figure = new_figure(width=0.85 * (history + steps), height=3.1)
    figure.suptitle(f"Bouncing balls: {rollout.title}", fontsize=10)
    grid = figure.subplots(3, history + steps)
    for axes in grid.flat:
        axes.set_xticks([])
        axes.set_yticks([])
        axes.set_frame_on(False)
    for column, picture in enumerate(rollout.given):
        grid[0, column].imshow(_last(picture))
        grid[0, column].set_frame_on(True)
        for edge in grid[0, column].spines.values():
            edge.set(color=_GIVEN, linewidth=2.5)
    masks = paint_masks(rollout.masks)
    for step in range(steps):
        rows = (_last(rollout.predicted[step]), _last(rollout.true[step]), masks[step])
        for row, picture in enumerate(rows):
            grid[row, history + step].imshow(picture)
        grid[0, history + step].set_title(f"+{step + 1}", fontsize=8)
    for row, name in enumerate(("predicted", "true", "slots")):
        grid[row, history].set_ylabel(name, fontsize=8)
    grid[0, 0].set_title("given", fontsize=8, loc="left")
    save_figure(figure, path)


def animate_rollout(path: Path, rollout: Rollout) -> None:
    """Write the rollout as an animation: prediction, truth and masks side by side.

    Args:
        path: GIF file.
        rollout: what to show.
    """
    given = [
        np.concatenate([_last(picture)] * 2 + [np.zeros_like(_last(picture))], axis=1) for picture in rollout.given
    ]
    shown = [
        np.concatenate([_last(predicted), _last(true), mask], axis=1)
        for predicted, true, mask in zip(rollout.predicted, rollout.true, paint_masks(rollout.masks), strict=True)
    ]
    frames = []
    for picture in (*given, *shown):
        image = Image.fromarray((255 * picture).round().astype(np.uint8))
        frames.append(image.resize((image.width * _ENLARGED, image.height * _ENLARGED), Image.Resampling.NEAREST))
    content = io.BytesIO()
    frames[0].save(content, format="gif", save_all=True, append_images=frames[1:], duration=_FRAME_MILLISECONDS, loop=0)
    write_atomically(path, content.getvalue())


def paint_masks(masks: Float[np.ndarray, "step slot height width"]) -> Float[np.ndarray, "step height width 3"]:
    """Give each slot a hue and each pixel the mixture of the hues of its slots."""
    from matplotlib import colormaps

    num_slots = masks.shape[1]
    hues = np.asarray(colormaps["hsv"](np.arange(num_slots) / num_slots))[:, :3]
    painted: Float[np.ndarray, "step height width 3"] = np.einsum("tkhw,kc->thwc", masks, hues).clip(0, 1)
    return painted


def _last(picture: np.ndarray) -> Float[np.ndarray, "height width 3"]:
    """Put the channels last, in [0, 1]."""
    scaled = picture / 255 if picture.dtype == np.uint8 else picture
    return np.moveaxis(scaled, 0, -1).astype(np.float64)
