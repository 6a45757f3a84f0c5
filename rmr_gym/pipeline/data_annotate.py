"""Annotating the RAM of a game: what each byte does in recorded play."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Int64

from rmr_gym.data import TransitionDataset
from rmr_gym.errors import explain
from rmr_gym.evaluation.metrics import slot_entropy
from rmr_gym.evaluation.ram_bytes import (
    Likeness,
    Play,
    action_response,
    changing_bytes,
    counting,
    likeness,
    read_play,
)
from rmr_gym.evaluation.ram_motion import Motion, coordinate, read_motion
from rmr_gym.pipeline.datasets import game_of
from rmr_gym.pipeline.stage import JsonObject
from rmr_gym.wrappers.variable_files import Entry, read_table, variables_of
from rmr_gym.wrappers.variable_table import StateVariable, known_variables, with_overrides

FORMAT = "rmr-ram-annotation/2"

UNKNOWN = "unknown"
"""Category of bytes without a name."""

_LEAST_RESPONSE, _LEAST_LIKENESS, _LEAST_PLACE = 0.1, 0.8, 0.3


def annotate(
    paths: Sequence[Path], *, variables: Path | None = None, num_steps: int = 2_000, seed: int = 0
) -> JsonObject:
    """Describe every byte of the RAM that changes in recorded play of a game.

    Args:
        paths: folders of episodes that open as one data set.
        variables: a table of names of one's own, `.toml` or `.csv`, beside those that are known.
        num_steps: steps whose pictures are looked at for moving pixels.
        seed: of the draw of these steps.

    Returns:
        JSON values: `game`, `steps`, and in `bytes` for each byte that changes its `index`, `names`, `category`, number
        of `values`, `entropy` in nats, `change_rate`, and `counting`, `action`, `place` and `like`, each None where
        there is nothing to say. `constant` lists the named bytes that do not change. `table` is what tables of names
        hold: `game` (None for all games), `name`, `index` and `category` of all of `variables` and of every byte that
        changes.

    Raises:
        ValueError: when the folders hold no data of one game, or the table is wrong.
    """
    if num_steps < 1:
        raise ValueError(explain(expected="at least one step to look at", got=num_steps, fix="Look at 2,000."))
    entries = [] if variables is None else read_table(variables)  # a wrong table is refused before all the work
    dataset = TransitionDataset(list(paths), split="all")
    play, motion = read_play(dataset), read_motion(dataset, num_steps=num_steps, seed=seed)
    game = game_of(dataset)
    table = with_overrides(known_variables(game), variables_of(entries, game))
    changing = changing_bytes(play)
    entropy = slot_entropy(play.frames)
    still = [variable.name for variable in _named(table) if variable.index not in changing]
    return {
        "format": FORMAT,
        "game": game,
        "steps": len(play.change),
        "bytes": [
            _about(play, motion, table, index, changing) | {"entropy": float(entropy[index])}
            for index in changing.tolist()
        ],
        "constant": still,
        "table": _to_write(entries, table, game, changing.tolist()),
    }


def _to_write(
    entries: Sequence[Entry], table: Sequence[StateVariable], game: str, changing: Collection[int]
) -> list[JsonObject]:
    """List all entries of a user's table, and with them the known and the unnamed bytes that change.

    What holds for all games comes first, then the game in the order of its bytes, then other games.
    """
    own = {variable.name for variable in variables_of(entries, game)}
    named, names = {variable.index for variable in table}, {variable.name for variable in table}
    here = [
        *(variable for name, variable in entries if name == game),
        *(variable for variable in table if variable.name not in own and variable.index in changing),
        *(
            StateVariable(name=_placeholder(index), index=index, category=UNKNOWN)
            for index in changing
            if index not in named and _placeholder(index) not in names
        ),
    ]
    apart = sorted((entry for entry in entries if entry[0] not in (None, game)), key=lambda entry: entry[0] or "")
    ordered: list[Entry] = [
        *(entry for entry in entries if entry[0] is None),
        *((game, variable) for variable in sorted(here, key=lambda variable: variable.index)),
        *apart,
    ]
    return [{"game": name} | dataclasses.asdict(variable) for name, variable in ordered]


def _placeholder(index: int) -> str:
    """Return what stands in a table in the place of a name, to be renamed."""
    return f"byte_{index}"


def _named(variables: Sequence[StateVariable]) -> list[StateVariable]:
    """Leave out what an earlier annotation wrote for bytes without a name."""
    return [variable for variable in variables if variable.name != _placeholder(variable.index)]


def _about(
    play: Play, motion: Motion, table: Sequence[StateVariable], index: int, changing: Int64[np.ndarray, " changing"]
) -> JsonObject:
    """Say everything about one byte."""
    entries = [variable for variable in table if variable.index == index]
    named = _named(entries)
    values, change = play.frames[:, index], play.change[:, index]
    response, place, alike = action_response(change, play.actions), coordinate(motion, index), None
    counts = counting(values, change)
    if counts is None or not counts.every_step:  # all clocks are alike
        alike = _alike(play, [variable.index for variable in _named(table)], index, changing)
    tells_response = response is not None and abs(response.correlation) >= _LEAST_RESPONSE
    tells_place = place is not None and place.score >= _LEAST_PLACE
    return {
        "index": index,
        "names": [variable.name for variable in named],
        "category": next((variable.category for variable in [*named, *entries]), UNKNOWN),
        "values": len(np.unique(values)),
        "change_rate": float((change != 0).mean()),
        "counting": None if counts is None else dataclasses.asdict(counts),
        "action": dataclasses.asdict(response) if response is not None and tells_response else None,
        "place": dataclasses.asdict(place) | {"score": place.score} if place is not None and tells_place else None,
        "like": None if alike is None else dataclasses.asdict(alike),
    }


def _alike(play: Play, named: Sequence[int], index: int, changing: Int64[np.ndarray, " changing"]) -> Likeness | None:
    """Find the byte that goes along, rather one with a name."""
    for others in ([other for other in named if other in changing], changing.tolist()):
        found = likeness(play.frames, index, others)
        if found is not None and abs(found.correlation) >= _LEAST_LIKENESS:
            return found
    return None
