"""The settings of a run, pinned to its folder: a later call continues it or is refused."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_type_hints

from rmr_gym.errors import explain
from rmr_gym.pipeline.config_json import differences, from_json, read_json, to_json
from rmr_gym.pipeline.stage import write_json


def pin(config: Any, path: Path, *, may_grow: Sequence[str] = ()) -> bool:
    """Write the config of a new run, or compare it with that of the run that is to be continued.

    Args:
        config: a config dataclass.
        path: its file.
        may_grow: fields that a later call may change, since they add to the run and change nothing.

    Returns:
        Whether a run is continued.

    Raises:
        ValueError: when the file holds other settings; the message names them.
    """
    now, continued = to_json(config), path.exists()
    if continued:
        before = to_json(_read(type(config), path))
        fixed = [line for line in differences(before, now) if line.split(":")[0].split("[")[0] not in may_grow]
        if fixed:
            raise ValueError(
                explain(
                    expected=f"the settings of the run in {path.parent}",
                    got=f"other ones (there -> now): {'; '.join(fixed)}",
                    fix=f"Pass another --out, or add --config {path} to continue the old run.",
                )
            )
    write_json(path, now)
    return continued


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
