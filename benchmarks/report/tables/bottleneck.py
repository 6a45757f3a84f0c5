"""Narrower slots in both stages (figure 5), with C-SWM at every width."""

from __future__ import annotations

from benchmarks.report.comparison import family, remarks
from benchmarks.report.evidence import Evidence, number
from benchmarks.report.options import Options
from benchmarks.report.table import Column, Row, Table, Value
from benchmarks.report.tables.natural import outcome_columns, pairing
from benchmarks.report.tables.spread import failed, prefix, spread
from benchmarks.result import Result
from benchmarks.suites import BOTTLENECK_WIDTHS

_ABOUT = (
    "The width of a slot is that of processor and encoder, so the probe has fewer features where slots are narrow: "
    "only the distance between RMR and C-SWM at a width is free of that. {measure}; tests as in table 1, corrected "
    "over the {members} rows with enough seeds. Processor: slot accuracy of the abstract stage at that width. The "
    "paper's figure 5 has curves of RMR and no numbers, so no column beside ours: its F1 falls as slots get "
    "narrower."
)


def bottleneck_table(evidence: Evidence, options: Options) -> Table | None:
    """Build the table of widths; None when there is one width only."""
    games = [game for game in evidence.games("natural") if len(evidence.widths("natural", game)) > 1]
    places = [(game, width) for game in games for width in evidence.widths("natural", game)]
    if not places:
        return None
    pairings = [pairing(evidence, options, game, width=width) for game, width in places]
    outcomes = family(pairings, alpha=options.alpha)
    rows, notes = [], []
    for game in games:
        missing = [str(width) for width in BOTTLENECK_WIDTHS if width not in evidence.widths("natural", game)]
        notes += [f"{game}: widths {', '.join(missing)} not run."] if missing else []
    for (game, width), outcome in zip(places, outcomes, strict=True):
        values: dict[str, Value] = {"game": game, "width": width, **outcome_columns(outcome)}
        for arm in ("rmr", "c_swm"):  # all seeds, also those without a partner
            values |= spread(arm, evidence.at("natural", game, arm, width=width), options.measure)
        values |= spread("processor", evidence.at("abstract", game, "mpnn", width=width), _slot_accuracy)
        runs = {arm: prefix("natural", game, arm, width=width) for arm in ("rmr", "c_swm")}
        runs["processor"] = prefix("abstract", game, "mpnn", width=width)
        rows.append(Row(values=values, runs=runs))
        notes += remarks(f"{game}, width {width}", outcome)
        lacking = [arm for arm in ("rmr", "c_swm") if arm not in values]
        notes += [f"{game}, width {width}: {' and '.join(lacking)} not run."] if lacking else []
    members = sum(one.holm is not None for one in outcomes)
    return Table(
        name="bottleneck",
        title="Bottleneck: width of the slots",
        about=_ABOUT.format(measure=options.measure.sentence, members=members),
        columns=_columns(),
        rows=tuple(rows),
        summary=tuple(_summary(evidence, options, game) for game in games),
        notes=(*notes, *failed(evidence, "natural", lambda name: "/width-" in name)),
    )


def _slot_accuracy(result: Result) -> float | None:
    return number(result.scores, "slot_accuracy")


def _summary(evidence: Evidence, options: Options, game: str) -> str:
    told = []
    for arm, name in (("rmr", "RMR"), ("c_swm", "C-SWM")):
        found = {
            width: spread("mean", evidence.at("natural", game, arm, width=width), options.measure).get("mean")
            for width in evidence.widths("natural", game)
        }
        means = {width: value for width, value in found.items() if isinstance(value, float)}
        if len(means) > 1:
            low, high = min(means), max(means)
            told.append(f"{name} {means[low]:.3f} at width {low} and {means[high]:.3f} at {high}")
    return f"{game}: {', '.join(told) or 'no arm at two widths'}."


def _columns() -> tuple[Column, ...]:
    return (
        Column(name="game", heading="game"),
        Column(name="width", heading="width", style="count"),
        Column(name="processor", heading="processor", style="score", std="processor_std", help="Slot accuracy."),
        Column(name="processor_std"),
        Column(name="rmr", heading="RMR", style="score", std="rmr_std"),
        Column(name="rmr_std"),
        Column(name="rmr_seeds"),
        Column(name="c_swm", heading="C-SWM", style="score", std="c_swm_std"),
        Column(name="c_swm_std"),
        Column(name="c_swm_seeds"),
        Column(name="difference", heading="RMR − C-SWM", style="signed"),
        Column(name="improvement_percent"),
        Column(name="seeds", heading="pairs", style="count"),
        Column(name="p", heading="p", style="p", help="One-sided, in the direction of the difference."),
        Column(name="p_greater"),
        Column(name="p_less"),
        Column(name="verdict", heading="verdict", help="What RMR is beside C-SWM."),
        Column(name="verdict_holm", heading="Holm"),
        Column(name="verdict_bh", heading="BH"),
    )
