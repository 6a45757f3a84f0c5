"""Colours, and figures as PNG and SVG."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK = "#1b1b1c"
"""Of text and lines. No other colour is like it, so that a page can put the colour of its own text in its place."""

PALETTE = {
    "rmr": ("#0072B2", "-"),
    "c_swm": ("#D55E00", "--"),
    "frozen_random": ("#CC79A7", "-."),
    "frozen_identity": ("#AA4499", ":"),
    "frozen_permuted": ("#882255", (0, (5, 1))),
    "fine_tuned": ("#009E73", "--"),
    "anchored": ("#44AA99", "-."),
    "untrained": ("#E69F00", ":"),
    "supervised": ("#56B4E9", "-"),
    "mpnn": ("#0072B2", "-"),
    "deep_sets": ("#009E73", "--"),
    "mlp": ("#D55E00", ":"),
}
"""Colour and line style of an arm; most of the colours are Okabe and Ito's."""

_OTHERS = (("#999999", "-"), ("#999999", "--"), ("#999999", ":"))

VERDICTS = {"better": "#3a8fd0", "no difference": "#b9b9b9", "worse": "#e08a3c", "too few seeds": "#d8d4e8"}
"""Colours of verdicts that the common kinds of colour blindness can tell apart; marks say it once more."""

MARKS = {"better": "▲", "worse": "▼", "no difference": "≈", "too few seeds": "?", "not run": ""}

_DOTS_PER_INCH = 130


def style_of(arm: str, position: int = 0) -> tuple[str, Any]:
    """Return colour and line style of an arm; arms that came later are grey."""
    return PALETTE.get(arm, _OTHERS[position % len(_OTHERS)])


@contextmanager
def ink() -> Iterator[None]:
    """Draw text, axes and ticks in `INK`, keep text as text, and give the same bytes for the same figure."""
    import matplotlib as mpl

    colours: tuple[Any, ...] = (
        "text.color",
        "axes.edgecolor",
        "axes.labelcolor",
        "xtick.color",
        "ytick.color",
        "axes.titlecolor",
    )
    with mpl.rc_context({**dict.fromkeys(colours, INK), "svg.fonttype": "none", "legend.frameon": False}):
        yield


def to_png(figure: Figure) -> bytes:
    """Return a figure as PNG on white."""
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=_DOTS_PER_INCH, metadata={"Software": "rmr-gym"})
    return content.getvalue()


def to_svg(figure: Figure, name: str) -> bytes:
    """Return a figure as SVG without a date; the name keeps its identifiers apart from those of other figures."""
    import matplotlib as mpl

    content = io.BytesIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        figure.savefig(content, format="svg", transparent=True, metadata={"Date": None, "Creator": "rmr-gym"})
    return content.getvalue()


def for_page(svg: bytes, label: str) -> str:
    """Return an SVG for the inside of a page: as wide as its place, in the colour of the page's text, with a label."""
    text = svg.decode()
    text = text[text.index("<svg") :].replace(INK, "currentColor")
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    size = re.search(r'width="([\d.]+)pt" height="([\d.]+)pt"', text)
    if size is not None:
        text = text.replace(size.group(0), f'style="max-width:{size.group(1)}pt"', 1)
    return text.replace("<svg", f'<svg role="img" aria-label="{label}"', 1)


def panels(
    rows: int, columns: int, *, width: float, height: float, left: float = 0.55, top: float = 0.35
) -> tuple[Figure, list[list[Axes]]]:
    """Make a grid of panels in fixed places, which is much faster with a hundred of them than a layout that is solved.

    Args:
        rows: panels below each other.
        columns: panels beside each other.
        width: of a panel in inches.
        height: of a panel in inches.
        left: inches beside each panel, for labels.
        top: inches above the first row, for a legend.

    Returns:
        The figure, and its axes row by row.
    """
    from matplotlib.figure import Figure  # slow to import

    right, between, below = 0.15, 0.55, 0.5
    across = columns * (left + width) + right
    down = top + rows * (height + between) - between + 0.25 + below
    figure = Figure(figsize=(across, down))
    grid = [
        [
            figure.add_axes(
                (
                    (column * (left + width) + left) / across,
                    (below + (rows - 1 - row) * (height + between)) / down,
                    width / across,
                    height / down,
                )
            )
            for column in range(columns)
        ]
        for row in range(rows)
    ]
    return figure, grid
