"""Which results a report is made from, where a place holds several settings."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.result import Result
from rmr_gym.errors import explain


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """The condition that a result has a profile and some settings."""

    profile: str | None = None
    """Name of the profile; None takes all."""

    conditions: tuple[tuple[str, Any], ...] = ()
    """Fields of the settings, such as `natural.loop.gradient_steps`, and their values. A result that lacks a field
    meets the condition, since the stages have different settings."""

    def __call__(self, result: Result) -> bool:
        """Tell whether a result is chosen."""
        fits = self.profile in (None, result.profile)
        return fits and all(_meets(result.config, path.split("."), value) for path, value in self.conditions)

    def require_fields(self, results: Sequence[Result]) -> None:
        """Make sure that each condition is about a field that a result has, as otherwise it would choose nothing.

        Raises:
            ValueError: when it is not; the message names the nearest field.
        """
        known = {path for result in results for path in _paths(result.config)} if self.conditions else set()
        for path, _ in self.conditions:
            if path not in known:
                near = difflib.get_close_matches(path, sorted(known), n=1)
                fix = f"Did you mean {near[0]}?" if near else "See config in a result.json."
                raise ValueError(explain(expected="a field of the settings of a result", got=path, fix=fix))


def choice(profile: str | None = None, where: Sequence[str] = ()) -> Choice:
    """Read a choice.

    Args:
        profile: name of the profile; None takes all.
        where: conditions such as `natural.loop.gradient_steps=200` or `natural.objective.type=hinge` on the settings.

    Raises:
        ValueError: when a condition is not of this form.
    """
    conditions = []
    for text in where:
        path, equals, value = text.partition("=")
        if not (path and equals and value):
            raise ValueError(explain(expected="a condition FIELD=VALUE", got=text, fix="Write --where data.seed=0."))
        conditions.append((path, _value(value)))
    return Choice(profile=profile, conditions=tuple(conditions))


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _meets(document: Any, path: Sequence[str], value: Any) -> bool:
    for name in path:
        if not isinstance(document, Mapping) or name not in document:
            return True
        document = document[name]
    return bool(document == value)


def _paths(document: Mapping[str, Any], above: str = "") -> Iterator[str]:
    for name, value in document.items():
        yield f"{above}{name}"
        if isinstance(value, Mapping):
            yield from _paths(value, f"{above}{name}.")
