"""Where the settings of a result come from: a profile, and what was changed in it."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from benchmarks.arms import ENCODER_ARMS, PROCESSOR_ARMS, abstract_experiment, natural_experiment, with_width
from benchmarks.result import Kind, Result
from rmr_gym.documents import differences
from rmr_gym.pipeline.config import RunConfig
from rmr_gym.pipeline.players import unpinned
from rmr_gym.pipeline.profiles import PROFILES

NAMED = 4
"""Changed settings that are named."""


def origin(result: Result) -> str:
    """Name the profile of a result with the settings that are not the profile's.

    Seeds, games and the width of slots are no settings of a profile. Fields that only one of the two has are of another
    version of the code and say nothing. A profile or an arm that is not known here stays as it is.

    Returns:
        Such as `standard`, `standard with abstract.loop.gradient_steps 1000`, or `standard with abstract.loop:
        gradient_steps 1000, learning_rate 0.01; probe.num_train_frames 5`.
    """
    found = _changes(PROFILES[result.profile](), result) if result.profile in PROFILES else None
    if not found:
        return result.profile
    changed = [f"{path} {values.rpartition(' -> ')[2]}" for path, _, values in (one.partition(": ") for one in found)]
    more = [f"{len(changed) - NAMED} more"] if len(changed) > NAMED else []
    return f"{result.profile} with {'; '.join([*_grouped(changed[:NAMED]), *more])}"


def gives(settings: RunConfig, result: Result) -> bool:
    """Tell whether a result has these settings, as far as its arm uses them, whatever its profile is called.

    What says nothing in `origin` says nothing here; an arm that is not known has other settings.
    """
    return _changes(settings, result) == []


def _changes(settings: RunConfig, result: Result) -> list[str] | None:
    """Name what a result has other than some settings give its arm; None where the arm is not known."""
    usual = _usual(settings, result.kind, result.arm, result.slot_dim)
    return None if usual is None else differences(usual, _within(_settings(result.config, result.game), usual))


def _grouped(settings: Iterable[str]) -> Iterator[str]:
    """Name once what neighbouring settings are parts of."""
    for part, several in itertools.groupby(settings, key=lambda setting: setting.split()[0].rpartition(".")[0]):
        names = list(several)
        if part and len(names) > 1:
            yield f"{part}: {', '.join(name.removeprefix(f'{part}.') for name in names)}"
        else:
            yield from names


@lru_cache(maxsize=1_000)
def _usual(settings: RunConfig, kind: Kind, arm: str, slot_dim: int) -> dict[str, Any] | None:
    """Return what settings come to for an arm; None where it is not known."""
    arms = PROCESSOR_ARMS if kind == "abstract" else ENCODER_ARMS
    if arm not in arms:
        return None
    build = abstract_experiment if kind == "abstract" else natural_experiment
    base = with_width(settings, slot_dim)
    return _settings(build("pong", arm, 0, base, "", players=base.players).config, "pong")


def _settings(config: Mapping[str, Any], game: str) -> dict[str, Any]:
    """Bring the settings of an experiment into the form of a profile, without games and seeds."""
    data, processor = config.get("data", {}), config if "abstract" in config else config.get("processor", {})
    parts = {
        "data": data.get("config"),
        "players": [unpinned(player).replace(game, "{game}") for player in data.get("players", ())] or None,
        "abstract": processor.get("abstract", {"processor": processor}),
        "natural": config.get("natural"),
        "probe": config.get("probe", {name: config[name] for name in ("entropy_threshold",) if name in config}),
    }
    return {name: part for name, part in parts.items() if part is not None}


def _within(document: Any, other: Any) -> Any:
    """Give a document the fields of another one: leave out those that it lacks, take over those that are missing."""
    if not (isinstance(document, Mapping) and isinstance(other, Mapping)):
        return document
    return {name: _within(document[name], value) if name in document else value for name, value in other.items()}
