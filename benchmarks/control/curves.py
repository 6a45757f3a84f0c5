"""Learning curves of one task: the same evaluation steps for all agents, one row per seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64

from rmr_gym.errors import explain

JsonObject = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Curves:
    """The evaluations of one arm on one task."""

    seeds: tuple[int, ...]
    """In ascending order."""

    steps: Float64[np.ndarray, " point"]
    """Environment steps before each evaluation, the same for all seeds; the first is 0."""

    returns: Float64[np.ndarray, "seed point"]
    """Mean return of the episodes of each evaluation."""

    @property
    def area(self) -> Float64[np.ndarray, " seed"]:
        """Mean return over the training: the area under each curve by the trapezoidal rule, divided by its length."""
        widths = np.diff(self.steps)
        middles = (self.returns[:, 1:] + self.returns[:, :-1]) / 2
        return np.asarray(middles @ widths / widths.sum())

    @property
    def final(self) -> Float64[np.ndarray, " seed"]:
        """Return of the last evaluation, which has more episodes than the others."""
        return np.asarray(self.returns[:, -1])


def read_curves(results: Sequence[JsonObject]) -> dict[str, Curves]:
    """Bring the results of one task into curves.

    Args:
        results: of trainings, see `benchmarks.control.sweep`; all on one task.

    Returns:
        The curves of each arm, in the order in which the arms come.

    Raises:
        ValueError: when a seed of an arm stands twice, or two trainings were evaluated at other steps.
    """
    by_arm: dict[str, dict[int, JsonObject]] = {}
    for result in results:
        seeds = by_arm.setdefault(result["arm"], {})
        if result["seed"] in seeds:
            found = f"{result['arm']} seed {result['seed']} with the settings {seeds[result['seed']]['key']} and "
            fix = "Remove the folder of one of them."
            raise ValueError(explain(expected="one training per arm and seed", got=found + result["key"], fix=fix))
        seeds[result["seed"]] = result
    curves = {arm: _curves([seeds[seed] for seed in sorted(seeds)]) for arm, seeds in by_arm.items()}
    grids = {tuple(one.steps) for one in curves.values()}
    if len(grids) > 1:
        raise ValueError(_other_steps(sorted(grids)))
    return curves


def _curves(results: Sequence[JsonObject]) -> Curves:
    grids = {tuple(float(record["env_steps"]) for record in result["evaluations"]) for result in results}
    if len(grids) > 1:
        raise ValueError(_other_steps(sorted(grids)))
    returns = [[record["mean_return"] for record in result["evaluations"]] for result in results]
    return Curves(
        seeds=tuple(result["seed"] for result in results),
        steps=np.array(grids.pop()),
        returns=np.array(returns, dtype=np.float64),
    )


def _other_steps(grids: Sequence[Sequence[float]]) -> str:
    got = " and ".join(f"at {len(grid)} steps up to {grid[-1]:.0f}" for grid in grids[:2])
    return explain(expected="evaluations at the same steps", got=got, fix="Train all arms of a task for as many steps.")
