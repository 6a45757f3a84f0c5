"""Whole numbers that users pass: how many, how long, how often."""

from __future__ import annotations

import numbers

from rmr_gym.errors import explain


def as_count(name: str, value: object, *, least: int = 1) -> int:
    """Return an integer as Python's own, which JSON can hold; integers of numpy are welcome.

    Args:
        name: of the argument or field, for the message.
        value: what was passed.
        least: smallest number that makes sense.

    Raises:
        ValueError: when the value is no integer (a bool is none), or is too small.

    Example:
        >>> as_count("frame_skip", 4)
        4
    """
    if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < least:
        expected = f"{name} as an integer of at least {least}"
        raise ValueError(explain(expected=expected, got=value, fix=f"Pass for example {name}={max(least, 4)}."))
    return int(value)


def as_seed(value: object) -> int:
    """Return a seed as an integer of Python's own, which JSON can hold; integers of numpy are welcome.

    Raises:
        ValueError: when the value is no integer (a bool is none).

    Example:
        >>> import numpy as np
        >>> [as_seed(seed) for seed in np.arange(2)]
        [0, 1]
    """
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise ValueError(explain(expected="an integer as seed", got=value, fix="Pass for example seed=0."))
    return int(value)
