"""Means over seeds, and the notes that all tables share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from benchmarks.experiment import USUAL_WIDTH
from benchmarks.report.comparison import listed
from benchmarks.report.evidence import Evidence, Seeds
from benchmarks.report.table import Value
from benchmarks.result import Kind, Result
from rmr_gym.envs.games import GAMES

Score = Callable[[Result], float | None]


def mean_and_std(values: Sequence[float]) -> tuple[float | None, float | None]:
    """Return mean and sample deviation (denominator n - 1; missing for one value) of some values.

    Example:
        >>> mean_and_std([1.0, 3.0]), mean_and_std([1.0]), mean_and_std([])
        ((2.0, 1.4142135623730951), (1.0, None), (None, None))
    """
    if not values:
        return None, None
    return float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else None


def scores(seeds: Seeds, score: Score) -> list[float]:
    """Return the scores that are defined, in the order of the seeds."""
    return [value for value in map(score, seeds.values()) if value is not None]


def spread(name: str, seeds: Seeds, score: Score) -> dict[str, Value]:
    """Return the columns `name`, `name_std` and `name_seeds` of an arm; nothing where it has not been run."""
    values = scores(seeds, score)
    mean, std = mean_and_std(values)
    return {name: mean, f"{name}_std": std, f"{name}_seeds": len(values)} if values else {}


def not_run(games: Iterable[str], what: str) -> list[str]:
    """Say which of the paper's games are missing; nothing where none is.

    Example:
        >>> not_run([game for game in GAMES if game > "r"], "Table")
        ['Not run: 16 of 24 games (asteroids, battle_zone, berzerk, ... , private_eye, qbert): Table.']
    """
    have = set(games)
    missing = [game for game in GAMES if game not in have]
    if not missing:
        return []
    few = missing if len(missing) <= 6 else [*missing[:3], "... ", *missing[-2:]]
    return [f"Not run: {len(missing)} of {len(GAMES)} games ({', '.join(few)}): {what}."]


def uneven(where: str, arms: Mapping[str, Seeds]) -> list[str]:
    """Name the seeds that some arms of a game have and others lack; arms without any seed are named elsewhere."""
    present = {arm: set(seeds) for arm, seeds in arms.items() if seeds}
    all_seeds = set().union(*present.values())
    return [
        f"{where}: {arm} lacks {listed('seed', sorted(all_seeds - seeds))}."
        for arm, seeds in present.items()
        if seeds != all_seeds
    ]


def failed(evidence: Evidence, kind: Kind | None = None, wanted: Callable[[str], bool] = lambda _: True) -> list[str]:
    """Name the experiments of a stage that ended with an error, or all of them and the data sets that did.

    Args:
        evidence: all results and failures.
        kind: stage of the method; None takes all.
        wanted: chooses by id.
    """
    return [
        f"Failed: {one.id} ({one.error}; {one.attempts} attempt{'' if one.attempts == 1 else 's'})."
        for one in evidence.failures
        if one.id.startswith("" if kind is None else f"{kind}/") and wanted(one.id)
    ]


def prefix(kind: Kind, game: str, arm: str, *, donor: str | None = None, width: int | None = None) -> str:
    """Return how the ids of an arm's experiments begin, one per seed.

    Example:
        >>> prefix("natural", "pong", "rmr", donor="boxing", width=8)
        'natural/pong/rmr/from-boxing/width-8/seed-'
    """
    parts = [kind, game, arm]
    parts += [f"from-{donor}"] if donor not in (None, game) else []
    parts += [f"width-{width}"] if width not in (None, USUAL_WIDTH) else []
    return "/".join([*parts, "seed-"])
