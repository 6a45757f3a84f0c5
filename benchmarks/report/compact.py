"""A result without what no table or figure looks at, so that thousands of them fit into one file."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence

from benchmarks.result import JsonObject, Result

CURVE_POINTS = 40
"""Records of a training that are kept, evenly spread, the first and the last among them."""

CURVE_FIELDS = ("step", "loss", "mask_loss", "bit_loss", "effective_rank", "active_margins")
"""What is kept of each."""

DIGITS = 6
"""That count, of the values of a curve. Scores keep all of theirs."""


def compact(result: Result) -> Result:
    """Thin out the curve of a result; everything else stays, so that statistics do not move.

    Tables and figures are made from compacted results alone, so that those of a record are those of the folder that it
    was gathered from. Doing it twice changes nothing.
    """
    return dataclasses.replace(result, curve=_thin(result.curve))


def _thin(curve: Sequence[Mapping[str, object]]) -> list[JsonObject]:
    last = len(curve) - 1
    count = min(len(curve), CURVE_POINTS)
    chosen = sorted({round(index * last / max(count - 1, 1)) for index in range(count)})
    return [{name: _rounded(curve[index][name]) for name in CURVE_FIELDS if name in curve[index]} for index in chosen]


def _rounded(value: object) -> object:
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None
    return value
