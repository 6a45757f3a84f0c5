"""The transfer matrix: RMR with the processor of one game on the pictures of another, beside C-SWM."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from benchmarks.report.clustering import Clustering, cluster
from benchmarks.report.comparison import Corrected, family, remarks, tally
from benchmarks.report.evidence import Evidence
from benchmarks.report.options import Options
from benchmarks.report.paper import TRANSFER_SHARES
from benchmarks.report.table import Column, Row, Table
from benchmarks.report.tables.natural import outcome_columns, pairing
from benchmarks.report.tables.spread import failed, prefix
from rmr_gym.envs.games import GAMES

_ABOUT = (
    "Rows are the game whose processor is used, columns the game that is learned. A cell is the mean over seeds of "
    "the difference between RMR and C-SWM in percent of C-SWM ({measure}), and the verdict of two one-sided exact "
    "Wilcoxon tests paired by seed at {alpha:g}. Holm and BH: corrected over the {members} cells with enough seeds. "
    "Rows and columns are in the order of a complete-link clustering of the percentages, Euclidean distance. The "
    "diagonal is table 1. All cells of a column share their C-SWM runs, so their verdicts come in columns: a full "
    "one is weaker evidence than as many independent games."
)

_NAMED = 8
"""Cells that a note names."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Transfer:
    """The matrix with what is known of each cell."""

    donors: tuple[str, ...]
    """Games of the processors: rows, in the order of the clustering."""

    games: tuple[str, ...]
    """Games that are learned: columns, in the order of the clustering."""

    cells: Mapping[tuple[str, str], Corrected]
    """By donor and game; all pairs, also those that were not run."""

    by_donor: Clustering
    """Of the rows; its numbers count `sorted_donors`."""

    by_game: Clustering
    """Of the columns; its numbers count `sorted_games`."""

    sorted_donors: tuple[str, ...]
    """Rows in the order of the paper's tables."""

    sorted_games: tuple[str, ...]
    """Columns in that order."""

    width: int
    """Of the slots of all experiments."""


def transfer_matrix(evidence: Evidence, options: Options) -> Transfer | None:
    """Compare RMR with C-SWM for every donor and game; None without a processor of another game.

    Rows are the donors that were used on another game, columns the games that took one; both with their diagonal.
    """
    natural = [one for one in evidence.results if one.kind == "natural" and one.slot_dim == evidence.width("natural")]
    foreign = [one for one in natural if one.arm == "rmr" and one.donor != one.game]
    if not foreign:
        return None
    used = {one.donor for one in foreign} | {one.game for one in foreign}
    donors = [name for name in evidence.donors() if name in used]
    games = [name for name in evidence.games("natural") if name in {one.game for one in foreign}]
    pairs = [(donor, game) for donor in donors for game in games]
    outcomes = family([pairing(evidence, options, game, donor=donor) for donor, game in pairs], alpha=options.alpha)
    cells = dict(zip(pairs, outcomes, strict=True))
    matrix = _matrix(cells, donors, games)
    by_donor, by_game = cluster(matrix), cluster(matrix.T)
    return Transfer(
        donors=tuple(donors[index] for index in by_donor.order),
        games=tuple(games[index] for index in by_game.order),
        cells=cells,
        by_donor=by_donor,
        by_game=by_game,
        sorted_donors=tuple(donors),
        sorted_games=tuple(games),
        width=evidence.width("natural"),
    )


def transfer_table(evidence: Evidence, options: Options, transfer: Transfer) -> Table:
    """Write the matrix as one row per cell."""
    width = evidence.width("natural")
    members = sum(cell.holm is not None for cell in transfer.cells.values())
    rows = [
        Row(
            values={"donor": donor, "game": game, **outcome_columns(transfer.cells[donor, game])},
            runs={
                "rmr": prefix("natural", game, "rmr", donor=donor, width=width),
                "c_swm": prefix("natural", game, "c_swm", width=width),
            },
        )
        for donor in transfer.donors
        for game in transfer.games
    ]
    return Table(
        name="transfer",
        title="Transfer between games",
        about=_ABOUT.format(measure=options.measure.text, alpha=options.alpha, members=members),
        columns=_columns(),
        rows=tuple(rows),
        summary=tuple(_summary(transfer)),
        notes=(
            *_gaps(transfer),
            *_grouped(transfer),
            *failed(evidence, "natural", lambda name: "/from-" in name),
        ),
    )


