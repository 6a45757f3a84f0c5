"""The record as Markdown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.control.arms import BASELINE
from benchmarks.markdown import table_lines

JsonObject = Mapping[str, Any]

_COLUMNS = (
    *("agent", "seeds", "mean return over the training", "at the end"),
    *("minus NatureCNN", "p", "steps per second"),
)


def markdown(record: JsonObject) -> str:
    """Format each task: a table with an arm per row, beside NatureCNN, and one of encoders beside RMR."""
    return "\n\n".join(_task(task, found) for task, found in record["tasks"].items()) + "\n"


def _task(task: str, found: JsonObject) -> str:
    first = next(iter(found["arms"].values()))
    beside = {one["first"]: one for one in found["against_nature_cnn"]}
    lines = [
        f"**`{task}`**, {first['steps'][-1]:,} environment steps; random play returns "
        f"{found['random_play']['mean_return']:.1f} ({len(found['random_play']['returns'])} episodes).",
        "",
    ]
    rows = []
    for name, arm in found["arms"].items():
        cells = [arm["label"], str(len(arm["seeds"])), _interval(arm["area"]), _interval(arm["final"])]
        cells += ["", ""] if name == BASELINE or name not in beside else _beside(beside[name])
        speed = arm["steps_per_processor_second"]
        rows.append([*cells, "" if speed is None else format(speed, ".0f")])
    return "\n".join([*lines, *table_lines(_COLUMNS, rows), *_beside_rmr(found)])


def _beside_rmr(found: JsonObject) -> list[str]:
    """Compare the other frozen encoders with RMR, if there are any."""
    if not found["against_rmr"]:
        return []
    rows = [
        [found["arms"][one["first"]]["label"], str(len(one["seeds"])), *_beside(one)] for one in found["against_rmr"]
    ]
    return ["", *table_lines(("agent", "pairs", "minus RMR", "p"), rows)]


def _beside(one: JsonObject) -> list[str]:
    better = one["p_greater_adjusted"] <= one["p_less_adjusted"]
    p = one["p_greater_adjusted"] if better else one["p_less_adjusted"]
    return [_interval(one["difference"], sign="+"), f"{p:.3f} ({one['verdict']})"]


def _interval(value: JsonObject, sign: str = "") -> str:
    return f"{value['estimate']:{sign}.1f} [{value['low']:{sign}.1f}, {value['high']:{sign}.1f}]"
