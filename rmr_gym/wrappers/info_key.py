"""A further key in the info."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rmr_gym.errors import explain


def with_key(info: Mapping[str, Any], key: str, value: object) -> dict[str, Any]:
    """Copy an info and put a value under a new key.

    Raises:
        ValueError: when the info has such a key already, whose value would be lost. Before the first reset nobody knows
            which keys an info has.

    Example:
        >>> with_key({"lives": 3}, "ram", 17)
        {'lives': 3, 'ram': 17}
    """
    if key in info:
        fix = "Pass another key to the wrapper."
        raise ValueError(explain(expected=f"an info without {key!r}", got=", ".join(info), fix=fix))
    return {**info, key: value}
