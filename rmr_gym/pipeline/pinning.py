"""The settings of a run, pinned to its folder: a later call continues it or is refused."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_type_hints

from rmr_gym.documents import write_json
from rmr_gym.errors import explain
from rmr_gym.pipeline.config_json import differences, from_json, read_json, to_json
from rmr_gym.pipeline.stage import RESULT_FILE

CONFIG_FILE = "config.json"
"""Pinned settings, in the folder of a run."""


def pin(config: Any, folder: Path, *, may_change: Sequence[str] = ()) -> bool:
    """Write the config of a new run, or compare it with that of the run that is to be continued.

    Args:
        config: a config dataclass.
        folder: of the run.
        may_change: fields, or parts of the config, that a later call may change, since they add to the run and change
            nothing of it, or since nothing has come of them yet.

    Returns:
        Whether a run is continued.

    Raises:
        ValueError: when there are other settings, which the message names, or a result without any: a data set, say,
            could not be opened without its own.
    """
    path, result = folder / CONFIG_FILE, folder / RESULT_FILE
    now, continued = to_json(config), path.exists()
    if result.exists() and not continued:
        got = f"{result} of something else"
        raise ValueError(explain(expected="a new folder, or that of a run", got=got, fix="Pass another --out."))
    if continued:
        before = to_json(_read(type(config), path))
        fixed = [line for line in differences(before, now) if not _is_within(line.split(":")[0], may_change)]
        if fixed:
            raise ValueError(
                explain(
                    expected=f"the settings of the run in {path.parent}",
                    got=f"other ones (there -> now): {'; '.join(fixed)}",
                    fix=f"Pass another --out, or add --config {path} and leave out --profile and the options that "
                    "differ, to continue the old run.",
                )
            )
    write_json(path, now)
    return continued


def _is_within(path: str, parts: Sequence[str]) -> bool:
    """Say whether a path such as `natural.loop.seeds[2]` is one of the parts or lies in one."""
    return any(path == part or path.startswith((f"{part}.", f"{part}[")) for part in parts)


def _read(config_class: type[Any], path: Path) -> Any:
    """Read the settings of the run in a folder, which may be a run of another kind."""
    document = read_json(path)
    if isinstance(document, dict) and not set(document) <= set(get_type_hints(config_class)):
        raise ValueError(
            explain(
                expected=f"a new folder, or one with settings of {', '.join(get_type_hints(config_class))}",
                got=f"{path} with {', '.join(document)}",
                fix="It is a run of another kind or of a newer version: pass another --out.",
            )
        )
    return from_json(config_class, document, where=str(path))
