"""Table 2: how well the next memory is predicted, by copying and by three processors."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.report.evidence import Evidence, number
from benchmarks.report.options import Options
from benchmarks.report.paper import PREDICTORS, abstract_scores
from benchmarks.report.table import Column, Row, Table, Value
from benchmarks.report.tables.spread import Score, failed, mean_and_std, not_run, prefix, scores, uneven
from benchmarks.result import Result
from rmr_gym.documents import differences
from rmr_gym.envs.games import GAMES

NAMES = {"copy": "copy", "mlp": "MLP", "deep_sets": "Deep Sets", "mpnn": "MPNN"}

_ABOUT = (
    "Next RAM on held-out episodes, bytes with more than 0.6 nats of entropy. Slot accuracy is the share of bytes "
    "that are right; the F1 is that of their bits. Mean ± sample deviation over seeds. Bold: best in slot accuracy "
    "where all four are there; ties share it. Paper: table 2, on data of Agent57, one number each; how its F1 is "
    "averaged is not said."
)


def abstract_table(evidence: Evidence, options: Options) -> Table:
    """Build table 2 with the paper's columns; all 24 games have a row."""
    games = list(dict.fromkeys([*GAMES, *evidence.games("abstract")]))
    unlike = {game: _unlike(evidence, game) for game in games}
    rows = [_row(evidence, options, game, comparable=not unlike[game]) for game in games]
    notes = not_run(evidence.games("abstract"), "no processor was trained on them")
    for game in evidence.games("abstract"):
        arms = {arm: evidence.at("abstract", game, arm) for arm in PREDICTORS if arm != "copy"}
        missing = [NAMES[arm] for arm, seeds in arms.items() if not seeds]
        if missing:
            notes.append(f"{game}: {', '.join(missing)} not run, so no best of four.")
        if unlike[game]:
            notes.append(f"{game}: no best of four, settings of the predictors differ: {unlike[game][0]}.")
        notes += uneven(game, arms)
    ours = {game: _ours(row, comparable=not unlike[game]) for game, row in zip(games, rows, strict=True)}
    return Table(
        name="table2",
        title="Table 2: prediction of the memory",
        about=_ABOUT,
        columns=_columns(options),
        rows=tuple(rows),
        summary=(
            f"Ours: {_summary(ours)}",
            f"Paper: {_summary({game: _paper(game) for game in abstract_scores()})}",
        ),
        notes=(*notes, *failed(evidence, "abstract")),
    )


def best(accuracies: Mapping[str, float]) -> set[str]:
    """Return the predictors with the highest slot accuracy; empty unless all four are there.

    Example:
        >>> best({"copy": 0.5, "mlp": 0.6, "deep_sets": 0.7, "mpnn": 0.7}) == {"deep_sets", "mpnn"}
        True
    """
    if set(accuracies) != set(PREDICTORS):
        return set()
    return {name for name, value in accuracies.items() if value == max(accuracies.values())}


def _unlike(evidence: Evidence, game: str) -> list[str]:
    """Say in what the predictors of a game differ besides the processor and its seed."""
    arms = [evidence.at("abstract", game, arm) for arm in PREDICTORS]
    settings = [_settings(next(iter(seeds.values()))) for seeds in arms if seeds]
    return [change for other in settings[1:] for change in differences(settings[0], other)]


def _settings(result: Result) -> dict[str, object]:
    abstract = {name: value for name, value in result.config.get("abstract", {}).items() if name != "processor"}
    return {**result.config, "abstract": abstract, "seed": None}


