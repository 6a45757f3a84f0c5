"""All results of a report, found by what they are results of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from benchmarks.arms import ENCODER_ARMS
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
        ValueError: when two results are of one experiment, or two seeds of an arm, under different settings.
    """

    results: tuple[Result, ...]
    """Finished experiments."""

    failures: tuple[Failure, ...] = ()
    """Experiments that ended with an error and have no result."""

    problems: tuple[str, ...] = ()
    """Files that could not be read or contradict each other, in words."""

    sources: tuple[str, ...] = ()
    """Folders, URLs and files that they come from."""

    links: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """By id and key, where the full result of an experiment can be looked at."""

    _found: dict[tuple[Kind, str, str, str, int], dict[int, Result]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        found: dict[tuple[Kind, str, str, str, int], dict[int, Result]] = {}
        for result in sorted(map(compact, self.results), key=lambda one: (one.id, one.key)):
            seeds = found.setdefault((result.kind, result.game, result.donor, result.arm, result.slot_dim), {})
            before = seeds.setdefault(result.seed, result)
            first = next(iter(seeds.values()))
            if before.key != result.key:
                raise ValueError(_ambiguous(before, result))
            if _settings(first) != _settings(result):
                raise ValueError(_ambiguous(first, result))
        results = sorted((one for seeds in found.values() for one in seeds.values()), key=lambda one: one.id)
        object.__setattr__(self, "results", tuple(results))
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
        return _in_order({one[1] for one in self._found if one[0] == kind}, GAMES)

    def donors(self) -> list[str]:
        """List the games whose processor went into an encoder of RMR."""
        return _in_order({one[2] for one in self._found if one[0] == "natural" and one[3] == "rmr"}, GAMES)

    def arms(self, kind: Kind) -> list[str]:
        """List the arms of encoders in the order of tables; all others come after them, by their names."""
        return _in_order({one[3] for one in self._found if one[0] == kind}, ENCODER_ARMS)


def mismatch(first: Result, second: Result) -> list[str]:
    """Say in what two results differ that should differ in the arm alone.

    Returns:
        Fields of the settings of data, probe and encoder, fingerprints of what was recorded, of the training where both
        learn the same way, and of the training of the processor where both take a pre-trained one, which may be of
        another game; empty when they pair.
    """
    meanings = [one.config.get("arm", {}) for one in (first, second)]
    same_training = meanings[0].get("learns_from") == meanings[1].get("learns_from")
    pretrained = all(meaning.get("processor") == "pretrained" for meaning in meanings)
    here, there = (_compared(one, training=same_training, processor=pretrained) for one in (first, second))
    return differences(here, there)


def _compared(result: Result, *, training: bool, processor: bool) -> dict[str, Any]:
    found = {name: result.config.get(name) for name in ("data", "probe", "probe_seed")}
    # Another emulator records other episodes under the same settings.
    found["inputs"] = {"data": result.inputs.get("data")}
    natural, donor = (result.config.get(name, {}) for name in ("natural", "processor"))
    found["natural"] = natural if training else {"encoder": natural.get("encoder")}
    if processor:
        found["processor"] = {name: value for name, value in donor.items() if name != "data"}
    return found


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


def _in_order(names: Iterable[str], order: Iterable[str]) -> list[str]:
    known = {name: index for index, name in enumerate(order)}
    return sorted(names, key=lambda name: (known.get(name, len(known)), name))


def _settings(result: Result) -> dict[str, Any]:
    """Return what all seeds of an arm must agree on; data, processor and probe have seeds that do not vary with it."""
    return {name: value for name, value in result.config.items() if name != "seed"}


def _ambiguous(first: Result, second: Result) -> str:
    changed = differences(_settings(first), _settings(second)) or ["their keys"]
    profiles = sorted({first.profile, second.profile})
    fix = (
        f"Choose with --profile {profiles[0]} or --profile {profiles[1]}."
        if len(profiles) > 1
        else "Choose with --where FIELD=VALUE, such as --where data.seed=0."
    )
    got = f"{first.key} and {second.key}, which differ in {'; '.join(changed[:5])}"
    same = f"one result of {first.id}" if first.id == second.id else f"the same settings in {first.id} and {second.id}"
    return explain(expected=same, got=got, fix=fix)
