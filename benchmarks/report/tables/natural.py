"""Table 1: what a linear probe reads off encoders around a frozen and around a trained processor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from benchmarks.report.comparison import Corrected, Pairing, correct, family, judge, pair, remarks, tally
from benchmarks.report.evidence import Evidence
from benchmarks.report.options import Options
from benchmarks.report.paper import NUM_SEEDS, natural_scores
from benchmarks.report.table import Column, Row, Table, Value
from benchmarks.report.tables.normalised import ENDS, anchors, other_scales, placed
from benchmarks.report.tables.spread import failed, not_run, prefix, spread
from rmr_gym.envs.games import GAMES

FIRST, SECOND = "rmr", "c_swm"
"""The arms that are compared."""


class Compared(NamedTuple):
    """A game and what the two arms are on it."""

    game: str
    outcome: Corrected


def natural_table(evidence: Evidence, options: Options) -> Table:
    """Build table 1 with the paper's columns; all 24 games have a row."""
    games = list(dict.fromkeys([*GAMES, *evidence.games("natural")]))
    found = compare_games(evidence, options, games)
    notes = not_run([one.game for one in found if one.outcome.test], "RMR and C-SWM have no seed in common there")
    notes += [remark for one in found for remark in remarks(one.game, one.outcome)]
    notes += [note for game in games for note in other_scales(evidence, game, (FIRST, SECOND))]
    return Table(
        name="table1",
        title="Table 1: reading the memory off encoders",
        about=_about(options, sum(one.outcome.holm is not None for one in found)),
        columns=_columns(),
        rows=tuple(_row(evidence, options, one) for one in found),
        summary=(_ours(found), *_theirs(options)),
        notes=(*notes, *failed(evidence, "natural", lambda name: "/from-" not in name and "/width-" not in name)),
    )


def compare_games(evidence: Evidence, options: Options, games: Sequence[str]) -> list[Compared]:
    """Compare RMR with C-SWM on each game, corrected over all of them."""
    pairings = [pairing(evidence, options, game) for game in games]
    outcomes = family(pairings, alpha=options.alpha)
    return [Compared(game, outcome) for game, outcome in zip(games, outcomes, strict=True)]


def pairing(
    evidence: Evidence, options: Options, game: str, *, donor: str | None = None, width: int | None = None
) -> Pairing:
    """Bring RMR and C-SWM on a game together; C-SWM has no donor."""
    first = evidence.at("natural", game, FIRST, donor=donor, width=width)
    second = evidence.at("natural", game, SECOND, width=width)
    where = game if donor is None else f"{donor} to {game}"
    where += "" if width is None else f", width {width}"
    return pair(first, second, options.measure, names=(FIRST, SECOND), where=where)


def outcome_columns(one: Corrected) -> dict[str, Value]:
    """Return what the files say about a comparison."""
    test = one.test
    values: dict[str, Value] = {
        "verdict": one.judgement,
        "verdict_holm": one.judgement_holm,
        "verdict_bh": one.judgement_bh,
        "seeds": len(one.pairing.seeds),
        "improvement_percent": one.pairing.improvement,
    }
    if test is None:
        return values
    several = test.num_pairs > 1
    values |= {
        "rmr": test.first_mean,
        "rmr_std": test.first_std if several else None,
        "c_swm": test.second_mean,
        "c_swm_std": test.second_std if several else None,
        "difference": test.mean_difference,
        "p_greater": test.p_greater,
        "p_less": test.p_less,
        "p": test.p_greater if test.mean_difference > 0 else test.p_less,
        "equal_pairs": test.num_zeros,
        "depends_on_equal_pairs": str(test.verdict_depends_on_zeros).lower(),
    }
    for name, corrected in (("holm", one.holm), ("bh", one.bh)):
        if corrected is not None:
            values |= {f"p_greater_{name}": corrected[0], f"p_less_{name}": corrected[1]}
    return values


def _row(evidence: Evidence, options: Options, one: Compared) -> Row:
    game, outcome = one
    values: dict[str, Value] = {"game": game, **outcome_columns(outcome)}
    width = evidence.width("natural")
    runs = {arm: prefix("natural", game, arm, width=width) for arm in (FIRST, SECOND, *ENDS)}
    for arm in ENDS if outcome.test is not None else (FIRST, SECOND, *ENDS):
        values |= spread(arm, evidence.at("natural", game, arm), options.measure)
    arms = [evidence.at("natural", game, arm) for arm in (FIRST, SECOND, *evidence.arms("natural"))]
    some = next((seeds for seeds in arms if seeds), {})
    values |= {name: value for name, value in spread("majority", some, options.measure.majority).items() if some}
    for arm in (FIRST, SECOND):
        mean, scale = values.get(arm), anchors(evidence, game, options.measure, [arm])
        values[f"{arm}_normalised"] = placed(mean, scale) if isinstance(mean, float) else None
    paper = natural_scores().get(game)
    if paper is not None:
        values |= {
            "paper_agent57": paper.agent57[0],
            "paper_agent57_std": paper.agent57[1],
            "paper_c_swm": paper.c_swm[0],
            "paper_c_swm_std": paper.c_swm[1],
            "paper_rmr": paper.rmr[0],
            "paper_rmr_std": paper.rmr[1],
            "paper_p": paper.p_text,
            "paper_verdict": paper.verdict,
        }
    ahead = {"better": FIRST, "worse": SECOND}
    strong = {ahead[outcome.judgement]} if outcome.judgement in ahead else set()
    if paper is not None and paper.verdict in ahead:
        strong.add(f"paper_{ahead[paper.verdict]}")
    return Row(values=values, runs=runs, strong=frozenset(strong))


