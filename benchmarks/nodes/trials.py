"""The same experiments by either executor, on one node and on several, by the clock."""

from __future__ import annotations

import dataclasses
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.arms import abstract_experiment
from benchmarks.costs.prediction import seconds_of
from benchmarks.costs.units import UnitCosts, read_unit_costs
from benchmarks.executors.choosing import Resources, local, ray
from benchmarks.executors.interface import Executor, Job
from benchmarks.experiment import Experiment
from benchmarks.measurement import comparable
from benchmarks.progress import makespan
from benchmarks.result import read_result
from benchmarks.session import look, run_session
from benchmarks.storage import open_storage
from benchmarks.work import Places, collect_data
from rmr_gym.documents import differences, read_json, write_json
from rmr_gym.errors import explain, missing_extra
from rmr_gym.pipeline.config import RunConfig
from rmr_gym.pipeline.machine import hardware, versions
from rmr_gym.pipeline.profiles import PROFILES

FORMAT = "rmr-nodes/1"

LOCAL, RAY = "local", "ray"

LARGEST_SHARE = 0.05
"""What Ray may cost, as a share of the time by the clock, with runs of a minute."""

JsonObject = dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Trials:
    """What is measured."""

    game: str = "pong"
    """Game whose memory the processors learn to predict."""

    experiments: int = 8
    """Trainings, equal but for their seeds."""

    seconds: float = 60.0
    """What each is to take, by the unit costs of this device."""

    nodes: tuple[int, ...] = (1, 2, 4, 8)
    """Sizes of the cluster; every node has one core. Beyond the cores of the machine the nodes share them."""

    workers: tuple[int, ...] = (1, 2)
    """Processes of the local executor, to be held beside as many nodes."""

    repeats: int = 1
    """Turns of all of them."""

    def __post_init__(self) -> None:
        if min(self.experiments, self.repeats, *self.nodes, *self.workers) < 1 or self.seconds <= 0:
            raise ValueError(explain(expected="numbers above 0", got=self, fix="Raise the number."))


def measure(
    trials: Trials,
    path: Path,
    *,
    base: RunConfig | None = None,
    costs: UnitCosts | None = None,
    say: Callable[[str], None] = print,
) -> JsonObject:
    """Run what the record lacks, and write it after every trial.

    Args:
        trials: what is measured.
        path: JSON file; trials that it holds are not repeated.
        base: settings of the experiments but for the number of updates; those of the profile `quick` by default.
        costs: unit costs; those of the CPU by default.
        say: prints a line.

    Returns:
        What the file holds.

    Raises:
        ValueError: when the file holds trials of other experiments or of another machine.
        DependencyNotInstalled: when Ray is missing.
    """
    costs = costs or read_unit_costs("cpu")
    if costs is None:
        raise ValueError(explain(expected="unit costs", got="none", fix="Run `python -m benchmarks measure` first."))
    experiments = _experiments(trials, base or PROFILES["quick"](), costs)
    settings: Any = experiments[0].settings
    header: JsonObject = {
        "format": FORMAT,
        "game": trials.game,
        "experiments": trials.experiments,
        "updates": settings.abstract.loop.gradient_steps,
        "predicted_seconds": round(seconds_of(experiments[0], costs), 3),
        "machine": hardware(),
        "versions": versions(),
    }
    record = read_record(path) if path.exists() else {"command": _command(trials), **header, "trials": []}
    different = differences(comparable({key: record.get(key) for key in header}), comparable(header))
    if different:
        got, fix = f"other ones (there -> here): {'; '.join(different)}", "Pass another --out."
        raise ValueError(explain(expected=f"trials as in {path}", got=got, fix=fix))
    done = {(one["executor"], one["nodes"], one["repeat"]) for one in record["trials"]}
    ways = [(LOCAL, count) for count in trials.workers] + [(RAY, count) for count in trials.nodes]
    with tempfile.TemporaryDirectory() as folder:
        shared = Path(folder) / "data"
        for turn in [(*way, repeat) for repeat in range(trials.repeats) for way in ways]:
            if turn in done:
                continue
            places = Places(
                results=str(Path(folder) / "-".join(map(str, turn))),
                work=Path(folder) / f"{'-'.join(map(str, turn))}.work",
                datasets=str(shared),
            )
            collect_data(settings.data, places)  # once, before the clock starts
            found = _trial(turn[0], turn[1], experiments, places)
            record["trials"].append({"executor": turn[0], "nodes": turn[1], "repeat": turn[2], **found})
            write_json(path, record)
            say(f"{turn[0]}, {turn[1]} at a time: {found['wall_seconds']:.1f} s by the clock")
    return record


def read_record(path: Path) -> JsonObject:
    """Read what `measure` wrote.

    Raises:
        ValueError: when the file is damaged or holds something else.
    """
    record = read_json(path)
    if not isinstance(record, dict) or record.get("format") != FORMAT or "trials" not in record:
        fix = "Pass the file that `python -m benchmarks.nodes` wrote, or the name of a new one."
        raise ValueError(explain(expected=f"trials in format {FORMAT}", got=str(path), fix=fix))
    return record


