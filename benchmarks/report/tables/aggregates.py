"""All games in one number per arm: interquartile means and probabilities of improvement, with intervals."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float64

from benchmarks.intervals import LEVEL, Interval, interquartile_mean, probability_of_improvement, stratified
from benchmarks.report.comparison import pair
from benchmarks.report.evidence import Evidence
from benchmarks.report.measure import READOUTS, Measure
from benchmarks.report.options import Options
from benchmarks.report.paper import natural_scores
from benchmarks.report.table import Column, Row, Table, Value
from benchmarks.report.tables.controls import REFERENCE
from benchmarks.report.tables.normalised import anchors, other_scales
from rmr_gym.seeding import numpy_generator

_ABOUT = (
    "Each arm beside RMR on the games and seeds that both have. Interquartile mean (IQM) over all runs of all "
    "games, and the probability that a run of RMR scores above one of the arm on the same game (ties count one "
    "half), averaged over games; brackets: {level:.0f} % interval of a bootstrap over seeds, stratified by game "
    "({repetitions:,} draws). With few seeds intervals are too short. Normalised: IQM of scores between the "
    "untrained (0) and the supervised encoder (1), over the games that have such a scale. Paper: IQM of its 24 "
    "means, which is the nearest that its table 1 allows; other games and data than ours."
)


def aggregates_table(evidence: Evidence, options: Options) -> Table | None:
    """Build the table, one row per readout and arm; None without an arm beside RMR."""
    rows: list[Row] = []
    notes: list[str] = []
    arms = [arm for arm in evidence.arms("natural") if arm != REFERENCE]
    for readout in READOUTS:
        measure = dataclasses.replace(options.measure, readout=readout)
        for arm in arms:
            found = _row(evidence, options, measure, arm, notes)
            rows += [found] if found else []
    if not rows:
        return None
    return Table(
        name="aggregates",
        title="Aggregates over games",
        about=_ABOUT.format(level=100 * LEVEL, repetitions=options.repetitions),
        columns=_columns(),
        rows=tuple(rows),
        notes=tuple(dict.fromkeys(notes)),
    )


Scores = Mapping[str, tuple[Sequence[float], Sequence[float]]]
"""By game, the scores of an arm and of RMR, paired by seed."""


def rectangle(counts: Mapping[str, int]) -> tuple[int, list[str]]:
    """Choose a number of seeds, and the games that have so many, so that most runs count; ties go to more games.

    Example:
        >>> rectangle({"pong": 5, "boxing": 4, "qbert": 1})
        (4, ['pong', 'boxing'])
    """
    choices = [(seeds, [game for game, count in counts.items() if count >= seeds]) for seeds in set(counts.values())]
    return max(choices, key=lambda one: (one[0] * len(one[1]), len(one[1])), default=(0, []))


def _row(evidence: Evidence, options: Options, measure: Measure, arm: str, notes: list[str]) -> Row | None:
    found: dict[str, tuple[Sequence[float], Sequence[float]]] = {}
    for game in evidence.games("natural"):
        both = [evidence.at("natural", game, name) for name in (arm, REFERENCE)]
        pairs = pair(both[0], both[1], measure, names=(arm, REFERENCE), where=game)
        if pairs.seeds:
            found[game] = pairs.first, pairs.second
    num_seeds, games = rectangle({game: len(scores[0]) for game, scores in found.items()})
    if not games:
        return None
    notes += _left_out(found, num_seeds, games, arm, measure)
    first, second = (_matrix(found, games, num_seeds, side) for side in (0, 1))
    values: dict[str, Value] = {"readout": measure.readout, "arm": arm, "games": len(games), "seeds": num_seeds}
    values["game_names"] = " ".join(games)
    values |= _interval("iqm", _iqm(first, options, measure, arm, "own"))
    values |= _interval("rmr_iqm", _iqm(second, options, measure, arm, "rmr"))
    generator = numpy_generator(options.seed, "improvement", measure.readout, arm)
    chance = probability_of_improvement(second, first, generator, repetitions=options.repetitions)
    values |= _interval("improvement", chance)
    scales = {game: anchors(evidence, game, measure, (arm, REFERENCE)) for game in games}
    notes += [note for game in games for note in other_scales(evidence, game, (arm, REFERENCE))]
    scaled = [index for index, game in enumerate(games) if scales[game]]
    values["normalised_games"] = len(scaled)
    if scaled:
        ends = np.array([scales[games[index]] for index in scaled])
        own, rmr = ((one[:, scaled] - ends[:, 0]) / (ends[:, 1] - ends[:, 0]) for one in (first, second))
        values |= _interval("normalised", _iqm(own, options, measure, arm, "normalised"))
        values |= _interval("rmr_normalised", _iqm(rmr, options, measure, arm, "rmr normalised"))
    if arm == "c_swm" and measure.readout == READOUTS[0]:
        paper = natural_scores().values()
        values["paper_iqm"] = float(interquartile_mean(np.array([one.c_swm[0] for one in paper])))
        values["paper_rmr_iqm"] = float(interquartile_mean(np.array([one.rmr[0] for one in paper])))
    return Row(values=values)


def _left_out(found: Scores, num_seeds: int, games: Sequence[str], arm: str, measure: Measure) -> list[str]:
    where = f"{arm} beside rmr, {measure.readout} readout"
    fewer = [game for game in found if game not in games]
    more = [game for game in games if len(found[game][0]) > num_seeds]
    notes = [f"{where}: {', '.join(fewer)} left out, fewer than {num_seeds} seeds."] if fewer else []
    if more:
        notes.append(f"{where}: only the first {num_seeds} seeds of {', '.join(more)}, as the others have no more.")
    if num_seeds == 1:
        notes.append(f"{where}: one seed, so the interval is a point and says nothing.")
    return notes


def _matrix(found: Scores, games: Sequence[str], num_seeds: int, side: int) -> Float64[np.ndarray, "run game"]:
    return np.array([found[game][side][:num_seeds] for game in games], dtype=np.float64).T


def _iqm(scores: np.ndarray, options: Options, measure: Measure, arm: str, purpose: str) -> Interval:
    generator = numpy_generator(options.seed, "iqm", measure.readout, arm, purpose)
    return stratified(scores, interquartile_mean, generator, repetitions=options.repetitions)


def _interval(name: str, interval: Interval) -> dict[str, Value]:
    return {name: interval.estimate, f"{name}_low": interval.low, f"{name}_high": interval.high}


def _columns() -> tuple[Column, ...]:
    columns = [
        Column(name="readout", heading="readout"),
        Column(name="arm", heading="arm"),
        Column(name="games", heading="games", style="count"),
        Column(name="seeds", heading="seeds", style="count"),
        Column(name="game_names"),
    ]
    for name, heading, meaning in (
        ("iqm", "IQM", "Of the arm."),
        ("rmr_iqm", "IQM of RMR", "On the same games and seeds."),
        ("improvement", "P(RMR > arm)", "One half is no difference."),
        ("normalised", "IQM normalised", "0 is untrained, 1 is supervised."),
        ("rmr_normalised", "of RMR", "On the same games and seeds."),
    ):
        bounds = (f"{name}_low", f"{name}_high")
        columns.append(Column(name=name, heading=heading, style="score", bounds=bounds, who="ours", help=meaning))
        columns += [Column(name=bound) for bound in bounds]
    return (
        *columns,
        Column(name="normalised_games"),
        Column(name="paper_iqm", heading="IQM", style="score", who="paper"),
        Column(name="paper_rmr_iqm", heading="IQM of RMR", style="score", who="paper"),
    )
