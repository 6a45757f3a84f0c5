"""Whether features have collapsed: their rank, their variances, and the share of active margins."""

from __future__ import annotations

from benchmarks.report.evidence import Evidence, number
from benchmarks.report.options import Options
from benchmarks.report.table import Column, Row, Table, Value
from benchmarks.report.tables.spread import Score, not_run, prefix, scores, spread
from benchmarks.result import Result

LOW_RANK = 10.0
"""Effective rank below which a note warns; ours: trained encoders of the project have 17 and more."""

_ABOUT = (
    "Mean ± sample deviation over seeds. Effective rank: exponential of the entropy of the normalised singular "
    "values of the features on probe frames, and of the last training batch. Active margins: share of negatives "
    "that the hinge still pushes away, at the end of training; only the hinge has them. Dead slots: most of any "
    "seed. The paper reports none of these."
)


def collapse_table(evidence: Evidence, _options: Options) -> Table | None:
    """Build the panel; None without an encoder."""
    games = evidence.games("natural")
    if not games:
        return None
    rows, notes = [], not_run(games, "no encoder was trained there")
    for game in games:
        for arm in evidence.arms("natural"):
            seeds = evidence.at("natural", game, arm)
            if not seeds:
                continue
            values: dict[str, Value] = {"game": game, "arm": arm, "seeds": len(seeds)}
            for name in ("effective_rank", "active_margins", "smallest_slot_variance", "median_slot_variance"):
                values |= spread(name, seeds, _of_collapse(name))
            values |= spread("batch_rank", seeds, _at_the_end("effective_rank"))
            values |= spread("final_loss", seeds, _at_the_end("loss"))
            dead = scores(seeds, _of_collapse("num_dead_slots"))
            values["dead_slots"] = int(max(dead)) if dead else None
            runs = {"effective_rank": prefix("natural", game, arm, width=evidence.width("natural"))}
            rows.append(Row(values=values, runs=runs))
            notes += _alarms(game, arm, values)
    return Table(
        name="collapse",
        title="Collapse panel",
        about=_ABOUT,
        columns=_columns(),
        rows=tuple(rows),
        notes=tuple(notes),
    )


def _alarms(game: str, arm: str, values: dict[str, Value]) -> list[str]:
    notes = []
    rank, dead, margins = (values.get(name) for name in ("effective_rank", "dead_slots", "active_margins"))
    if isinstance(rank, float) and rank < LOW_RANK:
        notes.append(f"{game}, {arm}: effective rank {rank:.1f}, the features have collapsed.")
    if isinstance(dead, int) and dead:
        notes.append(f"{game}, {arm}: up to {dead} slots do not vary at all.")
    if isinstance(margins, float) and margins == 0:
        notes.append(f"{game}, {arm}: no margin is active, so nothing pushes features apart any more.")
    return notes


def _of_collapse(name: str) -> Score:
    return lambda result: number(result.collapse, name)


def _at_the_end(name: str) -> Score:
    def score(result: Result) -> float | None:
        return number(result.curve[-1], name) if result.curve else None

    return score


def _columns() -> tuple[Column, ...]:
    return (
        Column(name="game", heading="game"),
        Column(name="arm", heading="arm"),
        Column(name="seeds", heading="seeds", style="count"),
        Column(name="effective_rank", heading="effective rank", style="rank", std="effective_rank_std"),
        Column(name="effective_rank_std"),
        Column(name="batch_rank", heading="of the last batch", style="rank", std="batch_rank_std"),
        Column(name="batch_rank_std"),
        Column(name="active_margins", heading="active margins", style="share", std="active_margins_std"),
        Column(name="active_margins_std"),
        Column(name="dead_slots", heading="dead slots", style="count"),
        Column(name="smallest_slot_variance", heading="smallest variance", style="score"),
        Column(name="median_slot_variance", heading="median variance", style="score"),
        Column(name="final_loss", heading="last loss", style="score", std="final_loss_std"),
        Column(name="final_loss_std"),
    )
