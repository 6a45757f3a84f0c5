"""All results of a benchmark in one file that is small enough to be committed: gzipped JSON lines."""

from __future__ import annotations

import dataclasses
import gzip
import json
from collections.abc import Iterable, Iterator
from typing import Any

from benchmarks.report.compact import compact
from benchmarks.result import FORMAT, Failure, Result, read_failure, read_result, to_text
from rmr_gym.errors import explain

RECORD_FORMAT = "rmr-benchmark-record/1"
"""Version of the layout."""

SUFFIX = ".jsonl.gz"
"""Names of such files end with it."""


def is_record(name: str) -> bool:
    """Tell by its name whether a file is a record."""
    return name.endswith(SUFFIX)


def to_record(results: Iterable[Result], failures: Iterable[Failure] = ()) -> bytes:
    """Gather results, each without what no table looks at, and failures without their tracebacks.

    The same results give the same bytes, whatever their order.
    """
    kept = sorted(map(compact, results), key=lambda one: (one.id, one.key))
    failed = sorted((dataclasses.replace(one, traceback="") for one in failures), key=lambda one: (one.id, one.key))
    header = {"format": RECORD_FORMAT, "of": FORMAT, "num_results": len(kept), "num_failures": len(failed)}
    lines = [header, *({"result": _plain(one)} for one in kept), *({"failure": _plain(one)} for one in failed)]
    text = "".join(json.dumps(line, separators=(",", ":"), allow_nan=False) + "\n" for line in lines)
    return gzip.compress(text.encode(), compresslevel=9, mtime=0)


def read_record(content: bytes, *, where: str = "the record") -> tuple[list[Result], list[Failure]]:
    """Read what `to_record` made; text that is not compressed is read, too.

    Raises:
        ValueError: when it is no record, another version of one, or damaged.
    """
    lines = _lines(content, where)
    header: Any = next(lines, None)
    if not isinstance(header, dict) or header.get("format") != RECORD_FORMAT:
        got = header.get("format") if isinstance(header, dict) else "something else"
        fix = "Make one with `python -m benchmarks report SOURCE --record FILE`."
        raise ValueError(explain(expected=f"{where} in format {RECORD_FORMAT}", got=got, fix=fix))
    results, failures = [], []
    for line in lines:
        if "result" in line:
            results.append(read_result(json.dumps(line["result"]), where=f"a result in {where}"))
        else:
            failures.append(read_failure(json.dumps(line["failure"]), where=f"a failure in {where}"))
    counts = (header["num_results"], header["num_failures"])
    if counts != (len(results), len(failures)):
        got = f"{len(results)} and {len(failures)}: it was cut off"
        expected = f"{counts[0]} results and {counts[1]} failures in {where}"
        raise ValueError(explain(expected=expected, got=got, fix="Copy the file again."))
    return results, failures


def _lines(content: bytes, where: str) -> Iterator[Any]:
    try:
        text = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
        yield from map(json.loads, text.splitlines())
    except (OSError, EOFError, ValueError) as error:
        fix = "Copy the file again."
        raise ValueError(explain(expected=f"gzipped JSON lines in {where}", got=str(error), fix=fix)) from error


def _plain(document: Result | Failure) -> Any:
    return json.loads(to_text(document))
