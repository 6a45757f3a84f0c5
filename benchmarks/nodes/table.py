"""The record as Markdown."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from typing import Any

from benchmarks.markdown import table_lines
from benchmarks.nodes.trials import LARGEST_SHARE, LOCAL, RAY, summarise

_COLUMNS = (
    *("executor", "nodes", "turns", "by the clock", "lost", "beside local"),
    *("by unit costs", "by a training alone"),
)


def markdown(record: Mapping[str, Any]) -> str:
    """Format what was measured: what was run, a row per executor and number of nodes, and what Ray costs."""
    rows = summarise(record)
    lines = [
        _what_was_run(record),
        "",
        *table_lines(_COLUMNS, map(_row, rows)),
        "",
        _sum(record, rows),
        "",
    ]
    return "\n".join(lines)


def _what_was_run(record: Mapping[str, Any]) -> str:
    spent = [seconds for trial in record["trials"] for seconds in trial["experiment_seconds"]]
    machine = record["machine"]
    return (
        f"{record['experiments']} trainings of a processor on {record['game']}, {record['updates']} updates each, "
        f"which took {min(spent):.0f} to {max(spent):.0f} s, on {machine['cores']} cores ({machine['processor']}). "
        "A node of Ray has one core; where there are more nodes than cores they share them. *By the clock* begins "
        "with the connection to a cluster that is there and ends with the last result; *lost* is what of it would not "
        "have been needed if every node had begun its next training at once; *beside local* is the time by the clock "
        "as a multiple of that of as many local processes. The last two columns are what the cost model foresees, "
        "from the unit costs of the device and from what a training took on one node. Medians over the turns."
    )


def _row(row: Mapping[str, Any]) -> list[str]:
    beside, alone = row["beside_local"], row["model_from_one"]
    return [
        row["executor"],
        str(row["nodes"]),
        str(row["repeats"]),
        f"{row['wall']:.0f} s",
        f"{row['lost']:.1f} s",
        "" if beside is None else f"{beside:.3f}",
        _predicted(row["model"], row["wall"]),
        "" if alone is None else _predicted(alone, row["wall"]),
    ]


def _predicted(seconds: float, wall: float) -> str:
    return f"{seconds:.0f} s ({100 * (seconds / wall - 1):+.0f} %)"


def _sum(record: Mapping[str, Any], rows: list[dict[str, Any]]) -> str:
    """Say what Ray costs where nodes do not share cores."""
    own = [row for row in rows if row["nodes"] <= record["machine"]["cores"]]
    found = {name: [row for row in own if row["executor"] == name] for name in (LOCAL, RAY)}
    if not found[RAY]:
        return "No cluster was measured whose nodes have a core of their own."
    shares = [row["lost"] / row["wall"] for row in found[RAY]]
    verdict = "less than" if max(shares) < LARGEST_SHARE else "not less than"
    text = (
        f"Where every node has a core of its own, {100 * max(shares):.1f} % of the time by the clock is lost with Ray "
        f"at most, which is {verdict} the {100 * LARGEST_SHARE:.0f} % that were asked for"
    )
    if found[LOCAL]:
        text += f"; with the local executor {100 * max(row['lost'] / row['wall'] for row in found[LOCAL]):.1f} %"
    starts = [trial["cluster_seconds"] for trial in record["trials"] if trial["executor"] == RAY]
    return f"{text}. Starting the cluster, which is not counted, took {statistics.median(starts):.0f} s."
