"""Which results a report is made from, where a place holds several settings."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.report.origin import gives
from benchmarks.result import Result
from rmr_gym.errors import explain
from rmr_gym.pipeline.commands.options import config_from_file
from rmr_gym.pipeline.config import RunConfig
from rmr_gym.pipeline.profiles import PROFILES

_LEARNERS = {"supervised": "ram", "loop": "pixels", "objective": "pixels"}
"""What an arm has to learn from to use some settings of the encoder; the others have placeholders there."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """The condition that a result has a profile and some settings."""

    profile: str | None = None
    """Name of the profile; None takes all."""

    settings: RunConfig | None = None
    """What the profile gives, if that is known: a result of theirs is chosen under any name of a profile, since one
    that was found done keeps the name under which it was made."""

    conditions: tuple[tuple[str, Any], ...] = ()
    """Fields of the settings, such as `natural.loop.gradient_steps`, and their values. A result that lacks a field, or
    whose arm does not use it, meets the condition, since the stages and arms have different settings."""

    def __call__(self, result: Result) -> bool:
        """Tell whether a result is chosen."""
        fits = self.profile in (None, result.profile) or (self.settings is not None and gives(self.settings, result))
        return fits and all(_found(_used(result), path) in ([], [value]) for path, value in self.conditions)

    def require_fields(self, results: Sequence[Result]) -> None:
        """Make sure that each condition is about a field that a result uses, and met by one of those.

        Otherwise it would choose nothing but what lacks the field.

        Raises:
            ValueError: when it is not; the message names the nearest field, or the values that there are.
        """
        used = [_used(result) for result in results] if self.conditions else []
        known = {path for settings in used for path in _paths(settings)}
        for path, value in self.conditions:
            if path not in known:
                near = difflib.get_close_matches(path, sorted(known), n=1)
                fix = f"Did you mean {near[0]}?" if near else "See config in a result.json."
                raise ValueError(explain(expected="a field of the settings that a result uses", got=path, fix=fix))
            found = [there for settings in used for there in _found(settings, path)]
            if value not in found:
                values = ", ".join(sorted({json.dumps(one) for one in found}))
                expected = f"a result with {path}={json.dumps(value)}"
                raise ValueError(explain(expected=expected, got=values, fix="Choose one of these."))


def choice(profile: str | None = None, where: Sequence[str] = ()) -> Choice:
    """Read a choice.

    Args:
        profile: name of the profile, or the file that it is from, such as `mine.json`, whose results go by the name
            `mine`; None takes all.
        where: conditions such as `natural.loop.gradient_steps=200` or `natural.objective.type=hinge` on the settings.

    Raises:
        ValueError: when a condition is not of this form, or the file holds no settings.
    """
    conditions = []
    for text in where:
        path, equals, value = text.partition("=")
        if not (path and equals and value):
            raise ValueError(explain(expected="a condition FIELD=VALUE", got=text, fix="Write --where data.seed=0."))
        conditions.append((path, _value(value)))
    name, settings = _profile(profile)
    return Choice(profile=name, settings=settings, conditions=tuple(conditions))


def _profile(text: str | None) -> tuple[str | None, RunConfig | None]:
    """Return the name of a profile, and what it gives; None where only those who ran it know."""
    if text is None:
        return None, None
    if text.endswith(".json"):
        return Path(text).stem, config_from_file(RunConfig, Path(text), None)
    return text, PROFILES[text]() if text in PROFILES else None


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _used(result: Result) -> Mapping[str, Any]:
    """Leave out the settings that the arm does not use: in their places stand defaults, see `natural_experiment`."""
    source, natural = result.config.get("arm", {}).get("learns_from"), result.config.get("natural", {})
    if source is None:
        return result.config
    return result.config | {
        "natural": {name: natural[name] for name in natural if _LEARNERS.get(name, source) == source}
    }


def _found(document: Any, path: str) -> list[Any]:
    """Return what stands at a path, alone in a list; nothing where there is no such field."""
    for name in path.split("."):
        if not isinstance(document, Mapping) or name not in document:
            return []
        document = document[name]
    return [document]


def _paths(document: Mapping[str, Any], above: str = "") -> Iterator[str]:
    for name, value in document.items():
        yield f"{above}{name}"
        if isinstance(value, Mapping):
            yield from _paths(value, f"{above}{name}.")
