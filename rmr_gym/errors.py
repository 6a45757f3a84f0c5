"""Errors in three parts: what was expected, what came, what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gymnasium.error import DependencyNotInstalled


class CorruptFileError(ValueError):
    """A file of a dataset or checkpoint is damaged, truncated or was changed after it was written."""


class BusyFolderError(ValueError):
    """Another process works in a folder."""


class WorkerDiedError(RuntimeError):
    """A process that did a part of the work ended, as the system ends one when the memory is full."""


class NonFiniteLossError(RuntimeError):
    """A training loss or its gradient became NaN or infinite; raised before the update, so the weights are good."""


def explain(*, expected: str, got: object, fix: str) -> str:
    """Compose an error message for a user.

    Args:
        expected: what the function accepts, without a full stop.
        got: what came instead; strings are used as they are, other objects by their `repr`.
        fix: one sentence that says what to do.

    Returns:
        One line, `Expected ...; got .... Fix.`

    Example:
        >>> explain(expected="a positive radius in metres", got=-1.0, fix="Pass radius=0.06.")
        'Expected a positive radius in metres; got -1.0. Pass radius=0.06.'
    """
    shown = got if isinstance(got, str) else repr(got)
    return f"Expected {expected}; got {shown}. {fix}"


def require_choice(what: str, value: str, choices: Sequence[str]) -> None:
    """Refuse a value that is not one of a few, as a misspelt one is.

    Args:
        what: the value is a choice of, such as "precision".
        value: what was chosen.
        choices: out of these.

    Raises:
        ValueError: when it is none of them.

    Example:
        >>> require_choice("precision", "bf16", ["float32", "bfloat16"])
        Traceback (most recent call last):
        ValueError: Expected a known precision; got bf16. Choose one of float32, bfloat16.
    """
    if value not in choices:
        raise ValueError(explain(expected=f"a known {what}", got=value, fix=f"Choose one of {', '.join(choices)}."))


def missing_extra(package: str, extra: str) -> DependencyNotInstalled:
    """Build the error for an optional package that is not installed.

    Args:
        package: import name of the missing package.
        extra: the extra of `rmr-gym` that brings it.

    Returns:
        The exception, to be raised by the caller with `from` the original `ImportError`.
    """
    from gymnasium.error import DependencyNotInstalled  # gymnasium is slow to import

    options = "--no-build-isolation " if extra == "scatter" else ""  # its build imports torch
    return DependencyNotInstalled(
        explain(
            expected=f"the optional package {package!r} to be installed",
            got="no such package",
            fix=f'Run: pip install {options}"rmr-gym[{extra}]".',
        )
    )
