"""The folder of a training: what lies where, and that it belongs to one config."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rmr_gym.atomic import write_atomically
from rmr_gym.documents import differences, read_json, without_nan, write_json
from rmr_gym.errors import explain
from rmr_gym.sb3.training.config import DOCUMENTS, AgentConfig
from rmr_gym.sb3.training.networks import encoder_folder, has_encoder

JsonObject = dict[str, Any]

CONFIG_FILE, RESULT_FILE, EVALUATIONS_FILE = "config.json", "result.json", "evaluations.jsonl"
EPISODES_FILE = "episodes.jsonl"
LOG_FOLDER, CHECKPOINT_FOLDER = "logs", "checkpoints"
MODEL_FILE, REPLAY_FILE, NORMALIZE_FILE = "model.zip", "replay_buffer.pkl", "vecnormalize.pkl"
STATE_FILE = "state.json"

_CHECKPOINT = re.compile(r"steps-(\d+)")


def pin_config(config: AgentConfig, folder: Path, *, resume: bool = True) -> None:
    """Write the config of a new training, or compare it with the one that is to be continued.

    A call that was refused before anything was trained binds nobody: its config is replaced, with its encoder. The
    folder of the encoder may have another name than at first, if the same encoder lies in it.

    Raises:
        ValueError: when the folder was begun with another config, the message names the fields, or another encoder.
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
    if changed and not (read_evaluations(folder) or checkpoints(folder)):
        shutil.rmtree(encoder_folder(folder), ignore_errors=True)
        write_json(path, now)
        return
    only_moved = changed and all(line.startswith("features.path: ") for line in changed)
    if only_moved and has_encoder(folder) and Path(now["features"]["path"]).is_dir():
        config.features.prepare(folder, config.seed, config.where)  # refuses another encoder than the copy
    elif changed:
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
    """Read the evaluations of a training, in their order.

    Returns:
        One document per evaluation: `env_steps`, `returns` and `lengths` (agent steps) of the episodes,
        `training_seconds` before it and `evaluation_seconds` of it.
    """
    return _read_lines(Path(folder) / EVALUATIONS_FILE)


def read_episodes(folder: str | Path) -> list[JsonObject]:
    """Read the episodes that were finished while an agent was trained, in their order.

    Returns:
        One document per episode: `env_steps` at its end, its `return` as the monitor counts it (points of whole games),
        and its `length` in agent steps.
    """
    return _read_lines(Path(folder) / EPISODES_FILE)


def append_evaluation(folder: Path, evaluation: Mapping[str, Any]) -> None:
    """Add an evaluation."""
    _append_line(folder / EVALUATIONS_FILE, evaluation)


def append_episode(folder: Path, episode: Mapping[str, Any]) -> None:
    """Add an episode of training."""
    _append_line(folder / EPISODES_FILE, episode)


def rewind(folder: Path, env_steps: int, *, names: Sequence[str] = (EVALUATIONS_FILE, EPISODES_FILE)) -> None:
    """Forget evaluations and episodes of agents that had more steps behind them than the one that goes on."""
    for name in names:
        kept = [record for record in _read_lines(folder / name) if record["env_steps"] <= env_steps]
        write_atomically(folder / name, "".join(json.dumps(record) + "\n" for record in kept).encode())


def _append_line(path: Path, record: Mapping[str, Any]) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(without_nan(record)) + "\n")


def _read_lines(path: Path) -> list[JsonObject]:
    """Read a file of JSON lines, without a last one that a kill cut off."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n")[:-1]]


def checkpoints(folder: str | Path) -> dict[int, Path]:
    """List the folders of the kept states of a training, by environment steps."""
    found = {}
    for path in (Path(folder) / CHECKPOINT_FOLDER).glob("steps-*"):
        match = _CHECKPOINT.fullmatch(path.name)
        if match:
            found[int(match[1])] = path
    return dict(sorted(found.items()))


def find_checkpoint(folder: str | Path, env_steps: int | None = None) -> tuple[int, Path]:
    """Return the environment steps and the folder of a kept state; None takes the last.

    Raises:
        ValueError: when there is no such state.
    """
    found = checkpoints(folder)
    steps = max(found, default=0) if env_steps is None else env_steps
    if steps not in found:
        fix = "Train the agent, or take one of these." if found else "Train the agent first."
        got = f"{steps} out of {', '.join(map(str, found)) or 'none'}"
        raise ValueError(explain(expected=f"a checkpoint in {folder}", got=got, fix=fix))
    return steps, found[steps]


def checkpoint_folder(folder: Path, env_steps: int) -> Path:
    """Return where the state after some environment steps is kept."""
    return folder / CHECKPOINT_FOLDER / f"steps-{env_steps:010d}"
