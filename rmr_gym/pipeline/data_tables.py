"""The tables of a data set, from its summary alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from rmr_gym.pipeline.tables import columns, under

JsonObject = Mapping[str, Any]


def render_summary(summary: JsonObject) -> RenderableType:
    """Lay out the summary of one data set for a console."""
    parts: list[RenderableType] = [Text(title_of(summary), style="bold"), *map(Text, _sentences(summary))]
    if "players" in summary:
        parts += ["", player_table(summary)]
    parts += [Text(f"Warning: {message}", style="yellow") for message in summary["damaged"]]
    return Group(*parts)


def overview_table(summaries: Sequence[JsonObject]) -> RenderableType:
    """Show several data sets of games, one line each, with the copy baseline beside the paper's."""
    names = ("episodes", "frames", "RAM states", "slots", "changed", "shared", "skill", "copy", "paper")
    table = columns("data set", *names)
    for summary in summaries:
        counts, ram, copy = summary["counts"], summary["ram"], summary["copy_baseline"]
        table.add_row(
            _name(summary),
            f"{counts['episodes']:,}",
            f"{counts['frames']:,}",
            f"{ram['unique_states']:,}",
            str(len(ram["kept_slots"])),
            f"{ram['changed_slots_per_step']:.1f}",
            _share(None if summary["duplicates"] is None else summary["duplicates"]["validation_in_train"]),
            _number(summary["skill_score_correlation"], digits=2),
            _number(copy["slot_accuracy"]),
            _number(None if copy["paper"] is None else copy["paper"]["slot_accuracy"]),
        )
    legend = (
        "changed: bytes per step. shared: validation frames that also occur in training. skill: rank correlation with "
        "the score. copy: slot accuracy of copying the RAM, and the paper's."
    )
    return Group(under("Data sets", table), Text(legend))


def player_table(summary: JsonObject) -> RenderableType:
    """Show who played, by skill, and how well."""
    table = columns("player", "skill", "episodes", "steps", "mean score", "best")
    for player in summary["players"]:
        table.add_row(
            player["name"],
            f"{player['skill']:.2f}",
            str(player["episodes"]),
            f"{player['steps']:,}",
            f"{player['mean_score']:,.1f}",
            f"{player['best_score']:,.0f}",
        )
    correlation = summary["skill_score_correlation"]
    told = "" if correlation is None else f"; rank correlation of skill and mean score {correlation:.2f}"
    return under(f"Players: rewards of the stored steps{told}", table)


def title_of(summary: JsonObject) -> str:
    """Name a data set and its game."""
    world = summary["console"]["game"] if "console" in summary else summary["world"]
    return f"{_name(summary)}: {world}"


def _name(summary: JsonObject) -> str:
    return " + ".join(summary["paths"])


def _sentences(summary: JsonObject) -> list[str]:
    """Say what the tables do not show."""
    counts, steps = summary["counts"], summary["counts"]["episode_steps"]
    sentences = [
        f"{counts['episodes']:,} episodes of {steps['least']:,} to {steps['most']:,} steps (median "
        f"{steps['median']:,.0f}), {100 * counts['ended_by_game_over']:.0f} % to the end of the game; "
        f"{counts['frames']:,} frames.",
        f"{counts['bytes'] / 1e6:,.1f} MB on the disk, {counts['bytes_per_frame']:,.0f} bytes per frame, "
        f"{counts['compression']:,.0f} times smaller than raw.",
    ]
    if (duplicates := summary["duplicates"]) is not None:
        sentences.append(
            f"{100 * duplicates['within_train']:.1f} % of the training frames repeat an earlier one; "
            f"{100 * duplicates['validation_in_train']:.1f} % of the validation frames also occur in training."
        )
    return sentences + (_about_memory(summary) if "ram" in summary else [])


def _about_memory(summary: JsonObject) -> list[str]:
    ram, copy, determinism = summary["ram"], summary["copy_baseline"], summary["determinism"]
    kept = [ram["entropy"][slot] for slot in ram["kept_slots"]]
    entropy = f", with {min(kept):.2f} to {max(kept):.2f} nats" if kept else ""
    same = determinism["unique_fraction"]
    told = (
        "no pair of RAM and action occurs twice"
        if same is None
        else (
            f"{determinism['num_repeated']:,} pairs of RAM and action occur more than once, "
            f"{100 * same:.2f} % of them with one and the same next RAM"
        )
    )
    paper = (
        ""
        if copy["paper"] is None
        else (f" (paper, table 2: {copy['paper']['slot_accuracy']:.3f} and {copy['paper']['bit_f1']:.3f})")
    )
    return [
        f"{ram['unique_states']:,} different RAM states; {len(ram['changing_bytes'])} of 128 bytes change, "
        f"{ram['changed_slots_per_step']:.1f} of them per step; {told}.",
        f"{len(kept)} slots have more than {ram['entropy_threshold']} nats of entropy{entropy}; "
        f"{ram['changed_kept_slots_per_step']:.1f} of them change per step.",
        f"Copying the RAM scores {_number(copy['slot_accuracy'])} slot accuracy and {_number(copy['bit_f1'])} bit F1"
        f"{paper}.",
    ]


def _share(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f} %"


def _number(value: float | None, *, digits: int = 3) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
