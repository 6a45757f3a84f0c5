"""What stands beside every result: configs as JSON and back, and folders that belong to one process at a time."""

from __future__ import annotations

import dataclasses
import fcntl
import json
import math
import os
import types
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from rmr_gym.atomic import write_atomically
from rmr_gym.errors import BusyFolderError, explain

Config = TypeVar("Config")

TYPE_KEY = "type"
"""Key that names which of several configs an object is; its value is a name in a registry."""


class ConfigJson:
    """Turns config dataclasses into JSON values and back.

    Args:
        tables: registries of config classes; a config out of one of them carries its name under `type`.
        nameless: classes out of these that are written without a name, as when there was no other of the kind, so that
            documents of then mean the same.

    Example:
        >>> @dataclasses.dataclass(frozen=True)
        ... class Red:
        ...     depth: int = 3
        >>> documents = ConfigJson([{"red": Red}])
        >>> documents.to_json(Red()), documents.from_json(Red, {"depth": 4})
        ({'type': 'red', 'depth': 3}, Red(depth=4))
    """

    def __init__(self, tables: Iterable[Mapping[str, type]], nameless: Collection[type] = ()) -> None:
        self._names: dict[type, str] = {part: name for table in tables for name, part in table.items()}
        self._nameless = tuple(nameless)

    def to_json(self, value: Any) -> Any:
        """Return a config, or anything that stands in one (numbers, strings, tuples, None), as JSON values."""
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            named = type(value) in self._names and not isinstance(value, self._nameless)
            tag = {TYPE_KEY: self._names[type(value)]} if named else {}
            return tag | {field.name: self.to_json(getattr(value, field.name)) for field in dataclasses.fields(value)}
        if isinstance(value, Mapping):
            return {str(key): self.to_json(part) for key, part in value.items()}
        if isinstance(value, Sequence) and not isinstance(value, str):
            return [self.to_json(part) for part in value]
        return value

    def to_key_json(self, value: Any) -> Any:
        """Return a config as JSON values to compare and to hash: what was written before a field existed stays equal.

        Fields are left out that say what held before they existed, by the `MEANT_BEFORE` of their class.
        """
        document = self.to_json(value)
        _leave_out_what_came_later(value, document)
        return document

    def from_json(self, config_class: type[Config], document: object, *, where: str = "config") -> Config:
        """Build a config from JSON values.

        Args:
            config_class: the dataclass to build.
            document: what `to_json` returned; fields that are left out take their default, or, where every other field
                is there and the class says so in `MEANT_BEFORE`, what held before there was such a field.
            where: name of the document, for messages.

        Returns:
            The config, checked by its own `__post_init__`.

        Raises:
            ValueError: when a field is unknown or its value has another type.
        """
        if not isinstance(document, Mapping):
            raise ValueError(explain(expected=f"an object for {where}", got=document, fix="Correct the file."))
        every = get_type_hints(config_class)  # without Annotated
        hints = {field.name: every[field.name] for field in dataclasses.fields(config_class)}  # type: ignore[arg-type]
        values = {
            key: value for key, value in document.items() if not (key == TYPE_KEY and config_class in self._names)
        }
        before: Mapping[str, object] = getattr(config_class, "MEANT_BEFORE", {})
        if set(values) == set(hints) - set(before):
            values = {**values, **before}
        unknown = sorted(set(values) - set(hints))
        if unknown:
            fix = f"Remove or rename {', '.join(unknown)}."
            raise ValueError(explain(expected=f"fields of {where} out of {', '.join(hints)}", got=unknown, fix=fix))
        return config_class(**{key: self._value(hints[key], value, f"{where}.{key}") for key, value in values.items()})

    def _value(self, annotation: Any, value: Any, where: str) -> Any:
        origin, arguments = get_origin(annotation), get_args(annotation)
        if origin in (types.UnionType, Union):
            return self._member(arguments, value, where)
        if dataclasses.is_dataclass(annotation) and isinstance(annotation, type):
            return self.from_json(annotation, value, where=where)
        if origin is tuple and isinstance(value, Sequence) and not isinstance(value, str):
            kinds = [arguments[0]] * len(value) if arguments[-1] is Ellipsis else list(arguments)
            if len(kinds) == len(value):
                pairs = enumerate(zip(kinds, value, strict=True))
                return tuple(self._value(kind, part, f"{where}[{index}]") for index, (kind, part) in pairs)
        if origin is Literal and value in arguments:
            return value
        if annotation is float and type(value) is int:
            return float(value)
        if isinstance(annotation, type) and type(value) is annotation:
            return value
        kind = getattr(annotation, "__name__", str(annotation))
        raise ValueError(explain(expected=f"{where} to be {kind}", got=value, fix="Correct the value."))

    def _member(self, arguments: tuple[Any, ...], value: Any, where: str) -> Any:
        """Build the member of a union that the value says it is."""
        if value is None and type(None) in arguments:
            return None
        configs = {self._names[part]: part for part in arguments if part in self._names}
        if configs and isinstance(value, Mapping):
            nameless = [self._names[part] for part in configs.values() if part in self._nameless]
            name = value.get(TYPE_KEY, *nameless)
            if name not in configs:
                expected = f"{where}.{TYPE_KEY} out of {', '.join(configs)}"
                raise ValueError(explain(expected=expected, got=name, fix="Correct the name."))
            return self.from_json(configs[str(name)], value, where=where)
        others = [part for part in arguments if part is not type(None)]
        return self._value(others[0], value, where)