def _matrix(
    cells: Mapping[tuple[str, str], Corrected], donors: Sequence[str], games: Sequence[str]
) -> Float64[np.ndarray, "donor game"]:
    found = [[cells[donor, game].pairing.improvement for game in games] for donor in donors]
    return np.array([[np.nan if one is None else one for one in row] for row in found], dtype=np.float64)


def _summary(transfer: Transfer) -> list[str]:
    judged: Counter[str] = Counter(cell.judgement for cell in transfer.cells.values())
    tested = sum(judged[name] for name in ("better", "no difference", "worse"))
    lines = [f"Ours, RMR beside C-SWM in {len(transfer.cells)} cells: {tally(judged.elements())}."]
    if tested:
        shares = ", ".join(f"{name} {100 * judged[name] / tested:.1f} %" for name in TRANSFER_SHARES)
        lines.append(f"Ours, of the {tested} cells with enough seeds: {shares}.")
        corrected = tally(cell.judgement_bh for cell in transfer.cells.values() if cell.bh is not None)
        strict = tally(cell.judgement_holm for cell in transfer.cells.values() if cell.holm is not None)
        lines.append(f"Ours after a correction: {corrected} by Benjamini and Hochberg, {strict} by Holm.")
        best = [
            game
            for game in transfer.games
            if all(transfer.cells[donor, game].judgement == "better" for donor in transfer.donors)
        ]
        lines.append(f"Games that are better with every donor: {', '.join(best) or 'none'}.")
    shares = ", ".join(f"{name} {100 * share:.1f} %" for name, share in TRANSFER_SHARES.items())
    return [*lines, f"Paper (576 cells, 20 seeds): {shares}."]


def _grouped(transfer: Transfer) -> list[str]:
    """Say every remark once, with the cells that it is about: there may be hundreds."""
    about: dict[str, list[str]] = {}
    for (donor, game), cell in transfer.cells.items():
        where = f"{donor} to {game}"
        for remark in remarks(where, cell):
            about.setdefault(remark.removeprefix(f"{where}: "), []).append(where)
    return [f"{_some(cells)}: {remark}" for remark, cells in about.items()]


def _some(cells: Sequence[str]) -> str:
    return ", ".join(cells[:_NAMED]) + (f" and {len(cells) - _NAMED} more" if len(cells) > _NAMED else "")


def _gaps(transfer: Transfer) -> list[str]:
    missing = [pair for pair, cell in transfer.cells.items() if cell.test is None]
    notes = []
    if len(transfer.cells) < len(GAMES) ** 2:
        size = f"{len(transfer.donors)} donors and {len(transfer.games)} games"
        notes.append(f"Not run: {len(GAMES) ** 2 - len(transfer.cells) + len(missing)} of 576 pairs; here are {size}.")
    if missing:
        named = _some([f"{donor} to {game}" for donor, game in missing])
        notes.append(f"Not run inside of the matrix: {named}.")
    for clustering, what in ((transfer.by_donor, "donors"), (transfer.by_game, "games")):
        if clustering.linkage is None:
            notes.append(f"The {what} are not clustered: two of them share no cell, or there is one only.")
        elif missing:
            notes.append(f"Distances of {what} are over the cells that two of them share, scaled up to all.")
    return notes


def _columns() -> tuple[Column, ...]:
    return (
        Column(name="donor", heading="processor of"),
        Column(name="game", heading="game"),
        Column(name="improvement_percent", heading="improvement", style="percent", help="Mean over seeds, of C-SWM."),
        Column(name="verdict", heading="verdict", help="What RMR is beside C-SWM."),
        Column(name="rmr", heading="RMR", style="score", std="rmr_std"),
        Column(name="rmr_std"),
        Column(name="c_swm", heading="C-SWM", style="score", std="c_swm_std"),
        Column(name="c_swm_std"),
        Column(name="difference"),
        Column(name="seeds", heading="seeds", style="count", help="Pairs."),
        Column(name="p", heading="p", style="p", help="One-sided, in the direction of the difference."),
        Column(name="p_greater"),
        Column(name="p_less"),
        Column(name="p_greater_holm"),
        Column(name="p_less_holm"),
        Column(name="verdict_holm", heading="Holm"),
        Column(name="p_greater_bh"),
        Column(name="p_less_bh"),
        Column(name="verdict_bh", heading="BH"),
        Column(name="equal_pairs"),
        Column(name="depends_on_equal_pairs"),
    )
