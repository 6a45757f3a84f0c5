"""How trainings went: loss, rank and active margins over the steps, as mean and range over seeds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from benchmarks.report.evidence import Evidence, Seeds, number
from benchmarks.report.options import Options
from benchmarks.report.table import Column, Row, Table, Value
from benchmarks.result import Kind

QUANTITIES = ("loss", "mask_loss", "bit_loss", "effective_rank", "active_margins")

_ABOUT = (
    "Records of the trainings, up to 40 per run: mean, lowest and highest over seeds, at the steps that all seeds "
    "have. Losses of arms that are trained by different objectives (supervised) are not comparable. The paper shows "
    "no learning curves."
)


class Curve(NamedTuple):
    """One quantity of an arm on a game."""

    kind: Kind
    game: str
    arm: str
    quantity: str
    steps: list[int]
    mean: list[float]
    low: list[float]
    high: list[float]


def curves(evidence: Evidence) -> list[Curve]:
    """Collect the curves of all arms that were trained, on their own games and at the usual width."""
    found = []
    for kind in ("abstract", "natural"):
        for game in evidence.games(kind):
            for arm in evidence.arms(kind):
                found += list(_of_arm(kind, game, arm, evidence.at(kind, game, arm)))
    return found


def curves_table(evidence: Evidence, _options: Options) -> Table | None:
    """Write the curves as one row per point; None where nothing was trained."""
    found = curves(evidence)
    rows = [
        Row(
            values={
                "kind": curve.kind,
                "game": curve.game,
                "arm": curve.arm,
                "quantity": curve.quantity,
                "step": step,
                "mean": curve.mean[index],
                "lowest": curve.low[index],
                "highest": curve.high[index],
            }
        )
        for curve in found
        for index, step in enumerate(curve.steps)
    ]
    if not rows:
        return None
    names = ("kind", "game", "arm", "quantity", "step", "mean", "lowest", "highest")
    return Table(
        name="curves",
        title="Learning curves",
        about=_ABOUT,
        columns=tuple(Column(name=name) for name in names),
        rows=tuple(rows),
    )


def _of_arm(kind: Kind, game: str, arm: str, seeds: Seeds) -> Iterator[Curve]:
    logs = [_by_step(result.curve) for result in seeds.values() if result.curve]
    if not logs:
        return
    steps = sorted(set(logs[0]).intersection(*logs[1:]))
    for quantity in QUANTITIES:
        points: list[tuple[int, Sequence[float]]] = []
        for step in steps:
            values = [number(log[step], quantity) for log in logs]
            there = [value for value in values if value is not None]
            points += [(step, there)] if len(there) == len(logs) else []
        if points:
            yield Curve(
                kind=kind,
                game=game,
                arm=arm,
                quantity=quantity,
                steps=[step for step, _ in points],
                mean=[float(np.mean(values)) for _, values in points],
                low=[min(values) for _, values in points],
                high=[max(values) for _, values in points],
            )


def _by_step(log: Sequence[Mapping[str, Value]]) -> dict[int, Mapping[str, Value]]:
    steps = {}
    for record in log:
        step = number(record, "step")
        if step is not None:
            steps[int(step)] = record
    return steps
