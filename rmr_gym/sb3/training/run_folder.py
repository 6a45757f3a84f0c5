"""The folder of a training: what lies where, and that it belongs to one config."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rmr_gym.documents import differences, read_json, without_nan
from rmr_gym.errors import explain
from rmr_gym.models.checkpoint import write_atomically
from rmr_gym.sb3.training.config import DOCUMENTS, AgentConfig

JsonObject = dict[str, Any]

CONFIG_FILE, RESULT_FILE, EVALUATIONS_FILE = "config.json", "result.json", "evaluations.jsonl"
LOG_FOLDER, CHECKPOINT_FOLDER = "logs", "checkpoints"
MODEL_FILE, REPLAY_FILE, STATE_FILE = "model.zip", "replay_buffer.pkl", "state.json"

_CHECKPOINT = re.compile(r"steps-(\d+)")


def pin_config(config: AgentConfig, folder: Path, *, resume: bool = True) -> None:
    """Write the config of a new training, or compare it with the one that is to be continued.

    Raises:
        ValueError: when the folder was begun with another config; the message names the fields.
    """
    path, now = folder / CONFIG_FILE, DOCUMENTS.to_json(config)
    if not path.exists():
        write_json(path, now)
        return
    if not resume:
        fix = "Pass another folder, or resume=True to continue."
        raise ValueError(explain(expected="a new folder, as resume=False", got=str(folder), fix=fix))
    # Read and written again: fields that came later have their defaults then.
    changed = differences(DOCUMENTS.to_json(read_config(folder)), now)
    if changed:
        fix = "Repeat the settings of the first call, or pass another folder."
        got = f"other ones (there -> now): {'; '.join(changed)}"
        raise ValueError(explain(expected=f"the settings with which {folder} was begun", got=got, fix=fix))


def read_config(folder: str | Path) -> AgentConfig:
    """Read the config of a training.

    Raises:
        ValueError: when the folder holds none.
    """
    path = Path(folder) / CONFIG_FILE
    if not path.exists():
        fix = "Pass a folder that `python -m agents.train` or train_agent wrote."
        raise ValueError(
            explain(expected=f"the folder of a trained agent with {CONFIG_FILE}", got=str(folder), fix=fix)
        )
    return DOCUMENTS.from_json(AgentConfig, read_json(path), where=str(path))


def read_evaluations(folder: str | Path) -> list[JsonObject]:
    """Read the evaluations of a training, in their order; a last line that a kill cut off is left out.

    Returns:
        One document per evaluation: `env_steps`, `returns` and `lengths` (agent steps) of the episodes,
        `training_seconds` before it and `evaluation_seconds` of it.
    """
    path = Path(folder) / EVALUATIONS_FILE
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n")[:-1]]


def append_evaluation(folder: Path, evaluation: Mapping[str, Any]) -> None:
    """Add an evaluation."""
    with (folder / EVALUATIONS_FILE).open("a", encoding="utf-8") as file:
        file.write(json.dumps(without_nan(evaluation)) + "\n")


def rewind_evaluations(folder: Path, env_steps: int) -> None:
    """Forget evaluations of agents that had more steps behind them than the one that training continues from."""
    kept = [record for record in read_evaluations(folder) if record["env_steps"] <= env_steps]
    text = "".join(json.dumps(record) + "\n" for record in kept)
    write_atomically(folder / EVALUATIONS_FILE, text.encode())


def checkpoints(folder: str | Path) -> dict[int, Path]:
    """List the folders of the kept states of a training, by environment steps."""
    found = {}
    for path in (Path(folder) / CHECKPOINT_FOLDER).glob("steps-*"):
        match = _CHECKPOINT.fullmatch(path.name)
        if match:
            found[int(match[1])] = path
    return dict(sorted(found.items()))


def checkpoint_folder(folder: Path, env_steps: int) -> Path:
    """Return where the state after some environment steps is kept."""
    return folder / CHECKPOINT_FOLDER / f"steps-{env_steps:010d}"


def write_json(path: Path, document: Mapping[str, Any]) -> None:
    """Write JSON atomically; NaN and infinity become null, since JSON has no word for them."""
    text = json.dumps(without_nan(document), indent=2, allow_nan=False) + "\n"
    write_atomically(path, text.encode())
