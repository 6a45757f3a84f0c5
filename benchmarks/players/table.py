"""The record as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.markdown import table_lines

JsonObject = Mapping[str, Any]

FIGURE = "players.png"

_COLUMNS = (
    *("game", "players", "random", "strongest", "times random", "skill and score"),
    *("RAM states", "byte values", "slots", "copying", "rooms"),
)

_NONE = "-"


def markdown(record: JsonObject) -> str:
    """Format what was measured: a sentence about what was run, a game per row, and what it adds up to."""
    lines = [
        _what_was_run(record),
        "",
        *table_lines(_COLUMNS, (_row(game, found) for game, found in record["games"].items())),
        "",
        _sum(record),
        "",
        f"![Score of every player by skill, in all games](images/{FIGURE})",
        "",
    ]
    return "\n".join(lines)


def _what_was_run(record: JsonObject) -> str:
    summary, steps = record["summary"], record["settings"]["max_steps"]
    return (
        f"{summary['episodes']:,} episodes in {summary['games']} games, each until the game was over or {steps:,} "
        "steps were played. *Players* counts those of the 32 that were measured, *random* and *strongest* are mean "
        "scores, *skill and score* is Spearman's correlation over the players. RAM states (different ones), byte "
        "values (different ones of each byte, added up) and slots (bytes with an entropy above 0.6 nats) are those of "
        "all players beside those of random ones in as many steps; *copying* is the slot accuracy of predicting that "
        "the memory stays as it is: on equally many episodes of every player, on all random play, and in the paper "
        "(Table 2); rooms or levels are those that all players saw, beside random ones. A dash: not measured, or with "
        "too few players." + _what_was_kept(record.get("kept_games", ()))
    )


def _what_was_kept(games: Sequence[str]) -> str:
    return f" {len(games)} of the games were kept from an earlier record with the same players." if games else ""


def _row(game: str, found: JsonObject) -> list[str]:
    outcome, coverage, rooms = found["outcome"], found["coverage"], found["rooms"]
    return [
        f"`{game}`",
        str(len(found["players"])),
        _NONE if found["random"] is None else f"{found['random']['mean']:,.1f}",
        _NONE if found["strongest"] is None else f"{found['strongest']['mean']:,.1f}",
        _NONE if outcome is None else _times(outcome),
        _NONE if found["rank_correlation"]["spearman"] is None else f"{found['rank_correlation']['spearman']:.2f}",
        *(_beside(coverage, name) for name in ("unique_states", "byte_values", "kept_slots")),
        _NONE if found["copy"] is None else _copying(found["copy"]),
        "" if rooms is None else f"{rooms['all']} / {rooms['random'] or 0}",
    ]


def _times(outcome: JsonObject) -> str:
    if "ratio" in outcome:
        return f"{outcome['ratio']:.1f}"
    return "better than all" if outcome["reached"] else "not better"


def _beside(coverage: JsonObject | None, name: str) -> str:
    return _NONE if coverage is None else f"{coverage[name]['all']:,} / {coverage[name]['random']:,}"


def _copying(found: JsonObject) -> str:
    """Format the slot accuracy of copying: on the data of all players, on random play, in the paper."""
    scores = [found[name] and found[name]["slot_accuracy"] for name in ("all", "random")]
    return " / ".join(_NONE if score is None else f"{score:.1f}" for score in [*scores, found["paper"]])


def _sum(record: JsonObject) -> str:
    summary = record["summary"]
    text = (
        "The strongest player scores at least three times as much as random ones, or more than the best of their "
        f"episodes where their mean is not positive, in {summary['strongest_reached']} of "
        f"{summary['strongest_measured']} games. Of {summary['repeated_pairs']:,} repeated pairs of RAM and action "
        f"{summary['ambiguous_pairs']:,} had several successors."
    )
    if summary["rank_correlation_measured"]:
        text += (
            f" Skill orders the scores (0.6 or more) in {summary['rank_correlation_reached']} of "
            f"{summary['rank_correlation_measured']} games."
        )
    if summary["coverage_measured"]:
        fresh = summary["no_repeats_after_opening"]
        text += (
            f" There are more RAM states than in random play in {summary['more_states']} of "
            f"{summary['coverage_measured']} games, more values of bytes in {summary['more_byte_values']} and more "
            f"kept slots in {summary['more_slots']}. After the first {record['settings']['opening_steps']} steps of "
            f"their episodes no RAM state occurs twice among all players in {fresh['all']} games, and among random "
            f"ones in {fresh['random']}."
        )
    copies = summary["copy_beside_paper"]
    if copies["all"] is not None and copies["random"] is not None:
        text += (
            f" Copying is as good as in the paper up to {copies['all']['mean_absolute_gap']:.1f} points on average "
            f"(correlation {copies['all']['correlation']:.2f} over {copies['all']['games']} games), on random play "
            f"up to {copies['random']['mean_absolute_gap']:.1f} ({copies['random']['correlation']:.2f})."
        )
    if summary["recorded_steps_per_second"] is not None:
        games = len(record["speed"])
        text += (
            f" One core records {summary['recorded_steps_per_second']:.0f} steps per second, on average over the 32 "
            f"players and {games} game{'s' if games > 1 else ''}, the steps before a stored window included."
        )
    return text