def differences(before: object, now: object, where: str = "") -> list[str]:
    """Name the places in which two JSON documents differ.

    Returns:
        One `path: old -> new` per place, in order of the paths.

    Example:
        >>> differences({"loop": {"steps": 5}}, {"loop": {"steps": 7}})
        ['loop.steps: 5 -> 7']
    """
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        keys = sorted({*before, *now})
        missing = "(absent)"
        nested = [
            differences(before.get(key, missing), now.get(key, missing), f"{where}.{key}" if where else str(key))
            for key in keys
        ]
        return [line for lines in nested for line in lines]
    return [] if before == now else [f"{where}: {before} -> {now}"]


def read_json(path: str | Path) -> Any:
    """Read a JSON file that a user named.

    Raises:
        ValueError: when there is no such file or it is no JSON.
    """
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(
            explain(expected="a readable JSON file", got=f"{path}: {error}", fix="Check the path.")
        ) from error
    except (ValueError, RecursionError) as error:
        fix = "Restore the file from a copy, or remove it and do the stage again."
        raise ValueError(explain(expected=f"JSON in {path}", got=str(error), fix=fix)) from error


def write_json(path: Path, document: Mapping[str, Any]) -> None:
    """Write JSON atomically; NaN and infinity become null, since JSON has no word for them."""
    text = json.dumps(without_nan(document), indent=2, allow_nan=False) + "\n"
    write_atomically(path, text.encode())


def without_nan(value: Any) -> Any:
    """Return JSON values in which NaN and infinity became None, which JSON can hold."""
    if isinstance(value, Mapping):
        return {key: without_nan(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [without_nan(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


@contextmanager
def exclusive(folder: str | Path) -> Iterator[Path]:
    """Keep a folder to this process, until the block ends or the process dies.

    Raises:
        BusyFolderError: when another process works in the folder.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            fix = "Wait until it ends, or pass another --out."
            got = "another process that is working in it"
            raise BusyFolderError(explain(expected=f"{folder} for this process alone", got=got, fix=fix)) from error
        yield folder
    finally:
        os.close(descriptor)  # releases the lock, and so does a kill


def _leave_out_what_came_later(value: Any, document: Any) -> None:
    """Drop fields of a config, and of those in it, that say what held before they existed."""
    if not dataclasses.is_dataclass(value):
        return
    before: Mapping[str, object] = getattr(value, "MEANT_BEFORE", {})
    for field in dataclasses.fields(value):
        if field.name in before and document[field.name] == before[field.name]:
            del document[field.name]
        else:
            _leave_out_what_came_later(getattr(value, field.name), document[field.name])