def _row(evidence: Evidence, options: Options, game: str, *, comparable: bool) -> Row:
    values: dict[str, Value] = {"game": game}
    runs = {}
    measured = {"accuracy": ("slot_accuracy",), "f1": ("bit_f1", options.measure.average)}
    for arm in PREDICTORS:
        seeds = _copies(evidence, game) if arm == "copy" else evidence.at("abstract", game, arm)
        for name, path in measured.items():
            found = scores(seeds, _score(*(("copy", *path) if arm == "copy" else path)))
            values[f"{arm}_{name}"], std = mean_and_std(found)
            values[f"{arm}_{name}_std"] = None if arm == "copy" else std
        values[f"{arm}_seeds"] = len(seeds)
        if arm != "copy" and seeds:
            runs[f"{arm}_accuracy"] = prefix("abstract", game, arm, width=evidence.width("abstract"))
        paper = abstract_scores().get(game, {}).get(arm, (None, None))
        values[f"paper_{arm}_accuracy"], values[f"paper_{arm}_f1"] = paper
    row = Row(values=values, runs=runs)
    ours, theirs = best(_ours(row, comparable=comparable)), best(_paper(game))
    strong = {f"{arm}_accuracy" for arm in ours} | {f"paper_{arm}_accuracy" for arm in theirs}
    values["best"], values["paper_best"] = (", ".join(sorted(map(str, names))) or None for names in (ours, theirs))
    return Row(values=values, runs=runs, strong=frozenset(strong))


def _copies(evidence: Evidence, game: str) -> Mapping[int, Result]:
    """Return the results of any processor; each holds the score of copying on the same data."""
    arms = ("mpnn", "deep_sets", "mlp", *evidence.arms("abstract"))
    return next((seeds for seeds in (evidence.at("abstract", game, arm) for arm in arms) if seeds), {})


def _score(*path: str) -> Score:
    return lambda result: number(result.scores, *path)


def _ours(row: Row, *, comparable: bool) -> dict[str, float]:
    """Return slot accuracies; where predictors cannot be compared, those of MPNN and of copying on the same data."""
    arms = PREDICTORS if comparable else ("copy", "mpnn")
    found = {arm: row.values[f"{arm}_accuracy"] for arm in arms}
    return {arm: value for arm, value in found.items() if isinstance(value, float)}


def _paper(game: str) -> dict[str, float]:
    return {arm: accuracy for arm, (accuracy, _) in abstract_scores().get(game, {}).items()}


def _summary(accuracies: Mapping[str, Mapping[str, float]]) -> str:
    full = [one for one in accuracies.values() if set(one) == set(PREDICTORS)]
    pairs = [one for one in accuracies.values() if {"copy", "mpnn"} <= set(one)]
    if not pairs:
        return "MPNN has not been run."
    above = sum(one["mpnn"] > one["copy"] for one in pairs)
    first = f"MPNN is above copying in slot accuracy in {above} of {len(pairs)} games"
    if not full:
        return f"{first}; no game has all four predictors."
    wins = {name: sum(name in best(one) for one in full) for name in reversed(PREDICTORS)}
    counted = ", ".join(f"{NAMES[name]} {count}" for name, count in wins.items())
    return f"{first}, and best of the four in {wins['mpnn']} of {len(full)} (best: {counted})."


def _columns(options: Options) -> tuple[Column, ...]:
    columns = [Column(name="game", heading="game")]
    for name, heading in (("accuracy", "slot accuracy"), ("f1", "bit F1")):
        for arm, shown in NAMES.items():
            std = f"{arm}_{name}_std"
            text = f"{shown} {heading}"
            meaning = heading if name == "accuracy" else f"{options.measure.average} {heading}"
            columns.append(
                Column(name=f"{arm}_{name}", heading=text, style="score", std=std, who="ours", help=f"Ours: {meaning}.")
            )
            columns.append(Column(name=std, style="score"))
        for arm, shown in NAMES.items():
            columns.append(Column(name=f"paper_{arm}_{name}", heading=f"{shown} {heading}", style="score", who="paper"))
    columns += [Column(name=f"{arm}_seeds", style="count") for arm in NAMES if arm != "copy"]
    return (*columns, Column(name="best"), Column(name="paper_best"))
