"""Public names of a package that load their module at first use (PEP 562)."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping


def lazy_names(package: str, where: Mapping[str, str]) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """Make what a package needs to load its names lazily.

    Args:
        package: its `__name__`.
        where: module of each name.

    Returns:
        The `__getattr__` and the `__dir__` of the package.
    """

    def load(name: str) -> object:
        """Load a public name from its module."""
        if name not in where:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value: object = getattr(importlib.import_module(where[name]), name)
        setattr(sys.modules[package], name, value)  # the next access does not come here
        return value

    def names() -> list[str]:
        """List the names of the package, loaded or not."""
        return sorted({*vars(sys.modules[package]), *where})

    return load, names
