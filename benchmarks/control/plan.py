"""The list of trainings: one per task, arm and seed, each with settings and a folder of its own."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.control.arms import ARMS, arms_of
from benchmarks.control.settings import agent_config
from rmr_gym.counts import as_count
from rmr_gym.errors import explain
from rmr_gym.models.checkpoint import read_encoder_document
from rmr_gym.pipeline.config import check_once
from rmr_gym.sb3.training import DOCUMENTS, AgentConfig

_LAYOUTS = ("encoders", "models", ".")
"""Where `rmr-gym run`, `rmr-gym balls` and a plain copy keep the folders of the arms."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Planned:
    """One training of the comparison."""

    arm: str
    """Name of the arm."""

    config: AgentConfig
    """Its settings; the task and the seed are among them."""

    encoder: str | None
    """Which encoder it takes, as "pong/rmr/seed-0"; None without one."""

    encoder_weights: str | None
    """Fingerprint of its weights."""

    @property
    def settings(self) -> dict[str, Any]:
        """All that decides the outcome, as JSON: the weights of the encoder stand in the place of their folder."""
        document: dict[str, Any] = DOCUMENTS.to_key_json(self.config)
        if self.encoder_weights is not None:
            document["features"]["path"] = self.encoder_weights
        return document

    @property
    def key(self) -> str:
        """Checksum of the settings: equal trainings have equal keys on every machine."""
        text = json.dumps(self.settings, sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    @property
    def name(self) -> str:
        """For progress and messages."""
        return f"{self.config.task} {self.arm} seed {self.config.seed}"

    def folder(self, out: Path) -> Path:
        """Return where the training lies: other settings, another folder."""
        return out / self.config.task / self.arm / f"seed-{self.config.seed}-{self.key}"


def plan(
    tasks: Sequence[str],
    seeds: Sequence[int],
    *,
    arms: Sequence[str] | None = None,
    encoders: Path | None = None,
    num_encoders: int = 3,
    steps: int | None = None,
) -> list[Planned]:
    """List the trainings, seed by seed, so that all arms have had as many seeds whenever it is ended.

    Args:
        tasks: names of games, or balls_push.
        seeds: of the agents. Agent k takes the encoder of seed k modulo `num_encoders`, so that intervals over agents
            cover encoders.
        arms: names of arms; None takes all that there are on each task.
        encoders: folder with one folder per task, as `rmr-gym run` and `rmr-gym balls` fill them.
        num_encoders: encoders of each arm, of the seeds 0, 1 and so on.
        steps: environment steps of each; None takes the defaults of the tasks.

    Raises:
        ValueError: when an arm, a task or an encoder is not there, one stands twice, or `num_encoders` is below 1.
    """
    as_count("num_encoders", num_encoders)
    planned = [
        _planned(task, arm, seed, _Encoders(encoders, num_encoders), steps)
        for seed in seeds
        for task in tasks
        for arm in (arms_of(task) if arms is None else arms)
    ]
    check_once("training", [one.name for one in planned])
    return planned


@dataclass(frozen=True, slots=True)
class _Encoders:
    """Where the encoders are."""

    root: Path | None
    number: int

    def folder(self, task: str, arm: str, seed: int) -> Path:
        """Return the folder of the encoder that an agent takes."""
        name = f"seed-{seed % self.number}"
        places = [] if self.root is None else [self.root / task / layout / arm / name for layout in _LAYOUTS]
        for place in places:
            if place.is_dir():
                return place
        looked = ", ".join(map(str, places)) or "no folder, as --encoders is missing"
        fix = (
            "Pass --encoders DIR with DIR/TASK made by `rmr-gym run TASK --out DIR/TASK`, or choose --arms without one."
        )
        raise ValueError(explain(expected=f"{name} of the encoder {arm} of {task}", got=looked, fix=fix))


def _planned(task: str, arm: str, seed: int, encoders: _Encoders, steps: int | None) -> Planned:
    name = ARMS[arm].encoder
    folder = encoders.folder(task, name, seed) if name is not None and ARMS[arm].plays(task) else None
    config = agent_config(task, arm, seed, None if folder is None else str(folder), steps)
    if folder is None:
        return Planned(arm=arm, config=config, encoder=None, encoder_weights=None)
    weights = read_encoder_document(folder)["fingerprint"]
    return Planned(arm=arm, config=config, encoder=f"{task}/{name}/{folder.name}", encoder_weights=weights)
