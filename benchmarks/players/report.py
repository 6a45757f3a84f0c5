"""One record out of all episodes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from benchmarks.players.copying import compare_with_paper, copy_baseline
from benchmarks.players.episodes import Line, equally_many_of_each, read
from benchmarks.players.order import ranking
from benchmarks.players.rooms import rooms_seen
from rmr_gym.data.determinism import as_keys, count_repeated_pairs
from rmr_gym.documents import read_json
from rmr_gym.envs.games import GAMES
from rmr_gym.errors import explain
from rmr_gym.evaluation.metrics import kept_slots
from rmr_gym.pipeline.machine import hardware, versions
from rmr_gym.players import LookaheadPlayer, PlaceBytes, paper_heads, place_bytes

FORMAT = "rmr-players/1"

TIMES_RANDOM, RANK_CORRELATION = 3.0, 0.6
"""What is asked of the players: the strongest scores so many times as much as random ones, and skill orders scores."""

LEAST_PLAYERS = 16
"""Fewer players of a game say nothing about the order or the coverage of all 32."""

OPENING = 100
"""Steps after which episodes no longer resemble each other: the clocks in the RAM run from the same start."""

JsonObject = dict[str, Any]


def make_record(out: Path, earlier: JsonObject | None = None) -> JsonObject:
    """Sum up what was measured.

    Args:
        out: folder of the measurement.
        earlier: record of the same measurement, whose games are kept where the folder has none of theirs, and whose
            speeds where it has none: after a change of the players of some games the others need not play again.

    Raises:
        ValueError: when nothing was, or episodes do not belong together, or the earlier record not to them.
    """
    by_game: dict[str, list[tuple[Line, Path]]] = defaultdict(list)
    for line, steps in read(out):
        by_game[line["game"]].append((line, steps))
    if not by_game:
        fix = "Run `python -m benchmarks.players measure` with this --out first."
        raise ValueError(explain(expected=f"finished episodes in {out}", got="none", fix=fix))
    settings = {(line["max_steps"], line["seed"]) for lines in by_game.values() for line, _ in lines}
    if len(settings) > 1:
        raise ValueError(explain(expected="one length and seed", got=sorted(settings), fix="Measure it anew."))
    ((max_steps, seed),) = settings
    games = {game: _game(lines) for game, lines in by_game.items()}
    speeds = [
        {name: value for name, value in read_json(path).items() if name not in ("format", "players")}
        for path in sorted(out.glob("speed-*.json"))
    ]
    kept = {} if earlier is None else {game: one for game, one in earlier["games"].items() if game not in games}
    every = {game: (games | kept)[game] for game in GAMES if game in games or game in kept}
    record: JsonObject = {
        "format": FORMAT,
        "settings": {
            "max_steps": max_steps,
            "seed": seed,
            "opening_steps": OPENING,
            "strongest": _strongest(),
            "places": {game: _as_json(place) for game in every if (place := place_bytes(game))},
        },
        "games": every,
        "kept_games": list(kept),
        "speed": speeds,
        "hardware": hardware(),
        "versions": versions(),
    }
    if earlier is not None:
        _require_same(earlier, record, kept)
        record["speed"] = speeds or earlier["speed"]
    return record | {"summary": _summary(every, record["speed"])}


def _require_same(earlier: JsonObject, record: JsonObject, kept: Iterable[str]) -> None:
    """Refuse to keep what was measured otherwise, or with other players."""
    names = ("max_steps", "seed", "opening_steps", "strongest")
    before, now = (
        {name: one["settings"].get(name) for name in names}
        | {"places": {game: place for game, place in one["settings"]["places"].items() if game in kept}}
        for one in (earlier, record)
    )
    if earlier["format"] != FORMAT or before != now:
        fix = "Measure its games again."
        raise ValueError(explain(expected=f"an earlier record of {now}", got=before, fix=fix))


def _as_json(place: PlaceBytes) -> JsonObject:
    """Return the fields as they come back from a file, which knows no tuples."""
    return {name: list(value) for name, value in asdict(place).items()}


def _strongest() -> JsonObject:
    player = max(paper_heads(GAMES[0]), key=lambda one: one.skill)
    assert isinstance(player, LookaheadPlayer), "the strongest ones look ahead"
    return {"name": player.name, **asdict(player.config)}


def _game(episodes: Sequence[tuple[Line, Path]]) -> JsonObject:
    game = episodes[0][0]["game"]
    played = [_Played(line, path) for line, path in episodes]
    blind = [one for one in played if not one.line["lookahead_steps"]]
    top = max(one.line["rank"] for one in played)
    strongest = [one for one in played if one.line["rank"] == top and top == len(paper_heads(game)) - 1]
    ranks = sorted({one.line["rank"] for one in played})
    means = [float(np.mean([one.line["score"] for one in played if one.line["rank"] == rank])) for rank in ranks]
    return {
        "episodes": len(played),
        "players": [
            {"rank": rank, "mean_score": round(mean, 3)} | _of_rank(played, rank)
            for rank, mean in zip(ranks, means, strict=True)
        ],
        "random": _scores(blind),
        "strongest": _scores(strongest),
        "outcome": _outcome(_scores(blind), _scores(strongest)),
        "rank_correlation": _rank_correlation(ranks, means),
        "coverage": _coverage(played, blind),
        "rooms": _rooms(game, {"random": blind, "strongest": strongest, "all": played}),
        "copy": _copy(game, played, blind),
        "repeated_pairs": _repeated_pairs(played),
    }


class _Played:
    """An episode with its steps."""

    def __init__(self, line: Line, path: Path) -> None:
        self.line = line
        with np.load(path) as steps:
            self.ram: NDArray[np.uint8] = steps["ram"]
            self.actions: NDArray[np.uint8] = steps["actions"]


def _of_rank(played: Sequence[_Played], rank: int) -> JsonObject:
    lines = [one.line for one in played if one.line["rank"] == rank]
    return {
        "skill": lines[0]["skill"],
        "looks_ahead": bool(lines[0]["lookahead_steps"]),
        "episodes": len(lines),
        "mean_steps": round(float(np.mean([line["steps"] for line in lines])), 1),
    }


def _scores(played: Sequence[_Played]) -> JsonObject | None:
    if not played:
        return None
    scores = [one.line["score"] for one in played]
    return {
        "episodes": len(scores),
        "mean": round(float(np.mean(scores)), 2),
        "best": max(scores),
        "mean_steps": round(float(np.mean([one.line["steps"] for one in played])), 1),
    }


def _outcome(random: JsonObject | None, strongest: JsonObject | None) -> JsonObject | None:
    """Say how much better the strongest player is.

    Where the mean of random play is positive, by their ratio. Elsewhere a ratio says nothing, and the strongest player
    is better when its mean is above the best of all random episodes.
    """
    if random is None or strongest is None:
        return None
    if random["mean"] > 0:
        ratio = strongest["mean"] / random["mean"]
        return {"rule": "ratio", "ratio": round(ratio, 2), "reached": bool(ratio >= TIMES_RANDOM)}
    return {"rule": "above the best random episode", "reached": bool(strongest["mean"] > random["best"])}


def _rank_correlation(ranks: Sequence[int], means: Sequence[float]) -> JsonObject:
    """Return Spearman's correlation of skill and mean score; None for few players, or where all score the same."""
    known = len(ranks) >= LEAST_PLAYERS and len(set(means)) > 1
    value = round(float(spearmanr(ranks, means).statistic), 3) if known else None
    return {"players": len(ranks), "spearman": value, "reached": value is not None and value >= RANK_CORRELATION}