def _command(trials: Trials) -> str:
    """Return what measures the same; later calls may have added other sizes."""
    words = [f"--experiments {trials.experiments} --seconds {trials.seconds:g} --repeats {trials.repeats}"]
    words += [
        f"--{name} {' '.join(map(str, sizes))}"
        for name, sizes in (("workers", trials.workers), ("nodes", trials.nodes))
    ]
    return f"python -m benchmarks.nodes --game {trials.game} {' '.join(words)}"


def _experiments(trials: Trials, base: RunConfig, costs: UnitCosts) -> list[Experiment]:
    """Return experiments of about the length that was asked for."""

    def of_length(updates: int) -> list[Experiment]:
        loop = dataclasses.replace(base.abstract.loop, gradient_steps=updates)
        settings = dataclasses.replace(base, abstract=dataclasses.replace(base.abstract, loop=loop))
        return [abstract_experiment(trials.game, "mpnn", seed, settings, "nodes") for seed in range(trials.experiments)]

    one, two = (seconds_of(of_length(updates)[0], costs) for updates in (1, 2))
    return of_length(max(1, round((trials.seconds - one) / (two - one)) + 1))


def _trial(name: str, count: int, experiments: Sequence[Experiment], places: Places) -> JsonObject:
    with _executor(name, count) as (make, starting):
        begun = time.perf_counter()
        tally = run_session(look(experiments, places), places, make(), say=lambda _: None)
        wall = time.perf_counter() - begun
    if tally.failed:
        first = next(iter(tally.failed.values()))
        raise RuntimeError(f"Expected all trainings to end well; {len(tally.failed)} failed, one with: {first}")
    results = open_storage(places.results)
    spent = [read_result(results.read(one.result_name)).seconds["wall"] for one in experiments]
    return {
        "wall_seconds": round(wall, 3),
        "cluster_seconds": round(starting, 3),
        "experiment_seconds": [round(seconds, 3) for seconds in spent],
    }


@contextmanager
def _executor(name: str, count: int) -> Iterator[tuple[Callable[[], Executor], float]]:
    """Start a cluster where one is needed; yield what makes the executor, and the seconds until it could be made."""
    if name == LOCAL:
        yield lambda: local(Resources(workers=count)), 0.0
        return
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        from ray.cluster_utils import Cluster
    except ImportError as error:
        raise missing_extra("ray", "ray") from error
    begun = time.perf_counter()
    cluster: Any = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    try:
        for _ in range(count - 1):
            cluster.add_node(num_cpus=1)
        cluster.wait_for_nodes()
        yield lambda: ray(Resources(address=cluster.address)), time.perf_counter() - begun
    finally:
        cluster.shutdown()


def summarise(record: Mapping[str, Any]) -> list[JsonObject]:
    """Add up what was measured, a row for each executor and number of nodes.

    Args:
        record: what `measure` returned.

    Returns:
        Rows with the medians over the repeats of `wall` (seconds by the clock) and `lost` (seconds of them in which an
        experiment could have run, if every slot had begun the next one at once), and with `beside_local`, `wall` as a
        multiple of that of as many local workers, None where they were not measured, `model`, which is what the unit
        costs foresee, and `model_from_one`, what the trainings of one node by themselves do. The models know that nodes
        share the cores of the machine.
    """
    by_way: dict[tuple[str, int], list[Mapping[str, Any]]] = {}
    for trial in record["trials"]:
        by_way.setdefault((trial["executor"], trial["nodes"]), []).append(trial)
    walls = {way: statistics.median(one["wall_seconds"] for one in found) for way, found in by_way.items()}
    alone = [seconds for one in by_way.get((RAY, 1), []) for seconds in one["experiment_seconds"]]
    rows = []
    for (executor, nodes), found in by_way.items():
        beside = walls.get((LOCAL, nodes))
        at_a_time = min(nodes, record["machine"]["cores"])
        rows.append(
            {
                "executor": executor,
                "nodes": nodes,
                "repeats": len(found),
                "wall": walls[executor, nodes],
                "lost": statistics.median(_lost(one) for one in found),
                "beside_local": None if beside is None or executor == LOCAL else walls[executor, nodes] / beside,
                "model": _makespan([record["predicted_seconds"]] * record["experiments"], at_a_time),
                "model_from_one": _makespan([statistics.median(alone)] * record["experiments"], at_a_time)
                if alone
                else None,
            }
        )
    return rows


def _lost(trial: Mapping[str, Any]) -> float:
    ideal = _makespan(trial["experiment_seconds"], trial["nodes"])
    return float(trial["wall_seconds"]) - ideal


def _makespan(seconds: Sequence[float], num_slots: int) -> float:
    jobs = [Job(name=str(place), function=print, seconds=one) for place, one in enumerate(seconds)]
    return makespan(jobs, num_slots)
