"""The tables of the comparison of bouncing balls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.performance.balls_config import OURS

_SPEEDS = {
    "pairs_per_second": "pairs (frame and picture), one world",
    "recorded_pairs_per_second": "pairs recorded on the disk",
    "pictures_per_second": "pictures of given states",
    "states_per_second": "states alone",
}


def show(result: Mapping[str, Any], console: Console) -> None:
    """Print the tables of a result."""
    for key, title in _SPEEDS.items():
        console.print(_speeds(result[key], title))
    table = Table("variant", "energy drift", "overlap / radius", title="errors of physics", title_justify="left")
    for name, row in result["physics_error"].items():
        table.add_row(name, f"{row['energy_drift']:.3%}", f"{row['overlap_in_radii']:.4%}")
    console.print(table)
    for reference, rows in result["picture_difference"].items():
        console.print(_differences(rows, f"pictures of equal states against {reference}"))


def _speeds(rows: Mapping[str, Any], title: str) -> Table:
    columns = ("variant", "frames/s", "lowest", "highest", f"{OURS} is faster by")
    table = Table(*columns, title=title, title_justify="left")
    for name, row in rows.items():
        rate, faster = row["frames_per_second"], row["ours_is_faster_by"]["median"]
        shown = "" if name == OURS else f"{faster:,.1f} x"
        table.add_row(name, *(f"{rate[one]:,.0f}" for one in ("median", "lowest", "highest")), shown)
    return table


def _differences(rows: Mapping[str, Any], title: str) -> Table:
    columns = ("pictures", "mean difference of 255", "on edges", "largest", "drawn by one only")
    table = Table(*columns, title=title, title_justify="left")
    for name, row in rows.items():
        shown = (f"{row['mean_absolute']:.2f}", f"{row['mean_on_edges']:.1f}", f"{row['largest']:.0f}")
        table.add_row(name, *shown, f"{row['pixels_drawn_by_one_only']:.2%}")
    return table