def _coverage(played: Sequence[_Played], blind: Sequence[_Played]) -> JsonObject | None:
    """Compare what all players saw with what random ones saw in as many steps."""
    even = _equally_many_of_each(played)
    if not blind or len(blind) == len(played) or len({one.line["rank"] for one in even}) < LEAST_PLAYERS:
        return None
    groups = {"all": even, "random": blind}
    seen, later = _equal_parts(groups), _equal_parts(groups, skip=OPENING)
    states = {name: _unique(ram) for name, ram in seen.items()}
    slots = {name: len(kept_slots(ram)) for name, ram in seen.items()}
    return {
        "steps": {name: len(ram) for name, ram in seen.items()},
        "unique_states": states,
        "kept_slots": slots,
        "byte_values": {name: _byte_values(ram) for name, ram in seen.items()},
        "repeats_after_opening": {name: len(ram) - _unique(ram) for name, ram in later.items()},
        "more_states": states["all"] > states["random"],
        "more_slots": slots["all"] > slots["random"],
    }


def _copy(game: str, played: Sequence[_Played], blind: Sequence[_Played]) -> JsonObject | None:
    """Score copying on a data set of all players and on all random play there is."""
    even = _equally_many_of_each(played)
    if not blind or len(blind) == len(played) or len({one.line["rank"] for one in even}) < LEAST_PLAYERS:
        return None
    return copy_baseline(game, {"all": [one.ram for one in even], "random": [one.ram for one in blind]})