def _ours(found: Sequence[Compared]) -> str:
    ways = {
        name: [getattr(one.outcome, name) for one in found] for name in ("judgement", "judgement_holm", "judgement_bh")
    }
    if not any(one.outcome.holm for one in found):
        return f"Ours, RMR beside C-SWM: {tally(ways['judgement'])}."
    holm, bh = (tally(name for name in ways[key] if name not in _GAPS) for key in ("judgement_holm", "judgement_bh"))
    plain = tally(ways["judgement"])
    return f"Ours, RMR beside C-SWM: {plain}; after Holm's correction {holm}; after Benjamini and Hochberg's {bh}."


def _theirs(options: Options) -> list[str]:
    paper = list(natural_scores().values())
    greater, less = correct([(one.p_greater, one.p_less) for one in paper])
    corrected = {
        name: tally(judge(*both, options.alpha) for both in zip(greater[name], less[name], strict=True))
        for name in ("holm", "bh")
    }
    return [
        f"Paper ({NUM_SEEDS} seeds): {tally(one.verdict for one in paper)}.",
        "The paper's printed p-values, corrected by us (bounds as they are, the other direction as 1 - p): "
        f"{corrected['holm']} by Holm's method, {corrected['bh']} by that of Benjamini and Hochberg.",
    ]


_GAPS = ("too few seeds", "not run")


def _about(options: Options, members: int) -> str:
    return (
        f"{options.measure.sentence}; mean ± sample deviation over the seeds that both arms have, or over all of one "
        "without a partner. Two one-sided exact Wilcoxon signed-rank tests, paired by seed, equal pairs left out: "
        f"one for RMR higher, one for RMR lower; a verdict needs p < {options.alpha:g} (so the two-sided level is "
        f"{2 * options.alpha:g}). Holm and BH (Benjamini and Hochberg): the same after a correction over "
        f"the {members} games with enough seeds, each direction by itself. Normalised: 0 is the untrained encoder, 1 "
        "the supervised one. Paper: table 1, on data of Agent57; how its F1 is averaged is not said."
    )


def _columns() -> tuple[Column, ...]:
    return (
        Column(name="game", heading="game"),
        Column(name="c_swm", heading="C-SWM", style="score", std="c_swm_std", who="ours", help="Trained processor."),
        Column(name="c_swm_std"),
        Column(
            name="rmr", heading="RMR", style="score", std="rmr_std", who="ours", help="Pre-trained, frozen processor."
        ),
        Column(name="rmr_std"),
        Column(name="difference", heading="RMR − C-SWM", style="signed", who="ours", help="Mean over seeds."),
        Column(name="improvement_percent"),
        Column(name="seeds", heading="seeds", style="count", who="ours", help="Pairs."),
        Column(name="p", help="One-sided, in the direction of the difference."),
        Column(name="p_greater", heading="p higher", style="p", who="ours", help="One-sided, RMR is higher."),
        Column(name="p_less", heading="p lower", style="p", who="ours", help="One-sided, RMR is lower."),
        Column(name="verdict", heading="verdict", who="ours", help="What RMR is beside C-SWM."),
        Column(name="p_greater_holm"),
        Column(name="p_less_holm"),
        Column(name="verdict_holm", heading="Holm", who="ours", help="After Holm's correction over the games."),
        Column(name="p_greater_bh"),
        Column(name="p_less_bh"),
        Column(name="verdict_bh", heading="BH", who="ours", help="After Benjamini and Hochberg's correction."),
        Column(name="equal_pairs"),
        Column(name="depends_on_equal_pairs"),
        Column(name="paper_c_swm", heading="C-SWM", style="score", std="paper_c_swm_std", who="paper"),
        Column(name="paper_c_swm_std"),
        Column(name="paper_rmr", heading="RMR", style="score", std="paper_rmr_std", who="paper"),
        Column(name="paper_rmr_std"),
        Column(name="paper_p", heading="p", who="paper", help="Of the direction of the difference."),
        Column(name="paper_verdict", heading="verdict", who="paper"),
        Column(name="paper_agent57", heading="Agent57", style="score", std="paper_agent57_std", who="paper"),
        Column(name="paper_agent57_std"),
        Column(name="majority", heading="majority", style="score", who="ours", help="Always the more frequent value."),
        Column(name="untrained", heading="untrained", style="score", std="untrained_std", who="ours"),
        Column(name="untrained_std"),
        Column(name="untrained_seeds"),
        Column(name="supervised", heading="supervised", style="score", std="supervised_std", who="ours"),
        Column(name="supervised_std"),
        Column(name="supervised_seeds"),
        Column(name="c_swm_normalised", heading="C-SWM normalised", style="score", who="ours"),
        Column(name="rmr_normalised", heading="RMR normalised", style="score", who="ours"),
    )
