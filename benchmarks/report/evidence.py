"""All results of a report, found by what they are results of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from benchmarks.experiment import USUAL_WIDTH
from benchmarks.report.compact import compact
from benchmarks.result import Failure, Kind, Result
from rmr_gym.documents import differences
from rmr_gym.envs.games import GAMES
from rmr_gym.errors import explain

Seeds = Mapping[int, Result]
"""The results of one arm on one game, by seed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """What a report is made from.

    Raises:
        ValueError: when two results are of one experiment under different settings.
    """

    results: tuple[Result, ...]
    """Finished experiments."""

    failures: tuple[Failure, ...] = ()
    """Experiments that ended with an error and have no result."""

    problems: tuple[str, ...] = ()
    """Files that could not be read, in words."""

    sources: tuple[str, ...] = ()
    """Folders, URLs and files that they come from."""

    links: Mapping[str, str] = field(default_factory=dict)
    """By id, where the full result of an experiment can be looked at."""

    _found: dict[tuple[Kind, str, str, str, int], dict[int, Result]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        found: dict[tuple[Kind, str, str, str, int], dict[int, Result]] = {}
        by_id: dict[str, Result] = {}
        for result in sorted(map(compact, self.results), key=lambda one: (one.id, one.key)):
            before = by_id.setdefault(result.id, result)
            if before is not result and before.key != result.key:
                raise ValueError(_ambiguous(before, result))
            where = (result.kind, result.game, result.donor, result.arm, result.slot_dim)
            found.setdefault(where, {})[result.seed] = by_id[result.id]
        object.__setattr__(self, "results", tuple(by_id.values()))
        object.__setattr__(self, "_found", found)

    def at(self, kind: Kind, game: str, arm: str, *, donor: str | None = None, width: int | None = None) -> Seeds:
        """Return the results of an arm on a game by seed; none when it has not been run.

        Args:
            kind: stage of the method.
            game: rom id.
            arm: name of the arm.
            donor: game of the processor, by default the same.
            width: of the slots, by default `self.width(kind)`.
        """
        width = self.width(kind) if width is None else width
        return dict(sorted(self._found.get((kind, game, donor or game, arm, width), {}).items()))

    def width(self, kind: Kind) -> int:
        """Return the width of slots that tables are about: 64 where there is any, else the widest."""
        widths = self.widths(kind)
        return USUAL_WIDTH if USUAL_WIDTH in widths or not widths else widths[-1]

    def widths(self, kind: Kind, game: str | None = None) -> list[int]:
        """List the widths of slots in ascending order."""
        return sorted({one[4] for one in self._found if one[0] == kind and game in (None, one[1])})

    def games(self, kind: Kind) -> list[str]:
        """List the games with a result, in the order of the paper; games that it lacks come last."""
        return _in_order({one[1] for one in self._found if one[0] == kind})

    def donors(self) -> list[str]:
        """List the games whose processor went into an encoder of RMR."""
        return _in_order({one[2] for one in self._found if one[0] == "natural" and one[3] == "rmr"})

    def arms(self, kind: Kind) -> list[str]:
        """List the arms in alphabetical order."""
        return sorted({one[3] for one in self._found if one[0] == kind})


def mismatch(first: Result, second: Result) -> list[str]:
    """Say in what two results differ that should differ in the arm alone, besides their processors.

    Returns:
        Fields of the settings of data, probe and, where both learn the same way, training; empty when they pair.
    """
    same = ["data", "probe", "probe_seed"]
    if first.config.get("arm", {}).get("learns_from") == second.config.get("arm", {}).get("learns_from"):
        same.append("natural")
    here, there = ({name: one.config.get(name) for name in same} for one in (first, second))
    return differences(here, there)


def number(document: Any, *path: str) -> float | None:
    """Follow names into a document; None where one is missing or the value is undefined.

    Example:
        >>> number({"bit_f1": {"weighted": 0.5}}, "bit_f1", "weighted"), number({}, "bit_f1")
        (0.5, None)
    """
    for name in path:
        if not isinstance(document, Mapping) or name not in document:
            return None
        document = document[name]
    return float(document) if isinstance(document, int | float) and not isinstance(document, bool) else None


def _in_order(games: Iterable[str]) -> list[str]:
    known = {game: index for index, game in enumerate(GAMES)}
    return sorted(games, key=lambda game: (known.get(game, len(known)), game))


def _ambiguous(first: Result, second: Result) -> str:
    changed = differences(first.config, second.config) or ["their keys"]
    profiles = sorted({first.profile, second.profile})
    fix = (
        f"Choose with --profile {profiles[0]} or --profile {profiles[1]}."
        if len(profiles) > 1
        else "Choose with --where FIELD=VALUE, such as --where data.seed=0."
    )
    got = f"{first.key} and {second.key}, which differ in {'; '.join(changed[:5])}"
    return explain(expected=f"one result of {first.id}", got=got, fix=fix)
