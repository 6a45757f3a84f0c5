"""What a suite will take, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from benchmarks.costs.prediction import bytes_of
from benchmarks.costs.units import UnitCosts
from benchmarks.executors.interface import Job
from benchmarks.experiment import DataSettings
from benchmarks.plan import experiments_of
from benchmarks.progress import in_words, makespan
from benchmarks.session import Left


def forecast(
    left: Left,
    costs: UnitCosts | None,
    *,
    device: str,
    num_slots: Callable[[], int],
    sizes: UnitCosts | None = None,
    keep_encoders: bool = False,
) -> list[str]:
    """Say how many experiments, hours and gigabytes a session will be.

    Args:
        left: what `look` returned, with predicted seconds.
        costs: of the device; None where nothing was measured.
        device: its name.
        num_slots: returns jobs at a time; is asked only where `costs` are known.
        sizes: unit costs of any device, to tell gigabytes from without `costs`.
        keep_encoders: whether weights of encoders are kept.

    Returns:
        Lines to be printed.
    """
    counted = Counter(f"{one.kind} {one.arm}" for job in left.jobs for one in experiments_of(job))
    games = {one.game for one in left.experiments}
    todo = sum(counted.values())
    lines = [
        f"{len(left.experiments)} experiments on {_games(len(games))}: {len(left.done)} are there, {todo} are left",
        *(f"  {count:5} x {name}" for name, count in counted.items()),
    ]
    sets = [job for job in left.jobs if not experiments_of(job)]
    if sets:
        lines.append(f"  {len(sets):5} x data set of a game, played or found")
    if costs is None:
        if sizes is not None:
            lines.append(_gigabytes(left.jobs, sizes, keep_encoders))
        fix = f"python -m benchmarks measure --device {device}"
        return [*lines, f"Unit costs of {device} have not been measured, so that hours are not known: {fix}"]
    hours = _hours(left.jobs, num_slots(), device)
    return [*lines, *hours, _gigabytes(left.jobs, costs, keep_encoders), _source(costs)]


def _hours(jobs: Sequence[Job], num_slots: int, device: str) -> list[str]:
    spent = sum(job.seconds for job in jobs)
    what, workers = ("GPU", "GPUs") if device == "cuda" else ("one core", "cores")
    each: dict[str, float] = {}
    for job in jobs:
        found = experiments_of(job)
        name = f"{found[0].kind} {found[0].arm}" if found else "data"
        each[name] = each.get(name, 0.0) + job.seconds
    shares = ", ".join(f"{name} {in_words(value)}" for name, value in each.items())
    return [
        f"{in_words(spent)} of {what}: {shares or 'nothing'}",
        f"{in_words(makespan(jobs, num_slots))} by the clock with {num_slots} at a time, if nothing else uses the "
        f"{workers}",
    ]


def _gigabytes(jobs: Sequence[Job], costs: UnitCosts, keep_encoders: bool) -> str:
    sets = [job.arguments[0] for job in jobs if isinstance(job.arguments[0], DataSettings)]
    experiments = [one for job in jobs for one in experiments_of(job)]
    of_data = sum(bytes_of(one, costs) for one in sets) / 1e9
    of_results = sum(bytes_of(one, costs, keep_encoders=keep_encoders) for one in experiments) / 1e9
    return f"{of_data:.2f} GB of data sets and {of_results:.2f} GB of results"


def _source(costs: UnitCosts) -> str:
    if "counted_for" in costs.source:
        name, fix = costs.source["counted_for"]["name"], "python -m benchmarks measure --device cuda --together 20"
        return (
            f"Estimated for one {name} from counted operations (`{costs.source['command']}`), measured on none. "
            f"Where there is one: {fix}"
        )
    machine = costs.source["machine"]
    where = machine.get("gpu") or machine["processor"]
    return f"Predicted from unit costs of {where} (`{costs.source['command']}`)."


def _games(count: int) -> str:
    return "1 game" if count == 1 else f"{count} games"
