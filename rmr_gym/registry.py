"""Explicit tables of named parts (players, processors, encoders, objectives, probes)."""

from __future__ import annotations

import difflib
import functools
import operator
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from rmr_gym.errors import explain

T = TypeVar("T")


class UnknownNameError(KeyError, ValueError):
    """A name that is in no registry; the message lists the known names and the nearest."""

    def __str__(self) -> str:
        return str(self.args[0])  # KeyError would show the repr of the message


class Registry(Mapping[str, T]):
    """A read-only table from name to part, with helpful errors.

    Args:
        kind: what the parts are, in the singular, for messages ("processor").
        *entries: `(name, part)` pairs in the order in which they are to be listed.

    Raises:
        ValueError: when a name stands twice.

    Example:
        >>> Registry("colour", ("red", 1), ("blue", 2))["red"]
        1
    """

    def __init__(self, kind: str, *entries: tuple[str, T]) -> None:
        self.kind = kind
        self._parts: dict[str, T] = {}
        for name, part in entries:
            if name in self._parts:
                raise ValueError(explain(expected=f"each {kind} name once", got=f"{name!r} twice", fix="Rename one."))
            self._parts[name] = part

    def __getitem__(self, name: str) -> T:
        try:
            return self._parts[name]
        except (KeyError, TypeError):
            raise UnknownNameError(self._unknown(name)) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._parts)

    def __len__(self) -> int:
        return len(self._parts)

    def __contains__(self, name: object) -> bool:
        return name in self._parts

    def _unknown(self, name: object) -> str:
        near = difflib.get_close_matches(str(name), self._parts, n=1)
        fix = f"Did you mean {near[0]!r}?" if near else "Choose one of these."
        article = "an" if self.kind[0] in "aeiou" else "a"
        return explain(expected=f"{article} {self.kind} out of {', '.join(self._parts)}", got=name, fix=fix)


def union_of(registry: Registry[Any]) -> Any:
    """Return the union of the classes in a registry, for fields that are read from JSON or the command line.

    So a line in the registry makes a class known there, too. mypy needs the union written out under `TYPE_CHECKING`.
    """
    return functools.reduce(operator.or_, registry.values())
