"""All figures of a report."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.report.document import Document
from benchmarks.report.figures.aggregates import draw_aggregates
from benchmarks.report.figures.bottleneck import draw_bottleneck
from benchmarks.report.figures.controls import draw_controls
from benchmarks.report.figures.curves import draw_learning
from benchmarks.report.figures.drawing import ink, to_png, to_svg
from benchmarks.report.figures.heatmap import draw_transfer


@dataclass(frozen=True, kw_only=True, slots=True)
class Picture:
    """A drawn figure."""

    name: str
    """Of its files; that of the table which it belongs to."""

    label: str
    """What it shows, for those who cannot see it."""

    png: bytes
    """On white."""

    svg: bytes
    """On nothing, with text as text."""


def pictures(document: Document) -> list[Picture]:
    """Draw every figure that the results allow."""
    drawn = []
    with ink():
        if document.transfer is not None:
            drawn.append(("transfer", "Transfer matrix, clustered on both sides", draw_transfer(document.transfer)))
        for name, label, draw in (
            ("controls", "Bit F1 of all arms in three readouts", draw_controls),
            ("aggregates", "Interquartile means and probabilities of improvement", draw_aggregates),
        ):
            table = document.table(name)
            if table is not None:
                drawn.append((name, label, draw(table)))
        bottleneck = document.table("bottleneck")
        if bottleneck is not None:
            quantity = f"{document.options.measure.average} bit F1"
            drawn.append(("bottleneck", "Bit F1 against the width of a slot", draw_bottleneck(bottleneck, quantity)))
        learning = draw_learning(document.curves)
        if learning is not None:
            drawn.append(("curves", "Learning curves of all arms", learning))
        return [
            Picture(name=name, label=label, png=to_png(figure), svg=to_svg(figure, name))
            for name, label, figure in drawn
        ]
