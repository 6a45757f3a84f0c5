"""The pictures of a data set: its numbers as panels, and a sheet of its frames."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Int64
from PIL import Image, ImageDraw

from rmr_gym.atomic import write_atomically
from rmr_gym.data import EpisodeStore
from rmr_gym.data.pictures import PictureDecoder
from rmr_gym.pipeline.data_tables import title_of
from rmr_gym.pipeline.figures import STYLES, new_figure, save_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

JsonObject = Mapping[str, Any]

_COLOUR, _OTHER = STYLES[0][0], STYLES[1][0]

SHEET_ROWS, SHEET_COLUMNS = 6, 8
"""Episodes and frames of each on a contact sheet."""

_GAP, _CAPTION = 4, 14
"""Pixels between frames, and above each for its caption."""


def draw_summary(path: Path, summary: JsonObject) -> None:
    """Draw scores, entropies, changes and the copy baseline of the data set of a game.

    Args:
        path: PNG file.
        summary: from `summarise`.
    """
    figure = new_figure(width=13.0, height=7.0)
    figure.suptitle(title_of(summary), fontsize=11)
    scores, entropies, changes, baseline = figure.subplots(2, 2).ravel()
    _scores(scores, summary)
    _entropies(entropies, summary["ram"])
    _changes(changes, summary["ram"])
    _baseline(baseline, summary["copy_baseline"])
    save_figure(figure, path)


def draw_contact_sheet(path: Path, store: EpisodeStore) -> None:
    """Put frames of some episodes on one picture: a row per episode, by skill, and time from left to right.

    Args:
        path: PNG file.
        store: episodes with pictures.
    """
    episodes = sheet_episodes(store)
    decoder = PictureDecoder(store.files, size=None, gray=False)
    height, width = decoder.decode(episodes[:1], episodes[:1] * 0).shape[2:]
    cell_width, cell_height = width + _GAP, height + _CAPTION
    sheet = Image.new("RGB", (SHEET_COLUMNS * cell_width, len(episodes) * cell_height), "white")
    pen = ImageDraw.Draw(sheet)
    for row, episode in enumerate(episodes.tolist()):
        about = store.episodes[episode]
        places = np.linspace(0, about.num_steps, SHEET_COLUMNS).astype(np.int64)
        pictures = decoder.decode(np.full_like(places, episode), places)
        for column, (place, picture) in enumerate(zip(places.tolist(), pictures, strict=True)):
            left, top = column * cell_width, row * cell_height
            by = f"skill {about.skill:.2f}, " if column == 0 else ""
            pen.text((left + 2, top + 1), f"{by}step {about.first_step + place}", fill="black")
            sheet.paste(Image.fromarray(np.ascontiguousarray(picture.transpose(1, 2, 0))), (left, top + _CAPTION))
    content = io.BytesIO()
    sheet.save(content, format="PNG", optimize=True)
    write_atomically(path, content.getvalue())


def sheet_episodes(store: EpisodeStore) -> Int64[np.ndarray, " row"]:
    """Choose the episodes of a contact sheet: spread over the skills, from the lowest to the highest."""
    order = np.argsort([episode.skill for episode in store.episodes], kind="stable")
    return order[np.linspace(0, len(order) - 1, min(SHEET_ROWS, len(order))).astype(np.int64)]


def _scores(axes: Axes, summary: JsonObject) -> None:
    players, correlation = summary["players"], summary["skill_score_correlation"]
    axes.plot([p["skill"] for p in players], [p["mean_score"] for p in players], "o", color=_COLOUR)
    told = "" if correlation is None else f" (rank correlation {correlation:.2f})"
    axes.set_title(f"Players{told}", fontsize=10)
    _label(axes, "skill", "mean score of the stored steps")


def _entropies(axes: Axes, ram: JsonObject) -> None:
    kept = set(ram["kept_slots"])
    colours = [_COLOUR if slot in kept else "#BBBBBB" for slot in range(len(ram["entropy"]))]
    axes.bar(range(len(ram["entropy"])), ram["entropy"], color=colours, width=1.0)
    axes.axhline(ram["entropy_threshold"], color=_OTHER, linewidth=1)
    axes.set_title(f"Entropy of the bytes: {len(kept)} slots kept", fontsize=10)
    _label(axes, "RAM address", "nats")


def _changes(axes: Axes, ram: JsonObject) -> None:
    counts = np.asarray(ram["changed_slots_histogram"])
    axes.bar(range(len(counts)), counts / counts.sum(), color=_COLOUR, width=1.0)
    axes.set_title(f"Bytes that change in a step: {ram['changed_slots_per_step']:.1f} on average", fontsize=10)
    _label(axes, "changed bytes", "share of the transitions")


def _baseline(axes: Axes, copy: JsonObject) -> None:
    names, places = ("slot_accuracy", "bit_f1"), np.arange(2)
    for number, (label, scores, colour) in enumerate(
        (("these data", copy, _COLOUR), ("paper, table 2", copy["paper"], _OTHER))
    ):
        if scores is not None and scores["slot_accuracy"] is not None:
            heights = [scores[name] for name in names]
            bars = axes.bar(places + 0.4 * (number - 0.5), heights, 0.38, color=colour, label=label)
            axes.bar_label(bars, fmt="{:.3f}", fontsize=8)
    axes.set_xticks(places, ["slot accuracy", "bit F1"])
    axes.set_ylim(0, 1.25)
    axes.set_title("Copying the RAM", fontsize=10)
    if axes.patches:
        axes.legend(fontsize=8, loc="upper right", ncols=2)


def _label(axes: Axes, below: str, beside: str) -> None:
    axes.set_xlabel(below)
    axes.set_ylabel(beside)
    axes.grid(visible=True, alpha=0.3)
