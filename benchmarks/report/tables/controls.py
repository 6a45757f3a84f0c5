"""What freezing alone does, what other processors do, and both ends of the scale: all arms, three readouts."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from benchmarks.arms import ENCODER_ARMS
from benchmarks.report.comparison import Corrected, family, pair, remarks
from benchmarks.report.evidence import Evidence
from benchmarks.report.measure import READOUTS
from benchmarks.report.options import Options
from benchmarks.report.paper import natural_scores
from benchmarks.report.table import Column, Row, Table, Value
from benchmarks.report.tables.normalised import anchors, other_scales, placed, without_scale
from benchmarks.report.tables.spread import not_run, prefix, spread, uneven

REFERENCE = "rmr"

_SHORT = {"full": "full", "few_labels": "few labels", "low_dimensional": "low-dim."}

_ABOUT = (
    "{average} bit F1 of three readouts: full (all features), few labels, low-dimensional (principal components). "
    "Mean ± sample deviation over all seeds of the arm. Minus RMR: over the seeds that both have, with the "
    "one-sided exact Wilcoxon test; the verdict says what the arm is beside RMR, Holm's correction is over the arms "
    "and games of one readout. Normalised: 0 is the untrained encoder, 1 the supervised one, of the same game and "
    "readout. The paper has none of these controls; its RMR and C-SWM stand beside ours in the full readout."
)


def controls_table(evidence: Evidence, options: Options) -> Table | None:
    """Build the table of all arms on games with more than the paper's two; None without any."""
    arms = evidence.arms("natural")
    present = {game: [arm for arm in arms if evidence.at("natural", game, arm)] for game in evidence.games("natural")}
    games = [game for game, names in present.items() if set(names) - {"rmr", "c_swm"}]
    if not games:
        return None
    compared = {readout: _compared(evidence, options, present, games, readout) for readout in READOUTS}
    rows = [_row(evidence, options, game, arm, compared) for game in games for arm in present[game]]
    notes = not_run(games, "no control there")
    for game in games:
        missing = [arm for arm in ENCODER_ARMS if arm not in present[game]]
        notes += [f"{game}: {', '.join(missing)} not run."] if missing else []
        notes += uneven(game, {arm: evidence.at("natural", game, arm) for arm in present[game]})
    notes += _remarks(compared)
    notes += [note for game in games for note in other_scales(evidence, game, present[game])]
    for readout in READOUTS:
        measure = dataclasses.replace(options.measure, readout=readout)
        notes += without_scale(evidence, games, measure)
    average = options.measure.average
    return Table(
        name="controls",
        title="Controls",
        about=_ABOUT.format(average=average[0].upper() + average[1:]),
        columns=_columns(),
        rows=tuple(rows),
        notes=tuple(dict.fromkeys(notes)),
    )


Compared = dict[tuple[str, str], Corrected]
"""By game and arm."""


def _compared(
    evidence: Evidence, options: Options, present: dict[str, list[str]], games: list[str], readout: str
) -> Compared:
    measure = dataclasses.replace(options.measure, readout=readout)
    places = [(game, arm) for game in games for arm in present[game] if arm != REFERENCE]
    pairings = [
        pair(
            evidence.at("natural", game, arm),
            evidence.at("natural", game, REFERENCE),
            measure,
            names=(arm, REFERENCE),
            where=game,
        )
        for game, arm in places
    ]
    return dict(zip(places, family(pairings, alpha=options.alpha), strict=True))


def _remarks(compared: Mapping[str, Compared]) -> list[str]:
    """Say what must be known of the comparisons, and of which readouts where it is not all of them."""
    about: dict[str, dict[str, None]] = {}
    for readout, outcomes in compared.items():
        for (game, arm), outcome in outcomes.items():
            for remark in remarks(f"{game}, {arm} beside rmr", outcome):
                about.setdefault(remark, {})[readout.replace("_", " ")] = None
    return [
        remark if len(readouts) == len(compared) else f"{remark[:-1]} ({', '.join(readouts)} readout)."
        for remark, readouts in about.items()
    ]


def _row(evidence: Evidence, options: Options, game: str, arm: str, compared: dict[str, Compared]) -> Row:
    seeds = evidence.at("natural", game, arm)
    values: dict[str, Value] = {"game": game, "arm": arm, "seeds": len(seeds)}
    for readout in READOUTS:
        measure = dataclasses.replace(options.measure, readout=readout)
        values |= spread(readout, seeds, measure)
        mean = values.get(readout)
        scale = anchors(evidence, game, measure, [arm])
        values[f"{readout}_normalised"] = placed(mean, scale) if isinstance(mean, float) else None
        outcome = compared[readout].get((game, arm))
        if outcome is not None and outcome.test is not None:
            test = outcome.test
            values |= {
                f"{readout}_minus_rmr": test.mean_difference,
                f"{readout}_p": test.p_greater if test.mean_difference > 0 else test.p_less,
                f"{readout}_verdict": outcome.judgement,
                f"{readout}_verdict_holm": outcome.judgement_holm,
                f"{readout}_pairs": test.num_pairs,
            }
    paper = natural_scores().get(game)
    if paper is not None and arm in ("rmr", "c_swm"):
        values["paper"], values["paper_std"] = paper.rmr if arm == "rmr" else paper.c_swm
    runs = prefix("natural", game, arm, width=evidence.width("natural"))
    return Row(values=values, runs={"full": runs, "few_labels": runs, "low_dimensional": runs})


def _columns() -> tuple[Column, ...]:
    columns = [
        Column(name="game", heading="game"),
        Column(name="arm", heading="arm"),
        Column(name="seeds", heading="seeds", style="count"),
    ]
    for readout in READOUTS:
        short = _SHORT[readout]
        columns += [
            Column(name=readout, heading=short, style="score", std=f"{readout}_std"),
            Column(name=f"{readout}_std"),
            Column(name=f"{readout}_minus_rmr", heading=f"{short} − RMR", style="signed"),
            Column(name=f"{readout}_pairs"),
            Column(name=f"{readout}_p", heading="p", style="p", help="One-sided, in the direction of the difference."),
            Column(name=f"{readout}_verdict", heading="verdict", help="What the arm is beside RMR."),
            Column(name=f"{readout}_verdict_holm", heading="Holm"),
            Column(name=f"{readout}_normalised", heading="normalised", style="score"),
        ]
    columns += [Column(name="paper", heading="paper", style="score", std="paper_std"), Column(name="paper_std")]
    return tuple(columns)
