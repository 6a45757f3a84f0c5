"""Reading results from folders, URLs and records, and choosing among them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.report.evidence import Evidence
from benchmarks.report.record import SUFFIX, is_record, read_record
from benchmarks.result import FAILURE_FILE, RESULT_FILE, Failure, Result, read_failure, read_result
from benchmarks.storage import Storage, local_folder, open_storage
from rmr_gym.errors import explain

READERS = 16
"""Files that are fetched at once; object stores take long for each."""

Wanted = Callable[[Result], bool]


def read_evidence(sources: Sequence[str | Path], wanted: Wanted = lambda _: True) -> Evidence:
    """Read all results of some places.

    A result that is in several of them counts once. A file that cannot be read is named in `problems`; the rest counts.

    Args:
        sources: folders and URLs of `python -m benchmarks run`, files and URLs of records.
        wanted: which of the results to take.

    Raises:
        ValueError: when there is no result at all, a record is damaged, or two results are of one experiment under
            different settings.
    """
    results: list[Result] = []
    failures: list[Failure] = []
    problems: list[str] = []
    links: dict[str, str] = {}
    for source in map(str, sources):
        if is_record(source):
            content = _content(source)
            found, failed = read_record(content, where=source)
        else:
            found, failed, bad, places = _read_storage(open_storage(source))
            problems += bad
            links = places | links
        results += found
        failures += failed
    if not results:
        fix = "Name the folder or URL that `python -m benchmarks run` was given by --out, or a record."
        raise ValueError(explain(expected="results", got=f"none in {', '.join(map(str, sources))}", fix=fix))
    chosen = [result for result in results if wanted(result)]
    if not chosen:
        has = f"profiles {', '.join(sorted({result.profile for result in results}))}"
        raise ValueError(
            explain(expected="results of the choice", got=f"none of {len(results)}; {has}", fix="Widen it.")
        )
    done, left = {one.id for one in chosen}, {one.id for one in results if not wanted(one)}
    return Evidence(
        results=tuple(chosen),
        failures=tuple({one.id: one for one in failures if one.id not in done | left}.values()),
        problems=tuple(problems),
        sources=tuple(map(str, sources)),
        links=links,
    )


def choice(profile: str | None = None, where: Sequence[str] = ()) -> Wanted:
    """Return the condition that a result has a profile and some settings.

    Args:
        profile: name of the profile; None takes all.
        where: conditions such as `natural.loop.gradient_steps=200` or `natural.objective.type=hinge` on the settings. A
            result that lacks the field meets the condition, since the stages have different settings.

    Raises:
        ValueError: when a condition is not of this form.
    """
    conditions = []
    for text in where:
        path, equals, value = text.partition("=")
        if not (path and equals and value):
            raise ValueError(explain(expected="a condition FIELD=VALUE", got=text, fix="Write --where data.seed=0."))
        conditions.append((path.split("."), _value(value)))

    def wanted(result: Result) -> bool:
        fits = profile in (None, result.profile)
        return fits and all(_meets(result.config, path, value) for path, value in conditions)

    return wanted


def _read_storage(storage: Storage) -> tuple[list[Result], list[Failure], list[str], dict[str, str]]:
    results, failures, problems, links = [], [], [], {}
    with ThreadPoolExecutor(READERS) as pool:
        names = sorted(storage.names(RESULT_FILE))
        for name, content in zip(names, pool.map(storage.read, names), strict=True):
            try:
                results.append(read_result(content, where=name))
                links[results[-1].id] = _link(storage, name)
            except ValueError as error:
                problems.append(str(error))
        names = sorted(storage.names(FAILURE_FILE))
        for name, content in zip(names, pool.map(storage.read, names), strict=True):
            try:
                failures.append(read_failure(content, where=name))
            except ValueError as error:
                problems.append(str(error))
    return results, failures, problems, links


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


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _meets(document: Any, path: Sequence[str], value: Any) -> bool:
    for name in path:
        if not isinstance(document, Mapping) or name not in document:
            return True
        document = document[name]
    return bool(document == value)
