"""How long the rest takes, from what was predicted and what the first jobs really took."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping, Sequence

from benchmarks.executors.interface import Job

_PRIOR = 60.0  # predicted seconds; weight of the prediction against what was measured


class TimeLeft:
    """Corrects predictions by what equal jobs took.

    Args:
        predicted: seconds of every job by name, in any unit that is right up to a factor for each sort.
        sort: names the jobs whose predictions are wrong by the same factor.
        num_slots: jobs at a time.
    """

    def __init__(self, predicted: Mapping[str, float], sort: Callable[[str], str], num_slots: int = 1) -> None:
        self._ahead, self._sort, self._slots = dict(predicted), sort, num_slots
        self._predicted: dict[str, float] = {}
        self._took: dict[str, float] = {}

    @property
    def num_jobs(self) -> int:
        """Jobs that are ahead."""
        return len(self._ahead)

    def done(self, name: str, seconds: float | None = None) -> None:
        """Take a job off the list, with what it took if that says anything about the others."""
        predicted = self._ahead.pop(name, None)
        if predicted is not None and seconds is not None:
            sort = self._sort(name)
            self._predicted[sort] = self._predicted.get(sort, 0.0) + predicted
            self._took[sort] = self._took.get(sort, 0.0) + seconds

    def seconds(self) -> float:
        """Return the seconds by the clock until all is done, if all slots have something to do."""
        ahead: dict[str, float] = {}
        for name, predicted in self._ahead.items():
            ahead[self._sort(name)] = ahead.get(self._sort(name), 0.0) + predicted
        total = sum(predicted * self._factor(sort) for sort, predicted in ahead.items())
        longest = max((value * self._factor(self._sort(name)) for name, value in self._ahead.items()), default=0.0)
        return max(total / self._slots, longest)

    def _factor(self, sort: str) -> float:
        if sort not in self._took:
            sort_took, sort_predicted = sum(self._took.values()), sum(self._predicted.values())
        else:
            sort_took, sort_predicted = self._took[sort], self._predicted[sort]
        return (sort_took + _PRIOR) / (sort_predicted + _PRIOR)


def makespan(jobs: Sequence[Job], num_slots: int) -> float:
    """Predict the seconds by the clock from the start to the end of all jobs.

    Every slot takes the first job of the plan whose needs are done, as the runner does.

    Example:
        >>> first = Job(name="a", function=print, seconds=3.0)
        >>> behind = Job(name="b", function=print, needs=("a",), seconds=2.0)
        >>> makespan([first, behind, Job(name="c", function=print, seconds=4.0)], 2)
        5.0
    """
    places = {job.name: place for place, job in enumerate(jobs)}
    missing = {job.name: len(job.needs) for job in jobs}
    needed_by: dict[str, list[str]] = {}
    for job in jobs:
        for name in job.needs:
            needed_by.setdefault(name, []).append(job.name)
    ready = [place for name, place in places.items() if not missing[name]]
    running: list[tuple[float, int]] = []
    now = 0.0
    while ready or running:
        while ready and len(running) < num_slots:
            place = heapq.heappop(ready)
            heapq.heappush(running, (now + jobs[place].seconds, place))
        now, place = heapq.heappop(running)
        for name in needed_by.get(jobs[place].name, ()):
            missing[name] -= 1
            if not missing[name]:
                heapq.heappush(ready, places[name])
    return now


def in_words(seconds: float) -> str:
    """Say a time in the unit that fits.

    Example:
        >>> in_words(40), in_words(400), in_words(40_000), in_words(400_000)
        ('40 s', '7 min', '11.1 h', '4.6 days')
    """
    if seconds < 100:
        return f"{seconds:.0f} s"
    if seconds < 6_000:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 200_000 else f"{seconds / 86_400:.1f} days"
