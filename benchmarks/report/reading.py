"""Reading results from folders, URLs and records."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from benchmarks.report.choosing import Choice
from benchmarks.report.compact import compact
from benchmarks.report.evidence import Evidence
from benchmarks.report.record import SUFFIX, is_record, read_record
from benchmarks.result import (
    FAILURE_FILE,
    RESULT_FILE,
    Failure,
    Result,
    read_failure,
    read_result,
    without_circumstances,
)
from benchmarks.storage import Storage, local_folder, open_storage
from rmr_gym.documents import differences
from rmr_gym.errors import explain

READERS = 16
"""Files that are fetched at once; object stores take long for each."""


@dataclass(frozen=True, slots=True)
class _Found:
    """What some places hold."""

    results: list[tuple[str, Result]] = field(default_factory=list)
    """Each with the file that it stands in, and a curve that is thinned out."""

    failures: list[Failure] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    links: dict[tuple[str, str], str] = field(default_factory=dict)
    """By id and key, files that hold one result with its whole curve."""


def read_evidence(sources: Sequence[str | Path], wanted: Choice | None = None) -> Evidence:
    """Read all results of some places.

    A result that is in several of them counts once, as it is in the first. A file that cannot be read is named in
    `problems`, and so is a result that has other numbers elsewhere; the rest counts.

    Args:
        sources: folders and URLs of `python -m benchmarks run`, files and URLs of records.
        wanted: which of the results to take; None takes all.

    Raises:
        ValueError: when there is no result at all, a record is damaged, a choice is about a field that no result has,
            or two results are of one experiment, or two seeds of an arm, under different settings.
    """
    found, wanted = _Found(), wanted or Choice()
    for source in map(str, sources):
        (_read_record if is_record(source) else _read_storage)(source, found)
    results = [result for _, result in found.results]
    if not results:
        fix = "Name the folder or URL that `python -m benchmarks run` was given by --out, or a record."
        raise ValueError(explain(expected="results", got=f"none in {', '.join(map(str, sources))}", fix=fix))
    wanted.require_fields(results)
    chosen = [(place, result) for place, result in found.results if wanted(result)]
    if not chosen:
        has = f"profiles {', '.join(sorted({result.profile for result in results}))}"
        raise ValueError(
            explain(expected="results of the choice", got=f"none of {len(results)}; {has}", fix="Widen it.")
        )
    done = {(one.id, one.key) for one in results}
    failures = {(one.id, one.key): one for one in found.failures}
    return Evidence(
        results=tuple(result for _, result in chosen),
        failures=tuple(one for what, one in failures.items() if what not in done),
        problems=(*found.problems, *_contradictions(chosen), *_recorded_anew(result for _, result in chosen)),
        sources=tuple(map(str, sources)),
        links=found.links,
    )


def _contradictions(results: Iterable[tuple[str, Result]]) -> list[str]:
    """Name experiments with equal settings and other numbers in two files."""
    first: dict[tuple[str, str], tuple[str, Result]] = {}
    problems = []
    for place, result in results:
        before, one = first.setdefault((result.id, result.key), (place, result))
        if one is not result:
            here, there = (without_circumstances(compact(each)) for each in (one, result))  # records are compact
            changed = differences(here, there)
            if changed:
                problems.append(f"{result.id} differs between {before}, which counts, and {place}: {changed[0]}.")
    return problems


def _recorded_anew(results: Iterable[Result]) -> list[str]:
    """Name results on data that are not those of another one of their arm, although the settings are equal."""
    first: dict[tuple[object, ...], Result] = {}
    problems = []
    for result in sorted(results, key=lambda one: (one.id, one.seed)):
        one = first.setdefault((result.kind, result.game, result.donor, result.arm, result.slot_dim), result)
        same_settings = one.config.get("data") == result.config.get("data")
        if same_settings and one.id != result.id and one.inputs.get("data") != result.inputs.get("data"):
            problems.append(f"{result.id} is on data that were recorded anew: they are not those of {one.id}.")
    return problems


def _read_record(source: str, found: _Found) -> None:
    results, failures = read_record(_content(source), where=source)
    found.results.extend((source, result) for result in results)
    found.failures.extend(failures)


def _read_storage(source: str, found: _Found) -> None:
    storage = open_storage(source)
    with ThreadPoolExecutor(READERS) as pool:
        names = sorted(storage.names(RESULT_FILE))
        # What waits to be taken is compact already: the whole curves of a large benchmark fill the memory.
        for name, one in zip(names, pool.map(partial(_read_compact, storage), names), strict=True):
            if isinstance(one, str):
                found.problems.append(one)
                continue
            place = _link(storage, name)
            found.results.append((place, one))
            found.links.setdefault((one.id, one.key), place)
        names = sorted(storage.names(FAILURE_FILE))
        for name, content in zip(names, pool.map(storage.read, names), strict=True):
            try:
                found.failures.append(read_failure(content, where=name))
            except ValueError as error:
                found.problems.append(f"Not read: {error}")


def _read_compact(storage: Storage, name: str) -> Result | str:
    """Return a result as the report needs it, or why there is none."""
    content = storage.read(name)
    try:
        return compact(read_result(content, where=name))
    except ValueError as error:
        return f"Not read: {error}"


def _content(source: str) -> bytes:
    folder, _, name = source.rpartition("/")
    try:
        return open_storage(folder or ".").read(name)
    except FileNotFoundError as error:
        fix = f"Name a file that ends in {SUFFIX}, a folder or a URL."
        raise ValueError(explain(expected=f"a record in {source}", got="no such file", fix=fix)) from error


def _link(storage: Storage, name: str) -> str:
    folder = local_folder(storage.url)
    return f"{storage.url.rstrip('/')}/{name}" if folder is None else str((folder / name).absolute())