def _equally_many_of_each(played: Sequence[_Played]) -> list[_Played]:
    """Return as many episodes of each player as all have, as a data set has equally many of each."""
    chosen = {(line["rank"], line["episode"]) for line in equally_many_of_each([one.line for one in played])}
    return [one for one in played if (one.line["rank"], one.line["episode"]) in chosen]


def _equal_parts(groups: Mapping[str, Sequence[_Played]], *, skip: int = 0) -> dict[str, NDArray[np.uint8]]:
    """Return as many frames of each group, all but the first ones of its episodes, from players of all grades in turn.

    Whole episodes are taken until there are enough. Parts of more episodes would not do: episodes begin alike.
    """
    size = min(sum(len(one.ram[skip:]) for one in group) for group in groups.values())
    return {name: np.concatenate([one.ram[skip:] for one in _mixed(group)])[:size] for name, group in groups.items()}


def _mixed(played: Sequence[_Played]) -> list[_Played]:
    game = played[0].line["game"]
    turns = [ranking(game).index(player.name) for player in paper_heads(game)]
    return sorted(played, key=lambda one: (one.line["episode"], turns.index(one.line["rank"])))


def _unique(ram: NDArray[np.uint8]) -> int:
    return len(np.unique(as_keys(ram)))


def _byte_values(ram: NDArray[np.uint8]) -> int:
    """Count the values of every byte, added up: whole memories differ by their clocks alone."""
    return sum(len(np.unique(byte)) for byte in ram.T)


def _rooms(game: str, groups: dict[str, list[_Played]]) -> JsonObject | None:
    if rooms_seen(game, np.zeros((1, 128), np.uint8)) is None:
        return None
    return {
        name: rooms_seen(game, np.concatenate([one.ram for one in group])) if group else None
        for name, group in groups.items()
    }


def _repeated_pairs(played: Sequence[_Played]) -> JsonObject:
    found = count_repeated_pairs(
        np.concatenate([one.ram[:-1] for one in played]),
        np.concatenate([one.actions for one in played]),
        np.concatenate([one.ram[1:] for one in played]),
    )
    return {"pairs": found.num_pairs, "repeated": found.num_repeated, "ambiguous": found.num_ambiguous}


def _summary(games: dict[str, JsonObject], speeds: Sequence[JsonObject]) -> JsonObject:
    outcomes = [game["outcome"] for game in games.values() if game["outcome"] is not None]
    coverages = [game["coverage"] for game in games.values() if game["coverage"] is not None]
    copies = [game["copy"] for game in games.values() if game["copy"] is not None]
    recorded = [one["recorded_steps_per_second"] for one in speeds]
    return {
        "games": len(games),
        "episodes": sum(game["episodes"] for game in games.values()),
        "strongest_measured": len(outcomes),
        "strongest_reached": sum(one["reached"] for one in outcomes),
        "rank_correlation_measured": sum(game["rank_correlation"]["spearman"] is not None for game in games.values()),
        "rank_correlation_reached": sum(game["rank_correlation"]["reached"] for game in games.values()),
        "coverage_measured": len(coverages),
        "more_states": sum(one["more_states"] for one in coverages),
        "more_slots": sum(one["more_slots"] for one in coverages),
        "no_repeats_after_opening": {
            name: sum(one["repeats_after_opening"][name] == 0 for one in coverages) for name in ("all", "random")
        },
        "more_byte_values": sum(one["byte_values"]["all"] > one["byte_values"]["random"] for one in coverages),
        "copy_beside_paper": {name: compare_with_paper(copies, name) for name in ("all", "random")},
        "ambiguous_pairs": sum(game["repeated_pairs"]["ambiguous"] for game in games.values()),
        "repeated_pairs": sum(game["repeated_pairs"]["repeated"] for game in games.values()),
        "recorded_steps_per_second": round(float(np.mean(recorded)), 1) if recorded else None,
    }
