"""Trainings of agents that take no time: functions that worker processes can import."""

from __future__ import annotations

import json
import os
import shutil
import signal
from pathlib import Path
from typing import Any

from rmr_gym.sb3.training import AgentConfig

STEPS = (0, 100, 200, 400)
"""Environment steps after which they are evaluated."""


def train_at_once(config: AgentConfig, folder: Path) -> dict[str, Any]:
    """Write what a training writes: an agent on an encoder learns, one from scratch does not."""
    slope = 0.0 if type(config.features).__name__ == "NatureCnnFeatures" else 0.1 + 0.01 * config.seed
    folder.mkdir(parents=True)
    lines = [
        {"env_steps": step, "returns": [slope * step], "mean_return": slope * step, "training_seconds": 1.0}
        for step in STEPS
    ]
    (folder / "evaluations.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    seconds = {"training_seconds": 2.0, "wall_seconds": 4.0, "processor_seconds": 4.0}
    return {"env_steps": 400, "parameters": {"trainable": 7}, "threads": 1, **seconds}


def train_or_die(config: AgentConfig, folder: Path) -> dict[str, Any]:
    """Do the same, but be killed the first time that it is seed 1 on an encoder."""
    if config.seed == 1 and type(config.features).__name__ == "EncoderFeatures" and not folder.exists():
        folder.mkdir(parents=True)
        os.kill(os.getpid(), signal.SIGKILL)
    shutil.rmtree(folder, ignore_errors=True)
    return train_at_once(config, folder)
