"""From experiments to jobs: data sets and processors before what needs them, what is there left out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from benchmarks.executors.interface import Job
from benchmarks.experiment import DataSettings, EncoderSettings, Experiment
from benchmarks.work import Places, collect_data, run_experiments

Seconds = Callable[[DataSettings | Experiment], float]
"""Predicts how long a data set or an experiment takes."""


def plan_jobs(
    experiments: Sequence[Experiment],
    places: Places,
    *,
    finished: Collection[str] = (),
    together: int = 1,
    seconds: Seconds = lambda _: 1.0,
) -> list[Job]:
    """List the jobs that are left.

    Args:
        experiments: in the order in which they are wanted, each behind the one that makes its processor.
        places: where everything lies.
        finished: names of the results that are there.
        together: most experiments of the natural stage that are trained as one ensemble.
        seconds: predicts how long something takes.

    Returns:
        Jobs behind those that they need; a data set that nothing is left to do with is none.
    """
    left = [experiment for experiment in experiments if experiment.result_name not in finished]
    jobs: dict[str, Job] = {}
    for group in _groups(left, together):
        first = group[0]
        data = first.settings.data
        if data.name not in jobs:
            jobs[data.name] = Job(
                name=data.name, function=collect_data, arguments=(data, places), seconds=seconds(data)
            )
        needed = first.needs
        needs = (data.name, needed.folder) if needed is not None and needed.folder in jobs else (data.name,)
        parts = [
            Job(
                name=experiment.folder,
                function=run_experiments,
                arguments=((experiment,), places),
                needs=needs,
                seconds=seconds(experiment),
            )
            for experiment in group
        ]
        job = parts[0] if len(parts) == 1 else _ensemble(group, parts, places, needs)
        jobs[job.name] = job
    return list(jobs.values())


def experiments_of(job: Job) -> tuple[Experiment, ...]:
    """Return the experiments that a job does; none for a data set."""
    first = job.arguments[0]
    return () if isinstance(first, DataSettings) else tuple(first)


def _ensemble(group: Sequence[Experiment], parts: Sequence[Job], places: Places, needs: tuple[str, ...]) -> Job:
    return Job(
        name=f"{group[0].folder} and {len(group) - 1} more",
        function=run_experiments,
        arguments=(tuple(group), places),
        needs=needs,
        seconds=sum(part.seconds for part in parts),
        parts=tuple(parts),
    )


def _member(experiment: Experiment) -> tuple[str, int]:
    """Return what tells members of an ensemble apart; arms that are one and the same cannot be in one."""
    settings = experiment.settings
    return settings.trained_as if isinstance(settings, EncoderSettings) else "", settings.seed


def _groups(experiments: Sequence[Experiment], together: int) -> list[list[Experiment]]:
    """Put experiments of the natural stage together that differ in arm and seed alone."""
    groups: list[list[Experiment]] = []
    places: dict[object, int] = {}
    for experiment in experiments:
        settings = experiment.settings
        if together == 1 or not isinstance(settings, EncoderSettings):
            groups.append([experiment])
            continue
        alike = (settings.data, settings.processor, settings.natural, settings.probe, settings.probe_seed)
        place = places.get(alike)
        if place is None or len(groups[place]) == together or _member(experiment) in map(_member, groups[place]):
            places[alike] = len(groups)
            groups.append([experiment])
        else:
            groups[place].append(experiment)
    return groups
