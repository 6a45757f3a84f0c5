"""What the paper says about its data: the scores of copying, which depend on nothing but data and metrics."""

from __future__ import annotations

import csv
import functools
from dataclasses import dataclass
from pathlib import Path

_TABLE = Path(__file__).with_name("data_paper_table2.csv")


@dataclass(frozen=True, kw_only=True, slots=True)
class CopyScores:
    """Scores of predicting that the RAM stays as it is, each in 0..1."""

    slot_accuracy: float
    """Share of the bytes that are right."""

    bit_f1: float
    """F1 of their bits; the paper does not say how it is averaged."""


def paper_copy_scores(game: str) -> CopyScores | None:
    """Return the copy baseline of a game, or None for a game that is not in the table.

    Source: paper, table 2, column "Copy".

    Args:
        game: rom id.

    Example:
        >>> paper_copy_scores("pong")
        CopyScores(slot_accuracy=0.6876, bit_f1=0.873)
    """
    return _table().get(game)


@functools.cache
def _table() -> dict[str, CopyScores]:
    with _TABLE.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(line for line in file if not line.startswith("#"))
        return {
            row["game"]: CopyScores(slot_accuracy=float(row["copy_slot_accuracy"]), bit_f1=float(row["copy_bit_f1"]))
            for row in rows
        }
